"""A 300-slice CT by the upload page's protocol, beside Orthanc's REST: the same files, four at once."""

import base64
import json
import os
import time
from collections.abc import Callable
from typing import Any

from tests.bench.measuring import Line, at_once, ct, middle
from tests.served import Served

AT_ONCE = 4
TOGETHER = int(os.environ.get("BENCH_TOGETHER", "16"))  # as static/js/upload/transfer.js has it
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
GOAL = 1.5
Send = Callable[[list[bytes]], None]
Way = Callable[[Line, dict[str, Any]], Send]


def run(portal: Served, orthanc: str) -> None:
    workload, token = ct(), portal.token()
    ways: dict[str, tuple[int, Way]] = {
        f"{TOGETHER} files a request, {AT_ONCE} requests": (TOGETHER, together),
        f"by tus, {AT_ONCE} files": (1, by_tus),
    }
    speeds: dict[str, list[float]] = {way: [] for way in (*ways, "Orthanc")}
    visible = []
    for _ in range(ROUNDS):
        for name, (size, way) in ways.items():
            seconds, late = to_portal(portal.address, token, workload.fresh(), size, way)
            speeds[name].append(len(workload.files) / seconds)
            visible.append(late)
        seconds = to_orthanc(orthanc, workload.fresh())
        speeds["Orthanc"].append(len(workload.files) / seconds)
    print(f"ingest: {len(workload.files)} slices, {workload.size / 1e6:.0f} MB")
    for name in ways:
        _print(name, speeds[name], speeds["Orthanc"])
    print(f"ingest: all visible {1000 * max(visible):.0f} ms after the last byte (goal 1000 ms)")


def _print(way: str, ours: list[float], theirs: list[float]) -> None:
    ratios = [one / other for one, other in zip(ours, theirs, strict=True)]
    rounds = ", ".join(f"{ratio:.2f}" for ratio in ratios)
    print(
        f"ingest: {way} at a time: {middle(ours):.0f} against {middle(theirs):.0f} instances/s, "
        f"ratio {middle(ratios):.2f} (goal {GOAL}; rounds {rounds})"
    )


def to_portal(
    address: str, token: str, files: list[bytes], size: int = TOGETHER, way: Way | None = None
) -> tuple[float, float]:
    """Seconds for the files, and seconds after them until every instance is visible."""
    line = Line(address, Authorization=f"Bearer {token}")
    status, body = line.send("POST", "/api/uploads/", b"{}", Content_Type="application/json")
    assert status == 201, body
    upload, sender = json.loads(body), way or together
    parts = [files[at : at + size] for at in range(0, len(files), size)]
    seconds = at_once(AT_ONCE, parts, lambda _: sender(Line(address, **line.headers), upload))
    return seconds, _until_visible(line, upload["receipt_url"], len(files))


def together(line: Line, upload: dict[str, Any]) -> Send:
    def send(files: list[bytes]) -> None:
        index = [{"path": f"CT/{id(one)}", "size": len(one)} for one in files]
        body = json.dumps({"files": index}).encode() + b"\n" + b"".join(files)
        kind = "application/vnd.handover.batch"
        status, answer = line.send("POST", upload["batch_url"], body, Content_Type=kind)
        assert status == 200, answer
        assert {one["state"] for one in json.loads(answer)["results"]} == {"stored"}, answer

    return send


def by_tus(line: Line, upload: dict[str, Any]) -> Send:
    def send(files: list[bytes]) -> None:
        (data,) = files
        name = base64.b64encode(f"CT/{id(data)}".encode()).decode()
        status, answer = line.send(
            "POST",
            upload["files_url"],
            data,
            Upload_Length=str(len(data)),
            Upload_Metadata=f"path {name}",
            Content_Type="application/offset+octet-stream",
            Tus_Resumable="1.0.0",
        )
        assert status == 201, answer

    return send


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
