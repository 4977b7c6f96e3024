"""Reading the activity: filters, and one page at a time, newest first."""

import dataclasses
import datetime
import uuid
from collections.abc import Iterable
from typing import Any

from django.db.models import Max, Q, QuerySet

from sharing.audit.models import AuditEvent
from sharing.audit.rules import Act, Outcome

FOLDED = (Act.INSTANCES_STORED,)
# By these something of a study was seen.
OPENINGS = (Act.STUDY_OPENED, Act.METADATA_READ, Act.IMAGES_VIEWED, Act.IMAGES_DOWNLOADED)
TOGETHER = datetime.timedelta(minutes=10)
MOST_READ = 5000  # rows behind one page


@dataclasses.dataclass(frozen=True, slots=True)
class Asked:
    """Which rows a reviewer wants to see; empty fields do not narrow."""

    person: str = ""  # a part of the name, or an actor's id
    study: uuid.UUID | None = None
    link: uuid.UUID | None = None
    grant: uuid.UUID | None = None
    action: str = ""  # an Act, or the group before its dot
    outcome: str = ""
    since: datetime.datetime | None = None
    until: datetime.datetime | None = None


def of_institution(institution_id: uuid.UUID | None) -> QuerySet[AuditEvent]:
    """What an institution answers for: its data, whoever touched it, and its own people's acts,
    those at partners' studies too."""
    abroad = Q(actor_institution_id=institution_id, study_id__isnull=False)
    return AuditEvent.objects.filter(Q(custodian_id=institution_id) | abroad)


def of_study(study_id: uuid.UUID) -> QuerySet[AuditEvent]:
    return AuditEvent.objects.filter(study_id=study_id)


def of_grant(found: QuerySet[AuditEvent], grant_id: uuid.UUID) -> QuerySet[AuditEvent]:
    """Those of `found` that happened to a grant, or by it."""
    return found.filter(grant_id=grant_id)


def last_openings(
    grant_id: uuid.UUID, study_ids: Iterable[uuid.UUID]
) -> dict[uuid.UUID, AuditEvent]:
    """By study, the row of when it was last opened by a grant."""
    rows = AuditEvent.objects.filter(
        grant_id=grant_id, study_id__in=list(study_ids), action__in=OPENINGS, outcome=Outcome.DONE
    )
    newest = rows.order_by().values("study_id").annotate(last=Max("pk")).values("last")
    return {row.study_id: row for row in AuditEvent.objects.filter(pk__in=newest) if row.study_id}


def matching(found: QuerySet[AuditEvent], asked: Asked) -> QuerySet[AuditEvent]:
    """Those of `found` that were asked for."""
    narrowed = {
        "study_id": asked.study,
        "link_id": asked.link,
        "grant_id": asked.grant,
        "outcome": asked.outcome,
        "at__gte": asked.since,
        "at__lt": asked.until,
    }
    found = found.filter(**{name: value for name, value in narrowed.items() if value})
    if asked.person:
        found = found.filter(Q(actor_name__icontains=asked.person) | Q(actor_id=asked.person))
    if asked.action:
        group = Q(action__startswith=f"{asked.action}.")
        found = found.filter(Q(action=asked.action) | group)
    return found


def newest(
    found: QuerySet[AuditEvent], *, before: int | None = None, size: int = 50, folded: bool = False
) -> tuple[list[AuditEvent], int | None]:
    """A page of rows, and the number to ask for the next one `before`, if there is more.

    `folded`, for people: what one upload stores of one study within ten minutes becomes one row
    with the sums of its counts. Programs and downloads get each row as it is.
    """
    if before is not None:
        found = found.filter(pk__lt=before)
    shown: list[AuditEvent] = []
    open_rows: dict[tuple[object, ...], AuditEvent] = {}
    last = None
    for row in found.order_by("-pk")[:MOST_READ].iterator(chunk_size=500):
        same = open_rows.get(_sort(row)) if folded and row.action in FOLDED else None
        if same is not None and same.at - row.at < TOGETHER:
            same.detail = _sum(same.detail, row.detail)
        elif len(shown) == size:
            return shown, last
        else:
            shown.append(row)
            open_rows[_sort(row)] = row
        last = row.pk
    more = last is not None and found.filter(pk__lt=last).exists()
    return shown, last if more else None


def _sort(row: AuditEvent) -> tuple[object, ...]:
    return (row.action, row.outcome, row.actor_id, row.study_id, row.upload_id)


def _sum(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """The counts of two rows together; what is no number is the first one's."""
    counts = {
        name: one[name] + value
        for name, value in other.items()
        if isinstance(value, int) and isinstance(one.get(name), int)
    }
    return {**one, **counts}


def all_of(found: QuerySet[AuditEvent]) -> Iterable[AuditEvent]:
    """Every row, newest first, without holding them all: for a download."""
    return found.order_by("-pk").iterator(chunk_size=2000)
