"""One instance of 3 GB up and down: how much memory the portal's processes take for it."""

import base64
import json
import os
import time
from collections.abc import Iterator

from sharing.dicom.synthetic import uid
from tests.bench.measuring import Line, Peak
from tests.dicom.making import ct, saved
from tests.served import Served

GIGABYTES = float(os.environ.get("BENCH_GIGABYTES", "3"))
PIECE = 64 * 2**20
FRAME = 2048 * 2048 * 2
GOAL = 200  # MB


def run(portal: Served, orthanc: str) -> None:
    header, frames = _header(int(GIGABYTES * 1e9 / FRAME))
    size = len(header) + frames * FRAME
    token = portal.token()
    begun = time.perf_counter()
    with Peak(portal.pid) as up:
        _send(portal.address, token, header, size)
    sent, begun = time.perf_counter() - begun, time.perf_counter()
    with Peak(portal.pid) as down:
        received = _fetch(portal.address, token)
    got = time.perf_counter() - begun
    assert received >= size, (received, size)
    print(
        f"large: {size / 1e9:.1f} GB up at {size / 1e6 / sent:.0f} MB/s, down at "
        f"{size / 1e6 / got:.0f} MB/s; memory above idle {up.growth / 1e6:.0f} MB up, "
        f"{down.growth / 1e6:.0f} MB down (limit {GOAL} MB, ratio "
        f"{max(up.growth, down.growth) / 1e6 / GOAL:.2f})"
    )


STUDY = uid("bench", "large")


def _header(frames: int) -> tuple[bytes, int]:
    """The bytes of a multi-frame image up to its pixels, whose length is written by hand."""
    image = ct(
        SOPClassUID="1.2.840.10008.5.1.4.1.1.7.3",
        StudyInstanceUID=STUDY,
        SeriesInstanceUID=f"{STUDY}.1",
        SOPInstanceUID=uid("bench", time.time_ns()),
        Rows=2048,
        Columns=2048,
        NumberOfFrames=frames,
        PixelData=b"\0\0",
    )
    whole = saved(image)
    head = whole[: whole.rindex(b"\xe0\x7f\x10\x00")]
    return head + b"\xe0\x7f\x10\x00OW\0\0" + (frames * FRAME).to_bytes(4, "little"), frames


def _send(address: str, token: str, header: bytes, size: int) -> None:
    line = Line(address, Authorization=f"Bearer {token}", **{"Tus-Resumable": "1.0.0"})
    _, body = line.send("POST", "/api/uploads/", b"{}", Content_Type="application/json")
    files = json.loads(body)["files_url"]
    name = base64.b64encode(b"slide.dcm").decode()
    line.connection.request(
        "POST",
        files,
        headers=line.headers | {"Upload-Length": str(size), "Upload-Metadata": f"path {name}"},
    )
    answer = line.connection.getresponse()
    answer.read()
    place, offset = answer.headers["Location"], 0
    while offset < size:
        count = min(PIECE, size - offset)
        status, body = _patch(line, place, offset, count, header)
        assert status == 204, body
        offset += count


def _patch(line: Line, place: str, offset: int, count: int, header: bytes) -> tuple[int, bytes]:
    line.connection.request(
        "PATCH",
        place,
        _bytes(header, offset, count),
        line.headers
        | {
            "Upload-Offset": str(offset),
            "Content-Length": str(count),
            "Content-Type": "application/offset+octet-stream",
        },
    )
    answer = line.connection.getresponse()
    return answer.status, answer.read()


def _bytes(header: bytes, offset: int, count: int) -> Iterator[bytes]:
    """`count` bytes of the file from `offset`: its header, then zeros."""
    if offset < len(header):
        first = header[offset : offset + count]
        yield first
        count -= len(first)
    empty = bytes(2**20)
    while count > 0:
        yield empty[: min(count, len(empty))]
        count -= len(empty)


def _fetch(address: str, token: str) -> int:
    """Fetch the study's ZIP, as a receiver does; how many bytes came."""
    line = Line(address, Authorization=f"Bearer {token}")
    _, body = line.send("GET", f"/dicom-web/studies?StudyInstanceUID={STUDY}")
    assert json.loads(body), "the large study is not there"
    _, body = line.send("GET", f"/dicom-web/studies/{STUDY}/instances")
    instance = json.loads(body)[0]["00080018"]["Value"][0]
    line.connection.request(
        "GET",
        f"/dicom-web/studies/{STUDY}/series/{STUDY}.1/instances/{instance}",
        headers=line.headers | {"Accept": "application/dicom; transfer-syntax=*"},
    )
    answer = line.connection.getresponse()
    assert answer.status == 200, answer.read(500)
    total, buffer = 0, bytearray(2**20)
    while count := answer.readinto(buffer):
        total += count
    return total
