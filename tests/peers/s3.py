"""A real S3: Ceph's gateway over one monitor and one object daemon, all in memory.

The stand-ins that are easier to start accept forged signatures or break ranges.
"""

import os
import uuid
from pathlib import Path

from tests.peers import processes
from tests.peers.processes import Peer

KEY, SECRET, BUCKET, REGION = "HANDOVERTEST", "a-secret-of-the-tests", "handover", "us-east-1"

CONFIGURATION = """\
[global]
fsid={fsid}
mon_host=v1:127.0.0.1:{monitor}
ms_bind_msgr2=false
public_addr=127.0.0.1
auth_cluster_required=none
auth_service_required=none
auth_client_required=none
run_dir={folder}
admin_socket={folder}/$name.asok
log_file={folder}/$name.log
pid_file={folder}/$name.pid
osd_pool_default_size=1
osd_pool_default_min_size=1
osd_pool_default_pg_num=4
mon_allow_pool_size_one=true
mon_max_pg_per_osd=1000
mon_warn_on_pool_no_redundancy=false
osd_crush_chooseleaf_type=0
rgw_crypt_require_ssl=false
[mon.a]
mon_data={folder}/mon
mon_addr=127.0.0.1:{monitor}
[osd.0]
osd_data={folder}/osd
osd_objectstore=memstore
memstore_device_bytes=4294967296
[client.rgw]
rgw_frontends=beast endpoint=127.0.0.1:{gateway}
rgw_data={folder}/rgw
keyring=/dev/null
"""


def begin(folder: Path) -> Peer:
    """Start the three daemons and make one bucket."""
    names = ("ceph", "ceph-mon", "ceph-osd", "radosgw", "radosgw-admin", "monmaptool")
    programs = {name: processes.program(name) for name in names}
    peer = Peer()
    try:
        gateway = _cluster(folder, programs, peer)
        _make_bucket(gateway)
    except BaseException:
        peer.stop()
        raise
    peer.environment |= {
        "HANDOVER_TEST_S3_URL": f"s3://{BUCKET}?endpoint=http://127.0.0.1:{gateway}",
        "HANDOVER_TEST_S3_KEY": KEY,
        "HANDOVER_TEST_S3_SECRET": SECRET,
    }
    return peer


def _cluster(folder: Path, programs: dict[str, str], peer: Peer) -> int:
    """Start the monitor, the object daemon and the gateway; returns the gateway's port."""
    for name in ("mon", "osd", "rgw"):
        (folder / name).mkdir()
    log, cluster = folder / "s3.log", str(uuid.uuid4())
    monitor, gateway = processes.free_port(), processes.free_port()
    settings = folder / "ceph.conf"
    settings.write_text(
        CONFIGURATION.format(fsid=cluster, folder=folder, monitor=monitor, gateway=gateway)
    )
    given = ["-c", str(settings)]
    root: list[str] = ["--setuser", "root", "--setgroup", "root"] if os.geteuid() == 0 else []

    def daemon(name: str, *words: str) -> None:
        peer.processes.append(
            processes.start([programs[name], *given, *root, *words, "-f"], log=log)
        )

    def once(name: str, *words: str | Path) -> None:
        processes.run([programs[name], *words], log=log)

    place = f"[v1:127.0.0.1:{monitor}]"
    once("monmaptool", "--create", "--fsid", cluster, "--addv", "a", place, folder / "monmap")
    once("ceph-mon", *given, *root, "--mkfs", "-i", "a", "--monmap", folder / "monmap")
    daemon("ceph-mon", "-i", "a")
    once("ceph-osd", *given, *root, "-i", "0", "--mkfs")
    once("ceph", *given, "osd", "new", (folder / "osd" / "fsid").read_text().strip(), "0")
    daemon("ceph-osd", "-i", "0")
    user = ("--uid=tests", "--display-name=tests", f"--access-key={KEY}", f"--secret-key={SECRET}")
    once("radosgw-admin", *given, "user", "create", *user)
    daemon("radosgw", "-n", "client.rgw")
    processes.until(lambda: processes.listens(gateway), peer.processes[-1], log=log)
    return gateway


def _make_bucket(gateway: int) -> None:
    import boto3  # here: the other peers start without it

    boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{gateway}",
        aws_access_key_id=KEY,
        aws_secret_access_key=SECRET,
        region_name=REGION,
    ).create_bucket(Bucket=BUCKET)
