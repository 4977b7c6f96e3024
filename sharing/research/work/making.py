"""De-identifying a release file by file; whatever was done stays done, also over a kill.

A job is one lane of one study. What comes of a file is put into the store under a key that nobody
is shown, then one conditional UPDATE says so: of two that did the same file, one counts.
"""

import contextlib
import dataclasses
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import orjson
from django.db import transaction
from django.db.models import F

from sharing.deid.engine import Engine, Outcome
from sharing.deid.keys import Keys
from sharing.deid.known import Known
from sharing.deid.ledger import to_json
from sharing.deid.profile import load
from sharing.deid.refusal import DeidError
from sharing.ingest.work import spool
from sharing.jobs.actions import enqueue
from sharing.research.models import Hold, Item, Release, ReleaseStudy
from sharing.research.rules.states import ItemState, Move, ReleaseState, after, may_move
from sharing.research.work import files, vault
from sharing.research.work.checking import Found, checked
from sharing.storage.objects import store

Check = Callable[[], None]
LANES = 4  # jobs of one study that run beside each other
AT_ONCE = 25  # files between two starts of the check
LARGE = 100 * 2**20  # bytes of a file that goes by itself
PER_LANE = 50  # files for which another lane is worth its while
TRIES = 7  # of the 8 that a job has: a file that takes its worker with it must not take the others
BROKE = (
    "The software broke down at this file several times, so the file was left out. Nothing of it "
    "was released."
)


def queue(release: Release) -> None:
    """Queue what is still to be done, in the caller's transaction."""
    left = release.items.filter(state=ItemState.WAITING)
    counts = Counter(left.values_list("study_id", flat=True))
    for chosen_id, count in counts.items():
        lanes = min(LANES, -(-count // PER_LANE))
        for lane in range(lanes):
            enqueue(
                "research.deidentify",
                key=f"release:{release.pk}:{release.runs}:{chosen_id.hex}:{lane}",
                args={"chosen": str(chosen_id), "lane": lane, "lanes": lanes},
            )


@dataclasses.dataclass(frozen=True, slots=True)
class Bench:
    """What one lane works with."""

    release: Release
    secret: bytes
    engine: Engine
    known: Known


def work_through(chosen_id: uuid.UUID, *, lane: int, lanes: int, check: Check) -> None:
    """Do the files of one lane that are still to be done, as long as the release is at work."""
    chosen = ReleaseStudy.objects.select_related("release__project__vault").get(pk=chosen_id)
    if not _is_at_work(chosen.release_id):
        return
    bench = _bench(chosen, check)
    for batch in _batches(_of_lane(chosen, lane, lanes)):
        check()
        if not _is_at_work(chosen.release_id):
            return
        make(batch, bench, check)
    settle(chosen.release_id)


def _is_at_work(release_id: uuid.UUID) -> bool:
    return Release.objects.filter(pk=release_id, state=ReleaseState.RUNNING).exists()


def _of_lane(chosen: ReleaseStudy, lane: int, lanes: int) -> Iterator[Item]:
    ordered = list(chosen.items.order_by("pk").values_list("pk", flat=True))
    for pk in ordered[lane::lanes]:
        item = Item.objects.filter(pk=pk, state=ItemState.WAITING).select_related("source").first()
        if item is not None:
            yield item


def _batches(items: Iterator[Item]) -> Iterator[list[Item]]:
    """A few at a time, so that the check is worth starting.

    One that was begun before goes by itself: should it be what the worker dies of, no other counts
    as tried with it.
    """
    batch: list[Item] = []
    for item in items:
        assert item.source is not None  # it goes with the secret, and no release is open then
        alone = item.attempts > 0 or item.source.size > LARGE
        if batch and (alone or len(batch) == AT_ONCE):
            yield batch
            batch = []
        batch.append(item)
        if alone:
            yield batch
            batch = []
    if batch:
        yield batch


def _bench(chosen: ReleaseStudy, check: Check) -> Bench:
    release = chosen.release
    secret = vault.secret_of(release.project.vault)
    # One time for all files: whoever makes one, however often, makes the same bytes.
    engine = Engine(
        load(release.profile_text), Keys(secret), created=release.started_at, durable=False
    )
    return Bench(release, secret, engine, _known(chosen, engine, secret, check))


def _known(chosen: ReleaseStudy, engine: Engine, secret: bytes, check: Check) -> Known:
    """What all headers of the study say of its patient and people; read once, then kept sealed."""
    if chosen.known:
        return Known.from_json(
            orjson.loads(vault.opened(secret, bytes(chosen.known), about=chosen.pk))
        )
    known = engine.known()
    keys = chosen.items.exclude(source=None).values_list("source__key", flat=True)
    for key in keys.order_by("pk"):
        check()
        with files.at_hand(key, of=chosen.release_id) as source, contextlib.suppress(DeidError):
            engine.learn(source, known)  # what cannot be read is refused when its turn comes
    sealed = vault.close(secret, orjson.dumps(known.to_json()), about=chosen.pk)
    ReleaseStudy.objects.filter(pk=chosen.pk, release__state=ReleaseState.RUNNING).update(
        known=sealed
    )
    return known


def make(batch: Sequence[Item], bench: Bench, check: Check) -> None:
    """De-identify some files, check them, and let the results wait in the store."""
    with contextlib.ExitStack() as open_files:
        made = []
        for item in batch:
            check()
            if done := _made(item, bench, open_files):
                made.append(done)
        if not made:
            return
        found = checked(bench.engine.profile, [(one.source, one.target) for one in made])
        check()
        for one, doubts in zip(made, found, strict=True):
            keep(one, doubts, bench)


@dataclasses.dataclass(frozen=True, slots=True)
class Made:
    """A copy that was written, beside its original."""

    item: Item
    outcome: Outcome
    source: Path
    target: Path


def _made(item: Item, bench: Bench, open_files: contextlib.ExitStack) -> Made | None:
    """One file de-identified; None where it cannot be, and its row says why."""
    Item.objects.filter(pk=item.pk).update(attempts=F("attempts") + 1)
    if item.attempts >= TRIES:
        refuse(item, BROKE)
        return None
    assert item.source is not None
    target = files.room(bench.release.pk)
    open_files.callback(spool.drop, target)
    source = open_files.enter_context(files.at_hand(item.source.key, of=bench.release.pk))
    try:
        return Made(item, bench.engine.deidentify(source, target, bench.known), source, target)
    except DeidError as error:
        refuse(item, error.detail)
        return None


def refuse(item: Item, why: str) -> None:
    waiting = Item.objects.filter(pk=item.pk, state=ItemState.WAITING)
    waiting.update(state=ItemState.REFUSED, why=why[:400])


def keep(made: Made, found: Sequence[Found], bench: Bench) -> None:
    """Bytes and ledger first, then the row that names them, unless another was faster."""
    item, outcome, target = made.item, made.outcome, made.target
    place = f"research/{bench.release.pk.hex}/{item.pk.hex}-{outcome.sha256}"
    seen = outcome.pixels.to_json() if outcome.pixels else None
    written = orjson.dumps(to_json(outcome.ledger, outcome.doubts) | {"pixels": seen})
    store().put_bytes(f"{place}.ledger", vault.close(bench.secret, written, about=item.pk))
    store().put_file(f"{place}.dcm", target, sha256=outcome.sha256)
    doubts = [*((one.kind, one.path, one.sentence) for one in outcome.doubts), *found]
    if _noted(item, outcome, doubts, place):
        return
    there = Item.objects.filter(pk=item.pk, output_key=f"{place}.dcm").exists()
    if not there:
        for ending in ("dcm", "ledger"):
            store().delete(f"{place}.{ending}")


def _noted(item: Item, outcome: Outcome, doubts: Sequence[Found], place: str) -> bool:
    counts: Counter[str] = Counter()
    for entry in outcome.ledger:
        counts[str(entry.action)] += entry.count
    waiting = Item.objects.filter(pk=item.pk, state=ItemState.WAITING, release__state__in=UNDER_WAY)
    with transaction.atomic():
        done = waiting.update(
            state=ItemState.MADE,
            output_key=f"{place}.dcm",
            ledger_key=f"{place}.ledger",
            uid=outcome.instance_uid,
            sha256=bytes.fromhex(outcome.sha256),
            size=outcome.size,
            counts=counts,
            masks=len(outcome.pixels.boxes) if outcome.pixels else 0,
            risk=outcome.pixels.risk if outcome.pixels else None,
        )
        if done:
            Hold.objects.bulk_create(
                Hold(
                    release_id=item.release_id,
                    item=item,
                    kind=str(kind)[:20],
                    path=path[:300],
                    sentence=sentence[:500],
                )
                for kind, path, sentence in doubts
            )
    return bool(done)


UNDER_WAY = (ReleaseState.RUNNING, ReleaseState.PAUSED)


def settle(release_id: uuid.UUID) -> None:
    """Say what waits now, when every file has been worked on, or the last doubt was decided."""
    with transaction.atomic():
        release = Release.objects.select_for_update().get(pk=release_id)
        if release.items.filter(state=ItemState.WAITING).exists():
            return
        doubtful = release.holds.filter(decision="").exists()
        moves = (Move.HOLD,) if doubtful else (Move.SETTLE, Move.DECIDE)
        for move in moves:
            if may_move(release.state, move):
                release.state = after(release.state, move)
                release.save(update_fields=["state"])
                return


def drop_output(item: Item) -> None:
    """Take what was made of a file out of the store, once the caller's transaction stands."""
    keys = [key for key in (item.output_key, item.ledger_key) if key]
    transaction.on_commit(lambda: delete(keys))


def delete(keys: list[str]) -> None:
    for key in keys:
        store().delete(key)
