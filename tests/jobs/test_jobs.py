"""A job is queued with why, held by one, ended once, and its failures are told in our words."""

import logging
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connections, transaction
from django.utils import timezone

from sharing.jobs import queries, rules, work
from sharing.jobs.actions import cancel, enqueue, retry
from sharing.jobs.models import Job, Worker
from sharing.jobs.rules import MOVES, State
from sharing.jobs.work import sweeping
from sharing.kernel.errors import InvalidInputError, PeerBusyError, PeerRefusedError

NAME = "Svensson^Pat"


@pytest.fixture(autouse=True)
def _database(transactional_db: None) -> Iterator[None]:
    """Jobs are about transactions, so the tests do without one around them."""
    yield
    connections.close_all()


def register(function: Any, **limits: Any) -> str:
    work.job("tests.one", **limits)(function)
    return "tests.one"


def queue(function: Any, *, args: dict[str, Any] | None = None, **limits: Any) -> Job:
    return enqueue(register(function, **limits), key="one", args=args)


def run_one() -> Job:
    """Claim the next job, run it, and see what became of it."""
    claimed = work.claim_next()
    assert claimed
    work.execute(claimed)
    return Job.objects.get(pk=claimed.pk)


def test_a_job_does_what_was_asked_and_is_done() -> None:
    given = []
    job = queue(lambda run, **args: given.append((run.job_id, args)), args={"file": "17"})
    after = run_one()
    assert given == [(job.pk, {"file": "17"})]
    assert (after.state, after.attempts, after.leased_by) == (State.DONE, 1, "")
    assert work.claim_next() is None


def test_the_same_key_is_the_same_job_whatever_became_of_it() -> None:
    first = queue(lambda run: None)
    assert enqueue("tests.one", key="one").pk == first.pk
    run_one()
    assert enqueue("tests.one", key="one").pk == first.pk
    assert work.claim_next() is None


def test_what_is_rolled_back_queues_nothing_and_wakes_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    woken: list[str] = []
    monkeypatch.setattr(work, "wake", lambda: woken.append("woken"))
    register(lambda run: None)
    with transaction.atomic():
        enqueue("tests.one", key="one")
        transaction.set_rollback(True)
    assert not Job.objects.exists()
    assert woken == []
    with transaction.atomic():
        enqueue("tests.one", key="one")
        assert woken == []
    assert woken == ["woken"]


def test_a_kind_that_nobody_registered_is_refused_where_it_is_queued() -> None:
    with pytest.raises(LookupError, match=r"tests\.nothing"):
        enqueue("tests.nothing", key="x")


def test_a_job_for_tomorrow_waits() -> None:
    register(lambda run: None)
    enqueue("tests.one", key="one", run_after=timezone.now() + timedelta(days=1))
    assert work.claim_next() is None
    assert queries.health().waiting == 0


def test_each_of_many_jobs_is_taken_by_one_of_many_workers() -> None:
    register(lambda run: None)
    for number in range(30):
        enqueue("tests.one", key=str(number))
    start = threading.Barrier(4)

    def take() -> list[str]:
        start.wait()
        taken = []
        try:
            while claimed := work.claim_next():
                taken.append(claimed.key)
        finally:
            connections.close_all()
        return taken

    with ThreadPoolExecutor(4) as pool:
        taken = [one.result() for one in [pool.submit(take) for _ in range(4)]]
    assert sorted(key for keys in taken for key in keys) == sorted(map(str, range(30)))


def test_a_job_that_somebody_has_cannot_be_claimed_by_name() -> None:
    job = queue(lambda run: None)
    assert work.claim(job.pk)
    assert work.claim(job.pk) is None


def test_a_peer_that_refuses_is_asked_once() -> None:
    def refused(run: work.Run) -> None:
        raise PeerRefusedError("The archive at Mercy does not know us.")

    queue(refused)
    after = run_one()
    assert (after.state, after.error) == (State.FAILED, "The archive at Mercy does not know us.")


def test_a_peer_that_is_busy_is_asked_again_when_it_said() -> None:
    def busy(run: work.Run) -> None:
        raise PeerBusyError("Mercy's archive is busy.", retry_after=600)

    queue(busy)
    after = run_one()
    assert (after.state, after.attempts) == (State.QUEUED, 1)
    assert after.run_after > timezone.now() + timedelta(seconds=590)
    assert work.claim_next() is None


def test_attempts_come_to_an_end() -> None:
    def broken(run: work.Run) -> None:
        raise OSError

    queue(broken, attempts=3)
    states = []
    for _ in range(3):
        Job.objects.update(run_after=timezone.now())
        states.append(run_one().state)
    assert states == [State.QUEUED, State.QUEUED, State.FAILED]


def test_a_mistake_of_whoever_asked_is_not_repeated() -> None:
    def wrong(run: work.Run) -> None:
        raise InvalidInputError("The address of the archive is wrong.")

    queue(wrong)
    assert run_one().state == State.FAILED


def test_a_foreign_errors_text_reaches_neither_the_row_nor_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def tells(run: work.Run) -> None:
        raise ValueError(f"bad name {NAME}")

    queue(tells, attempts=1)
    with caplog.at_level(logging.DEBUG):
        after = run_one()
    assert after.error == rules.UNEXPECTED
    assert "ValueError" in caplog.text
    assert "tells:" in caplog.text
    assert NAME not in caplog.text


def test_a_decoders_panic_does_not_take_the_worker_with_it() -> None:
    class PanicError(BaseException):
        """As Rust's is: not an Exception."""

    def panics(run: work.Run) -> None:
        raise PanicError

    queue(panics, attempts=1)
    assert run_one().state == State.FAILED


def test_a_process_that_has_to_go_gives_its_job_back_at_once() -> None:
    def leaves(run: work.Run) -> None:
        raise SystemExit

    job = queue(leaves)
    with pytest.raises(SystemExit):
        run_one()
    assert work.claim(job.pk)


def test_a_worker_that_lost_its_lease_changes_nothing_any_more() -> None:
    def loses(run: work.Run) -> None:
        Job.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
        assert work.sweep().again == 1
        with run.finishing():
            Worker.objects.create(name="an effect", seen_at=timezone.now())

    queue(loses)
    assert run_one().state == State.QUEUED
    assert not Worker.objects.filter(name="an effect").exists()


def test_effect_and_end_are_committed_together_or_not_at_all() -> None:
    def half(run: work.Run) -> None:
        with run.finishing():
            Worker.objects.create(name="an effect", seen_at=timezone.now())
            if run.attempt == 1:
                raise OSError

    queue(half)
    assert run_one().state == State.QUEUED
    assert not Worker.objects.filter(name="an effect").exists()
    Job.objects.update(run_after=timezone.now())
    assert run_one().state == State.DONE
    assert Worker.objects.filter(name="an effect").count() == 1


def test_a_long_job_keeps_its_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "LEASE", timedelta(seconds=0.4))
    monkeypatch.setattr(rules, "HEARTBEAT", timedelta(seconds=0.1))
    pause = threading.Event()

    def long(run: work.Run) -> None:
        for _ in range(6):
            pause.wait(0.2)
            assert work.sweep().again == 0

    queue(long, attempts=1)
    assert run_one().state == State.DONE


def test_beyond_its_hard_limit_a_job_is_no_longer_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "LEASE", timedelta(seconds=0.3))
    monkeypatch.setattr(rules, "HEARTBEAT", timedelta(seconds=0.1))
    pause = threading.Event()

    def hangs(run: work.Run) -> None:
        pause.wait(1.5)

    queue(hangs, soft=timedelta(seconds=0.2), hard=timedelta(seconds=0.4), attempts=1)
    claimed = work.claim_next()
    assert claimed

    def execute() -> None:
        work.execute(claimed)
        connections.close_all()

    thread = threading.Thread(target=execute)
    thread.start()
    pause.wait(1)
    assert work.sweep().given_up == 1
    thread.join()
    assert Job.objects.get().error == rules.DIED


def test_a_job_out_of_time_is_told_so() -> None:
    def slow(run: work.Run) -> None:
        run.check()

    queue(slow, soft=timedelta(0), attempts=1)
    after = run_one()
    assert (after.state, "longer than it may" in after.error) == (State.FAILED, True)


def test_ada_sees_how_far_it_is() -> None:
    seen = []

    def counts(run: work.Run) -> None:
        for done in range(1, 4):
            run.progress(done, 3)
            seen.append(Job.objects.get().progress_done)

    queue(counts)
    after = run_one()
    assert seen[0] == 1
    assert (after.progress_done, after.progress_total) == (3, 3)


def test_ada_calls_off_a_job_that_waits() -> None:
    job = queue(lambda run: None)
    assert cancel(job)
    assert work.claim_next() is None
    assert Job.objects.get().state == State.CANCELLED


def test_ada_calls_off_a_job_that_runs() -> None:
    def unpacks(run: work.Run) -> None:
        assert not cancel(Job.objects.get())
        run.check()

    queue(unpacks)
    assert run_one().state == State.CANCELLED


def test_a_job_called_off_while_its_worker_dies_is_not_begun_again() -> None:
    job = queue(lambda run: None)
    assert work.claim(job.pk)
    cancel(job)
    Job.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    work.sweep()
    assert Job.objects.get().state == State.CANCELLED


def test_a_failed_job_is_tried_again_when_a_person_says_so() -> None:
    def fails_first(run: work.Run) -> None:
        if not Worker.objects.exists():
            Worker.objects.create(name="was here", seen_at=timezone.now())
            raise PeerRefusedError("No.")

    job = queue(fails_first)
    assert run_one().state == State.FAILED
    assert retry(job)
    assert run_one().state == State.DONE
    assert not retry(job)


def test_a_job_that_kills_each_worker_is_given_up() -> None:
    job = queue(lambda run: None, attempts=2)
    for _ in range(2):
        assert work.claim(job.pk)
        Job.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
        work.sweep()
    after = Job.objects.get()
    assert (after.state, after.error) == (State.FAILED, rules.DIED)


def test_a_job_of_a_newer_version_waits_for_a_worker_that_knows_it() -> None:
    Job.objects.create(kind="tests.of_tomorrow", key="x")
    after = run_one()
    assert (after.state, after.leased_by) == (State.QUEUED, "")
    assert after.run_after > timezone.now()


def test_a_recurring_job_is_queued_once_in_each_span_by_however_many_sweepers(
    time_machine: Any,
) -> None:
    register(lambda run: None, every=timedelta(hours=1))
    mine = Job.objects.filter(kind="tests.one")
    time_machine.move_to("2026-11-21T10:10:00Z", tick=False)
    work.sweep()
    work.sweep()
    assert mine.count() == 1
    time_machine.move_to("2026-11-21T11:00:01Z", tick=False)
    work.sweep()
    assert mine.count() == 2


def test_what_is_finished_for_long_is_cleared_and_the_rest_stays() -> None:
    queue(lambda run: None)
    old = run_one()
    enqueue("tests.one", key="waiting")
    Job.objects.filter(pk=old.pk).update(finished_at=timezone.now() - timedelta(days=31))
    sweeping.clear()
    assert [job.key for job in Job.objects.all()] == ["waiting"]


def test_health_names_what_is_wrong() -> None:
    assert "No worker" in queries.health().detail
    sweeping.sign_of_life("tests")
    sweeping.sign_of_life("tests")
    assert queries.health() == queries.Health(True, "", 1, 0, 0, 0, 0.0)
    queue(lambda run: None)
    Job.objects.update(run_after=timezone.now() - timedelta(minutes=30))
    late = queries.health()
    assert not late.ok
    assert "30 minutes" in late.detail
    Worker.objects.update(seen_at=timezone.now() - timedelta(minutes=2))
    assert queries.health().workers == 0


def test_every_state_has_its_moves_and_every_failure_its_kind() -> None:
    assert set(MOVES) == set(State)
    assert {to for moves in MOVES.values() for to in moves} == set(State)
    for finished in rules.FINISHED:
        assert MOVES[finished] <= {State.QUEUED}
    assert rules.can_move("failed", "queued")
    assert not rules.can_move("done", "queued")
    assert rules.is_passing(PeerBusyError())
    assert not rules.is_passing(PeerRefusedError())


def test_pauses_grow_to_an_hour_and_never_meet() -> None:
    pauses = [rules.pause(attempt).total_seconds() for attempt in range(1, 12)]
    assert pauses[:4] == [5, 20, 80, 320]
    assert max(pauses) == 3600
    assert rules.pause(1, chance=0) < rules.pause(1, chance=1)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"state": "running"}, "job_is_held_while_it_runs_and_only_then"),
        ({"leased_by": "x"}, "job_is_held_while_it_runs_and_only_then"),
        ({"state": "done"}, "job_that_is_finished_says_when"),
        ({"finished_at": "2026-01-01T00:00Z"}, "job_that_is_finished_says_when"),
        ({"state": "failed", "finished_at": "2026-01-01T00:00Z"}, "job_that_failed_says_why"),
        ({"progress_done": 3, "progress_total": 2}, "job_has_not_done_more_than_all"),
        ({"state": "asleep"}, "job_is_in_a_state_that_exists"),
    ],
)
def test_the_database_refuses_a_job_that_cannot_be(changes: dict[str, Any], sentence: str) -> None:
    queue(lambda run: None)
    with pytest.raises(IntegrityError, match=sentence):
        Job.objects.update(**changes)
