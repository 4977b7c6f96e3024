"""What the benchmarks share: the workload, a plain HTTP client, CPU and memory of processes."""

import dataclasses
import http.client
import os
import re
import secrets
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlencode, urlsplit

from sharing.dicom import synthetic

Item = TypeVar("Item")
UID = re.compile(rb"2\.25\.\d{25,39}")


@dataclasses.dataclass(frozen=True)
class Workload:
    """The same files for every peer; `fresh` gives them other UIDs, so that nobody knows them."""

    files: list[bytes]

    @property
    def size(self) -> int:
        return sum(map(len, self.files))

    def fresh(self) -> list[bytes]:
        """The files under other UIDs of the same length, made outside of the clock."""
        salt = f"{secrets.randbelow(10**12):012d}".encode()
        return [_renamed(data, salt) for data in self.files]


def _renamed(data: bytes, salt: bytes) -> bytes:
    head = data[:16384]
    head = UID.sub(lambda found: found.group()[: -len(salt) - 6] + salt + found.group()[-6:], head)
    return head + data[16384:]


def ct(slices: int = 300) -> Workload:
    """A chest CT of 512 × 512: the workload generator's files where they are at hand, else ours."""
    folder = os.environ.get("BENCH_WORKLOAD")
    if folder:
        return Workload(
            [path.read_bytes() for path in sorted(Path(folder).rglob("*.dcm"))[:slices]]
        )
    return Workload(list(synthetic.ct_chest(synthetic.CHEST_CT, slices=slices)))


class Line:
    """One kept connection."""

    def __init__(self, address: str, **headers: str) -> None:
        self.headers = headers
        parts = urlsplit(address)
        self.connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=120)

    def send(self, verb: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.connection.request(verb, path, body, self.headers | named)
        answer = self.connection.getresponse()
        return answer.status, answer.read()


def signed_in(address: str, email: str, password: str) -> Line:
    """A browser's line after the sign-in page."""
    line = Line(address)
    page, cookies = _page(line, "GET", "/accounts/login/")
    token = re.search(rb'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert token, page[:500]
    form = {"login": email, "password": password, "csrfmiddlewaretoken": token[1].decode()}
    line.headers = {"Cookie": cookies, "Referer": f"{address}/accounts/login/"}
    _, signed = _page(line, "POST", "/accounts/login/", urlencode(form).encode())
    assert "session=" in signed, signed
    line.headers = {"Cookie": f"{cookies}; {signed}"}
    return line


def _page(line: Line, verb: str, path: str, body: bytes = b"") -> tuple[bytes, str]:
    """A page, and the cookies that it sets."""
    form = {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
    line.connection.request(verb, path, body, line.headers | form)
    answer = line.connection.getresponse()
    page = answer.read()
    cookies = [one.split(";")[0] for one in answer.headers.get_all("Set-Cookie") or ()]
    return page, "; ".join(cookies)


def at_once(
    count: int, items: Sequence[Item], send: Callable[[int], Callable[[Item], None]]
) -> float:
    """Send all items over `count` connections; the seconds that it took."""
    left: Iterator[Item] = iter(items)
    lock = threading.Lock()
    errors: list[Exception] = []

    def work(number: int) -> None:
        one = send(number)
        try:
            while True:
                with lock:
                    item = next(left, None)
                if item is None:
                    return
                one(item)
        except Exception as error:  # noqa: BLE001 told by the thread that waits
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - begun
    if errors:
        raise errors[0]
    return seconds


def family(pid: int) -> list[int]:
    """A process and everything below it."""
    found = [pid]
    for child in Path(f"/proc/{pid}/task").glob("*/children"):
        for text in child.read_text().split():
            found += family(int(text))
    return found


def memory(pid: int) -> int:
    """Bytes that a process and its children hold for themselves, shared pages by their share."""
    total = 0
    for one in family(pid):
        try:
            rollup = Path(f"/proc/{one}/smaps_rollup").read_text()
        except OSError:
            continue  # it ended meanwhile
        found = re.search(r"^Pss_Anon:\s+(\d+)", rollup, re.MULTILINE)
        total += int(found[1]) * 1024 if found else 0
    return total


class Peak:
    """The most memory that a process and its children hold while the block runs."""

    def __init__(self, pid: int) -> None:
        self.pid, self.before, self.most = pid, memory(pid), 0
        self._stop = threading.Event()

    def __enter__(self) -> "Peak":
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(0.1):
            self.most = max(self.most, memory(self.pid))

    @property
    def growth(self) -> int:
        return max(0, self.most - self.before)


def middle(values: Sequence[float]) -> float:
    return statistics.median(values)
