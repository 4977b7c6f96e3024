"""Releases: which there are, how far they are, and what waits for a person."""

import dataclasses
import uuid
from typing import Any

from django.db.models import Avg, Count, Max, Q, QuerySet, Sum

from sharing.access.principal import Principal
from sharing.jobs.models import Job
from sharing.jobs.rules import State
from sharing.kernel.errors import NotThereError
from sharing.research.models import Hold, Item, Release, ReleaseStudy
from sharing.research.rules.states import ItemState, ReleaseState
from sharing.studies.models import Study


def releases(by: Principal) -> QuerySet[Release]:
    """The institution's releases, the newest first."""
    found = Release.objects.filter(institution=by.actor.institution_id)
    return found.select_related("project__vault", "created_by", "released_by")


def release(by: Principal, release_id: uuid.UUID) -> Release:
    """One of them; NotThereError where it is not."""
    found = releases(by).filter(pk=release_id).first()
    if found is None:
        raise NotThereError
    return found


@dataclasses.dataclass(frozen=True, slots=True)
class Progress:
    """How far a release is: files by state, and what is in doubt."""

    waiting: int
    made: int
    earlier: int
    refused: int
    dropped: int
    released: int
    doubts: int
    open: int
    masks: int
    risk: float | None

    @property
    def total(self) -> int:
        return self.done + self.waiting

    @property
    def done(self) -> int:
        return self.made + self.earlier + self.refused + self.dropped + self.released

    @property
    def going_out(self) -> int:
        return self.made + self.released + self.earlier


def progress(of: Release) -> Progress:
    counted = of.items.aggregate(
        **{str(state): Count("pk", filter=Q(state=state)) for state in ItemState},
        masks_made=Sum("masks", default=0),
        worst=Max("risk"),
    )
    holds = of.holds.aggregate(doubts=Count("pk"), open=Count("pk", filter=Q(decision="")))
    masks, risk = counted.pop("masks_made"), counted.pop("worst")
    return Progress(**counted, **holds, masks=masks, risk=risk)


def mean_risk(of: Release) -> tuple[int, float | None]:
    """In how many files the pictures were read again, and what is left on average."""
    looked = of.items.filter(risk__isnull=False, state__in=(ItemState.MADE, ItemState.RELEASED))
    found = looked.aggregate(files=Count("pk"), mean=Avg("risk"))
    return found["files"], found["mean"]


def actions_of(of: Release) -> dict[str, int]:
    """How many attributes were removed, emptied, replaced …, over all files that go out."""
    total: dict[str, int] = {}
    made = of.items.filter(state__in=(ItemState.MADE, ItemState.RELEASED))
    for counts in made.values_list("counts", flat=True).iterator(2000):
        for action, count in counts.items():
            total[action] = total.get(action, 0) + count
    return dict(sorted(total.items()))


DONE = {
    "X": "Removed",
    "Z": "Emptied",
    "D": "Replaced",
    "C": "Cleaned",
    "U": "Given another UID",
    "K": "Kept",
    "+": "Added",
}


def actions_in_words(of: Release) -> list[tuple[str, int]]:
    return [(DONE.get(action, action), count) for action, count in actions_of(of).items()]


def reasons(of: Release, state: ItemState) -> list[dict[str, Any]]:
    """Why files are not in it, the most frequent reason first."""
    found = of.items.filter(state=state).values("why").annotate(files=Count("pk"))
    return [{**one} for one in found.order_by("-files", "why")[:50]]


def open_holds(of: Release) -> QuerySet[Hold]:
    return of.holds.filter(decision="").select_related("item").order_by("item_id", "id")


def hold(by: Principal, release_id: uuid.UUID, hold_id: uuid.UUID) -> Hold:
    """One doubt of a release; NotThereError where it is not."""
    of = release(by, release_id)
    found = of.holds.filter(pk=hold_id).select_related("item__source__series__study", "decided_by")
    one = found.first()
    if one is None:
        raise NotThereError
    one.release = of
    return one


def stopped(of: Release) -> str:
    """Why its jobs have stopped for good, if one has; a person may let them go on."""
    failed = Job.objects.filter(key__startswith=f"release:{of.pk}:{of.runs}:", state=State.FAILED)
    return failed.values_list("error", flat=True).first() or ""


def outputs(of: Release) -> QuerySet[Study]:
    """The studies that came of it."""
    came = ReleaseStudy.objects.filter(release=of, output__isnull=False)
    return Study.objects.filter(pk__in=came.values("output")).select_related("patient")


def releases_of(study: Study) -> list[Release]:
    """The releases by which a de-identified study came to be; none of any other."""
    came = Release.objects.filter(chosen__output=study, state=ReleaseState.RELEASED)
    return list(came.select_related("project").distinct())


def shown(of: Item) -> str:
    """Which file this is, in words that name nobody."""
    number = of.release.items.filter(pk__lte=of.pk).count()
    return f"File {number}"
