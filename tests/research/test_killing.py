"""Workers die at random points of a release: nothing is released twice, and nothing half is seen.

How many are killed says KILLS; few by default, because each takes a moment.
"""

import os
import random
import signal
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from django.conf import settings

from sharing.ingest.models import Upload
from sharing.jobs.models import Job
from sharing.research.actions import releases as actions
from sharing.research.models import Item, Release
from sharing.research.queries.releases import outputs, progress, stopped
from sharing.research.rules.states import ItemState, ReleaseState
from sharing.research.work.making import BROKE
from sharing.storage.objects import store
from sharing.studies.models import Instance, Study
from tests import factories as f
from tests.jobs.workers import THREADS, Nursery, Worker, environment, running, until
from tests.research.making import drafted, project

KILLS = int(os.environ.get("KILLS", "6"))
STUDIES, IMAGES = 3, 4
LIVES = (0.2, 1.0, 5.0)  # seconds that a worker lives, at most: some come far, some not
MOMENTS = 600  # lives of workers for one release, at most


@pytest.fixture
def worker(transactional_db: None, tmp_path: Path) -> Iterator[Worker]:
    """Workers that share the tests' database, store, spool and secret."""
    shared = {
        "STORAGE_URL": settings.STORAGE_URL,
        "SPOOL_DIR": str(settings.SPOOL_DIR),
        "SECRET_KEY": settings.SECRET_KEY,
    }
    nursery = Nursery(environment(tmp_path, "") | shared)
    with closing(nursery), running(nursery, THREADS, tmp_path) as worker:
        worker.end()
        yield worker


class Killer:
    """Lets a worker live for a moment, again and again, and looks at what can be seen."""

    def __init__(self, worker: Worker) -> None:
        self.worker, self.kills, self.chance = worker, 0, random.Random(7)
        self.killed_in: dict[str, int] = {}

    def until(self, release: Release, state: ReleaseState) -> None:
        for _ in range(MOMENTS):
            release.refresh_from_db()
            look(release)
            if release.state == state:
                return
            if stopped(release):  # a job was killed more often than it may be: a person goes on
                ada = f.principal("Ada")
                go_on = actions.let_out if release.state == "releasing" else actions.resume
                go_on(release.pk, by=ada)
            self._one(release)
        pytest.fail(f"{release.state}: {progress(release)}\n{self.worker.log.read_text()[-2000:]}")

    def _one(self, release: Release) -> None:
        self.worker.start()
        if self.kills >= KILLS:
            before = release.state
            until(lambda: self._state(release) != before, log=self.worker.log)
            self.worker.end(signal.SIGKILL)
            return
        time.sleep(self.chance.uniform(0.02, self.chance.choice(LIVES)))
        self.worker.end(signal.SIGKILL)
        release.refresh_from_db()
        self.kills += 1
        self.killed_in[release.state] = self.killed_in.get(release.state, 0) + 1
        look(release)

    def let_finish(self) -> None:
        """Whatever is still queued goes to its end, and nobody is killed."""
        self.worker.start()
        left = Job.objects.filter(key__startswith="release:", state__in=("queued", "running"))
        until(lambda: not left.exists(), log=self.worker.log)
        self.worker.end(signal.SIGKILL)

    @staticmethod
    def _state(release: Release) -> str:
        """The state now; a job that has given up counts as another."""
        release.refresh_from_db()
        return "stopped" if stopped(release) else release.state


def look(release: Release) -> None:
    """What anybody can see at this moment: the originals, and all of the copies or none."""
    copies = Study.objects.filter(pk__in=outputs(release).values("pk"))
    if release.state == ReleaseState.RELEASED:
        out = release.items.filter(state=ItemState.RELEASED)
        assert copies.count() == out.values("study").distinct().count()
        assert sum(one.instance_count for one in copies) == out.count()
    else:
        assert not copies.exists()
    names = Study.objects.exclude(uid__startswith="1.2.826.0.1.").values_list("uid", flat=True)
    known = Study.objects.filter(released_as__release__state=ReleaseState.RELEASED)
    assert set(names) == set(known.values_list("uid", flat=True)), "a study that no release names"


def test_workers_that_are_killed_release_nothing_twice_and_nothing_half(worker: Worker) -> None:
    ben, ada = f.principal("Ben"), f.principal("Ada")
    studies = [f.study(ben, number=number, images=IMAGES) for number in range(1, STUDIES + 1)]
    killer, rounds = Killer(worker), 0
    while killer.kills < KILLS:
        rounds += 1
        release = drafted(*studies, within=project(f"Project {rounds}"))
        actions.start(release.pk, by=ada)
        killer.until(release, ReleaseState.READY)
        actions.let_out(release.pk, by=ada)
        killer.until(release, ReleaseState.RELEASED)
        killer.let_finish()
        check_released(release)
    print(f"{killer.kills} kills over {rounds} releases: {killer.killed_in}")
    out = Item.objects.filter(state=ItemState.RELEASED).count()
    print(f"{out} files released, {Item.objects.count() - out} given up")
    assert Instance.objects.count() == STUDIES * IMAGES + out
    assert not Study.objects.filter(conflict_count__gt=0).exists()


def check_released(release: Release) -> None:
    """Each file once, with the very bytes that were made of it; nothing waits any more."""
    every = Item.objects.filter(release=release)
    assert every.count() == STUDIES * IMAGES
    # Whatever workers die of several times is left out; here that was chance.
    given_up = every.filter(state=ItemState.REFUSED, why=BROKE)
    items = every.filter(state=ItemState.RELEASED)
    assert items.count() + given_up.count() == every.count()
    assert items.exists()
    out = Instance.objects.filter(series__study__in=outputs(release))
    assert sorted(bytes(one.sha256) for one in out) == sorted(
        bytes(one.sha256 or b"") for one in items
    )
    for one in out:
        data = b"".join(store().stream(one.key))
        assert b"Petra" not in data
        assert len(data) == one.size
    assert Upload.objects.filter(channel="release").count() == Release.objects.count()
    left = {one.key for one in store().listed(f"research/{release.pk.hex}")}
    assert left == set(items.values_list("ledger_key", flat=True))
