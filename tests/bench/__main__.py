"""`make bench`: speed and memory, as ratios against a peer or a limit of the same run."""

import os
import sys
import tempfile
from pathlib import Path

from tests.bench import burned, deid, first_image, ingest, large, worklist
from tests.served import serve

BENCHES = {"ingest": ingest, "first-image": first_image, "large": large, "worklist": worklist}
ALONE = {"burned-in": burned, "deid": deid}
"""Benches that need no portal."""


def main(names: list[str]) -> int:
    orthanc = os.environ.get("HANDOVER_TEST_ORTHANC_URL")
    chosen = names or [*BENCHES, *ALONE]
    for name in [name for name in chosen if name in ALONE]:
        ALONE[name].run()
        chosen.remove(name)
    if not chosen:
        return 0
    with tempfile.TemporaryDirectory(
        prefix="handover-bench-", dir=os.environ.get("BENCH_DIR")
    ) as place:
        portal = serve(Path(place))
        try:
            for name in chosen:
                if name == "ingest" and not orthanc:
                    print("ingest: left out, Orthanc is missing (apt-get install orthanc)")
                    continue
                BENCHES[name].run(portal, orthanc or "")
        finally:
            portal.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
