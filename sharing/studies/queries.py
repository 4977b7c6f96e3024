"""Finding studies inside what `access.gate.studies` gives: filters, orders, one page at a time."""

import dataclasses
import datetime
import uuid
from typing import Any, Generic, TypeVar

from django.db.models import Count, Exists, F, Model, OuterRef, Q, QuerySet
from django.utils import timezone

from sharing.studies.models import Patient, PatientKey, Series, Study, StudyTag
from sharing.studies.rules import fold

ARRIVING_FOR = datetime.timedelta(minutes=2)
# What a list can be ordered by; each has an index that ends with the id.
ORDERS = {"arrived": "last_arrived_at", "date": "date", "patient": "patient_key"}
NEWEST_FIRST = "-arrived"


@dataclasses.dataclass(frozen=True, slots=True)
class Wanted:
    """What a person looks for. Dates are DICOM's YYYYMMDD."""

    words: str = ""
    modality: str = ""
    patient_id: str = ""
    patient: uuid.UUID | None = None
    since: str = ""
    until: str = ""
    in_conflict: bool = False
    arriving: bool = False


def matching(found: QuerySet[Study], wanted: Wanted) -> QuerySet[Study]:
    """Those of `found` that are wanted."""
    for word in fold(wanted.words).split():
        found = found.filter(search_text__contains=word)
    if wanted.modality:
        found = found.filter(has_modality(wanted.modality))
    if wanted.patient_id:
        found = found.filter(patient__in=_patients_with(found, wanted.patient_id.strip()))
    if wanted.patient:
        found = found.filter(patient=wanted.patient)
    if wanted.since:
        found = found.filter(date__gte=wanted.since)
    if wanted.until:
        found = found.filter(date__lte=wanted.until).exclude(date="")
    if wanted.in_conflict:
        found = found.filter(conflict_count__gt=0)
    if wanted.arriving:
        found = arriving(found)
    return found


def _patients_with(found: QuerySet[Study], number: str) -> list[uuid.UUID]:
    """Asked first, so that the list below is read by an index on its patients' keys.

    Only those of `found`: another institution's patients with that number must not use up the 500.
    """
    theirs = Exists(found.order_by().filter(patient=OuterRef("pk")))
    patients = Patient.objects.filter(theirs, patient_id=number)
    return list(patients.values_list("pk", flat=True)[:500])


def has_modality(modality: str) -> Q:
    """Modalities are joined by backslashes: CT, CT\\SR."""
    return (
        Q(modalities=modality)
        | Q(modalities__startswith=f"{modality}\\")
        | Q(modalities__endswith=f"\\{modality}")
        | Q(modalities__contains=f"\\{modality}\\")
    )


def arriving(found: QuerySet[Study]) -> QuerySet[Study]:
    """Studies of which something was stored in the last two minutes, and more is to come."""
    more = Q(settled_at=None) | Q(settled_at__lt=F("last_arrived_at"))
    return found.filter(more, last_arrived_at__gt=timezone.now() - ARRIVING_FOR)


def is_arriving(study: Study) -> bool:
    """The same of one study."""
    settled = study.settled_at is not None and study.settled_at >= study.last_arrived_at
    return not settled and study.last_arrived_at > timezone.now() - ARRIVING_FOR


Row = TypeVar("Row", bound=Model)


@dataclasses.dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Some rows in order, and the ids to go on from; None where there is nothing more."""

    rows: list[Row]
    before: Any = None
    after: Any = None


def ordered_page(
    found: QuerySet[Study],
    *,
    order: str = NEWEST_FIRST,
    after: uuid.UUID | None = None,
    before: uuid.UUID | None = None,
    within: QuerySet[Study] | None = None,
    size: int = 50,
) -> Page[Study]:
    """One page by keyset: quick at any depth, and no row is shown twice.

    `after` and `before` are ids of studies at the edge of the page that one comes from. They are
    looked for in `within`, all that is reached (without it in `found`): a place in the order
    tells something of the study that stands there. An id that is not there begins at the start.
    """
    found = found.alias(patient_key=PatientKey())
    field = ORDERS[order.removeprefix("-")]
    edge = _edge(found if within is None else within, field, after or before)
    falling = order.startswith("-") != bool(before)
    ids = _beyond(found, field, edge, falling).order_by(*_ordering(field, falling))
    taken = _fetched(list(ids.values_list("pk", flat=True)[: size + 1]))
    more, taken = len(taken) > size, taken[:size]
    if before:
        taken.reverse()
    first, last = (taken[0].pk, taken[-1].pk) if taken else (None, None)
    forwards = more if not before else edge is not None
    backwards = more if before else edge is not None
    return Page(taken, before=first if backwards else None, after=last if forwards else None)


def _fetched(ids: list[uuid.UUID]) -> list[Study]:
    """The rows of `ids` in their order. Only the ids are looked for, so that an index suffices."""
    rows = Study.objects.select_related("patient", "institution").in_bulk(ids)
    return [rows[pk] for pk in ids if pk in rows]


def _edge(within: QuerySet[Study], field: str, edge_id: uuid.UUID | None) -> tuple[Any, Any] | None:
    if edge_id is None:
        return None
    reached = within.filter(pk=edge_id).alias(patient_key=PatientKey())
    return reached.values_list(F(field), "pk").first()


def _beyond(
    found: QuerySet[Study], field: str, edge: tuple[Any, Any] | None, falling: bool
) -> QuerySet[Study]:
    if edge is None:
        return found
    value, pk = edge
    side = "lt" if falling else "gt"
    # The first condition is what an index can use, the second cuts off the ties.
    return found.filter(
        Q(**{f"{field}__{side}e": value}),
        Q(**{f"{field}__{side}": value}) | Q(**{f"pk__{side}": pk}),
    )


def _ordering(field: str, falling: bool) -> tuple[str, str]:
    return (f"-{field}", "-pk") if falling else (field, "pk")


def conflicts_of(series: QuerySet[Series]) -> dict[uuid.UUID, int]:
    """How many files of each series carry the number of a file that came before, but differ."""
    conflicting = series.order_by().filter(instances__variant__gt=0)
    return dict(conflicting.annotate(files=Count("instances")).values_list("pk", "files"))


MOST_TAGS_OFFERED = 200


def tags_in(found: QuerySet[Study]) -> list[str]:
    """The tags that some of these studies carry, in order; no more than a list can offer."""
    tags = StudyTag.objects.filter(study__in=found).order_by("label")
    return list(tags.values_list("label", flat=True).distinct()[:MOST_TAGS_OFFERED])
