"""An Orthanc: an independent archive that speaks DICOM, DICOMweb and its own REST."""

import json
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from tests.peers import processes
from tests.peers.processes import Peer

PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")


def begin(folder: Path) -> Peer:
    """Start an archive that is empty and open to this machine alone."""
    executable = processes.program("Orthanc")
    if not PLUGIN.exists():
        raise processes.PeerMissingError("orthanc-dicomweb is not installed")
    http, dicom, log = processes.free_port(), processes.free_port(), folder / "orthanc.log"
    (folder / "orthanc.json").write_text(json.dumps(_configuration(folder, http, dicom)))
    server = processes.start([executable, folder / "orthanc.json"], log=log)
    address = f"http://127.0.0.1:{http}"
    peer = Peer(
        {
            "HANDOVER_TEST_ORTHANC_URL": address,
            "HANDOVER_TEST_ORTHANC_DICOM": f"ORTHANC@127.0.0.1:{dicom}",
        },
        [server],
    )
    try:
        processes.until(lambda: _answers(address), server, log=log)
    except BaseException:
        peer.stop()
        raise
    return peer


def _configuration(folder: Path, http: int, dicom: int) -> dict[str, object]:
    return {
        "Name": "Tests",
        "StorageDirectory": str(folder / "store"),
        "IndexDirectory": str(folder / "store"),
        "HttpPort": http,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomPort": dicom,
        "DicomAet": "ORTHANC",
        "DicomCheckCalledAet": False,
        "DicomCheckModalityHost": False,
        "DicomAlwaysAllowEcho": True,
        "DicomAlwaysAllowStore": True,
        "StrictAetComparison": False,
        "Plugins": [str(PLUGIN)],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }


def _answers(address: str) -> bool:
    try:
        with urlopen(f"{address}/system", timeout=5) as reply:
            return bool(reply.status == 200)
    except (URLError, OSError):
        return False
