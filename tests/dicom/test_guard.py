"""A file can take down the child that works on it, never the server or the next patient's image."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from sharing.dicom import guard
from sharing.dicom.guard import GuardError, Harm, guarded
from sharing.dicom.places import BusyError, Places
from sharing.dicom.refusal import Reason, RefusedError
from tests.dicom.harmful import (
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
    write,
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


def test_a_child_leaves_no_file_behind(tmp_path):
    target = tmp_path / "left"
    assert guarded(write, str(target)) is False
    assert not target.exists() or target.stat().st_size == 0


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
