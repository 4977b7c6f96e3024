"""A file can take down the child that works on it, never the server or the next patient's image."""

import functools
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from sharing.dicom import confinement, guard
from sharing.dicom.guard import GuardError, Harm, guarded
from sharing.dicom.places import BusyError, Places
from sharing.dicom.refusal import Reason, RefusedError
from tests.dicom.harmful import (
    DEEDS,
    attempt,
    crash,
    doze,
    facts,
    numbers,
    panic,
    refuse,
    spin,
    stumble,
    swell,
    twice,
    vanish,
)

ROOT = Path(__file__).resolve().parents[2]


def test_an_answer_comes_back_as_it_was_given():
    assert guarded(twice, b"ab") == b"abab"
    assert guarded(twice, b"ab", again=True) == b"abababab"
    large = os.urandom(5 << 20)
    assert guarded(twice, large) == large * 2
    answer = guarded(numbers)
    assert answer.dtype == np.dtype("<i2")
    assert answer.tolist() == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize(
    ("harmful", "kind", "seconds"),
    [
        (swell, Harm.MEMORY, 10),
        (spin, Harm.TIME, 0.5),
        (doze, Harm.TIME, 0.5),
        (vanish, Harm.CRASH, 10),
        (crash, Harm.CRASH, 10),
        (panic, Harm.FAILED, 10),
        (stumble, Harm.FAILED, 10),
    ],
)
def test_whoever_opens_a_hostile_file_is_told_and_the_next_person_is_served(harmful, kind, seconds):
    started = time.monotonic()
    with pytest.raises(GuardError) as caught:
        guarded(harmful, seconds=seconds)
    assert caught.value.kind is kind
    assert time.monotonic() - started < seconds + 2
    assert "Winter" not in f"{caught.value} {caught.value.cause}"
    assert guarded(twice, b"ab") == b"abab"


def test_a_refusal_keeps_its_reason_on_the_way_out_of_the_child():
    with pytest.raises(RefusedError) as caught:
        guarded(refuse)
    assert caught.value.reason is Reason.TOO_DEEP
    assert caught.value.detail == RefusedError(Reason.TOO_DEEP).detail


def test_a_child_knows_no_secret_of_the_server_and_none_of_its_connections(monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "must not be seen")
    guard._holder.get().stop()  # so that a server is started with this environment
    one, other = guarded(facts), guarded(facts)
    assert "SECRET_KEY" not in one["environment"]
    assert one["pid"] != other["pid"] != os.getpid()
    assert one["fds"] <= 6  # in, out, errors, its socket, and the folder it is listing


@pytest.mark.parametrize(
    "deed", [one for one in DEEDS if "file" in one], ids=lambda deed: deed.replace(" ", "-")
)
def test_a_child_that_is_taken_over_finds_no_file_of_anybody_and_changes_none(deed, tmp_path):
    kept = tmp_path / "kept"
    kept.write_bytes(b"SECRET_KEY")
    kept.chmod(0o600)
    assert guarded(attempt, deed, str(kept)) == "PermissionError"
    assert kept.read_bytes() == b"SECRET_KEY"
    assert kept.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "deed", [one for one in DEEDS if "file" not in one], ids=lambda deed: deed.replace(" ", "-")
)
def test_a_child_that_is_taken_over_reaches_nobody_and_starts_nothing(deed):
    assert guarded(attempt, deed, str(os.getpid())) in (
        "PermissionError",
        "RuntimeError",
        "ValueError",
    )


def test_each_wall_stands_by_itself(tmp_path):
    """Where the kernel lacks one of them, the other still holds."""
    (tmp_path / "kept").touch()
    program = (
        "import sys\n"
        "from sharing.dicom import confinement\n"
        "from tests.dicom.harmful import attempt\n"
        "confinement._drop_rights()\n"
        "getattr(confinement, sys.argv[1])()\n"
        "sys.exit(attempt(sys.argv[2], sys.argv[3]) != 'PermissionError')\n"
    )
    for wall, deed in (("_leave_the_code", "read a file"), ("_filter_calls", "empty a file")):
        words = [sys.executable, "-c", program, wall, deed, str(tmp_path / "kept")]
        assert subprocess.run(words, cwd=ROOT, check=False, timeout=60).returncode == 0, wall


def test_a_system_without_these_walls_is_named_once_in_the_log(monkeypatch, caplog):
    monkeypatch.setattr(guard, "_report", functools.cache(guard._report.__wrapped__))
    for _ in range(2):
        guard._report("landlock", "seccomp")
    assert [record.getMessage() for record in caplog.records] == ["guard_without landlock seccomp"]


def test_an_unknown_kernel_leaves_a_wall_out_and_goes_on(monkeypatch):
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    monkeypatch.setattr(confinement, "_drop_rights", lambda: None)
    monkeypatch.setattr(confinement, "_leave_the_code", lambda: None)
    assert confinement.confine() == ["seccomp"]


def test_a_fork_server_that_died_is_replaced_unnoticed():
    guarded(twice, b"a")
    server = guard._holder.get()
    server.process.kill()
    server.process.wait()
    assert guarded(twice, b"ab") == b"abab"


def test_many_readers_at_once_each_get_their_own_image():
    answers: dict[int, bytes] = {}

    def read(number: int) -> None:
        answers[number] = guarded(twice, str(number).encode() * 1000)

    threads = [threading.Thread(target=read, args=(number,)) for number in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {number: str(number).encode() * 2000 for number in range(24)}


def test_a_full_house_is_said_and_does_not_queue_for_ever():
    places = Places(2)
    with places.hold("one"), places.hold("other"):
        with pytest.raises(BusyError) as caught, places.hold("a third", patience=0.05):
            pytest.fail("there was no place")
        assert (caught.value.status, caught.value.retry_after) == (503, 2)
    with places.hold("a third", patience=0):
        pass


def test_one_visitor_leaves_half_of_the_places_to_the_others():
    places = Places(4)
    with places.hold("greedy"), places.hold("greedy"):
        with pytest.raises(BusyError), places.hold("greedy", patience=0.05):
            pytest.fail("a third place of four")
        with places.hold("other", patience=0), places.hold("other", patience=0):
            pass
    with places.hold("greedy", patience=0):
        pass


def test_whoever_waits_gets_the_place_that_comes_free():
    places, came, served = Places(2), threading.Event(), threading.Event()

    def wait() -> None:
        came.set()
        with places.hold("patient", patience=60):
            served.set()

    with places.hold("patient"):
        waiting = threading.Thread(target=wait)
        waiting.start()
        assert came.wait(60)
        assert not served.is_set()
    assert served.wait(60)
    waiting.join()


def test_a_child_takes_a_place_of_whoever_asked(monkeypatch):
    monkeypatch.setattr(guard._holder, "places", Places(2))
    monkeypatch.setattr("sharing.dicom.places.PATIENCE", 0.05)
    with guard.place("one"):
        with pytest.raises(BusyError):
            guarded(twice, b"a", asker="one")
        assert guarded(twice, b"a", asker="other") == b"aa"


def test_a_forked_worker_gets_a_server_of_its_own_and_leaves_ours_alone():
    guarded(twice, b"a")
    program = (
        "import os, sys\n"
        "from sharing.dicom.guard import guarded, _holder\n"
        "from tests.dicom.harmful import twice\n"
        "assert guarded(twice, b'a') == b'aa'\n"
        "ours = _holder.server.process.pid\n"
        "worker = os.fork()\n"
        "if not worker:\n"
        "    ok = guarded(twice, b'b') == b'bb' and _holder.server.process.pid != ours\n"
        "    _holder.server.stop()\n"
        "    os._exit(0 if ok else 1)\n"
        "assert os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1]) == 0\n"
        "assert guarded(twice, b'c') == b'cc' and _holder.server.process.pid == ours\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
