"""A 300-slice CT by the upload page's protocol, beside Orthanc's REST: the same files, four at once."""

import base64
import json
import os
import time
from collections.abc import Callable

from tests.bench.measuring import Line, at_once, ct, middle
from tests.served import Served

AT_ONCE = 4
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
GOAL = 1.5


def run(portal: Served, orthanc: str) -> None:
    workload = ct()
    token = portal.token()
    ours, theirs, visible = [], [], []
    for _ in range(ROUNDS):
        seconds, late = to_portal(portal.address, token, workload.fresh())
        ours.append(len(workload.files) / seconds)
        visible.append(late)
        theirs.append(len(workload.files) / to_orthanc(orthanc, workload.fresh()))
    ratios = [one / other for one, other in zip(ours, theirs, strict=True)]
    print(
        f"ingest: {len(workload.files)} slices, {workload.size / 1e6:.0f} MB, {AT_ONCE} at a time: "
        f"{middle(ours):.0f} against {middle(theirs):.0f} instances/s, "
        f"ratio {middle(ratios):.2f} (goal {GOAL}; rounds {', '.join(f'{r:.2f}' for r in ratios)})"
    )
    print(f"ingest: all visible {1000 * max(visible):.0f} ms after the last byte (goal 1000 ms)")


def to_portal(address: str, token: str, files: list[bytes]) -> tuple[float, float]:
    """Seconds for the files, and seconds after them until every instance is visible."""
    headers = {"Authorization": f"Bearer {token}", "Tus-Resumable": "1.0.0"}
    line = Line(address, **headers)
    status, body = line.send("POST", "/api/uploads/", b"{}", Content_Type="application/json")
    assert status == 201, body
    upload = json.loads(body)

    def sender(number: int) -> Callable[[bytes], None]:
        mine = Line(address, **headers)

        def send(data: bytes) -> None:
            name = base64.b64encode(f"CT/{number}/{id(data)}".encode()).decode()
            status, body = mine.send(
                "POST",
                upload["files_url"],
                data,
                Upload_Length=str(len(data)),
                Upload_Metadata=f"path {name}",
                Content_Type="application/offset+octet-stream",
            )
            assert status == 201, body

        return send

    seconds = at_once(AT_ONCE, files, sender)
    return seconds, _until_visible(line, upload["receipt_url"], len(files))


def _until_visible(line: Line, receipt_url: str, count: int) -> float:
    begun = time.perf_counter()
    while True:
        receipt = json.loads(line.send("GET", receipt_url)[1])
        (study,) = receipt["studies"]
        found = json.loads(line.send("GET", f"/api/studies/{study['id']}/")[1])
        if receipt["stored"] == count and found["instance_count"] == count:
            return time.perf_counter() - begun


def to_orthanc(address: str, files: list[bytes]) -> float:
    def sender(_: int) -> Callable[[bytes], None]:
        mine = Line(address)

        def send(data: bytes) -> None:
            status, body = mine.send("POST", "/instances", data, Content_Type="application/dicom")
            assert status == 200, body

        return send

    return at_once(AT_ONCE, files, sender)
