"""Reading the activity: filters, and one page at a time, newest first."""

import dataclasses
import datetime
import uuid
from collections.abc import Iterable

from django.db.models import Q, QuerySet

from sharing.audit.models import AuditEvent


@dataclasses.dataclass(frozen=True, slots=True)
class Asked:
    """Which rows a reviewer wants to see; empty fields do not narrow."""

    person: str = ""  # a part of the name, or an actor's id
    study: uuid.UUID | None = None
    link: uuid.UUID | None = None
    action: str = ""  # an Act, or the group before its dot
    outcome: str = ""
    since: datetime.datetime | None = None
    until: datetime.datetime | None = None


def of_institution(institution_id: uuid.UUID | None) -> QuerySet[AuditEvent]:
    """What an institution answers for: its data, whoever touched it, and its own people's acts."""
    return AuditEvent.objects.filter(custodian_id=institution_id)


def of_study(study_id: uuid.UUID) -> QuerySet[AuditEvent]:
    return AuditEvent.objects.filter(study_id=study_id)


def matching(found: QuerySet[AuditEvent], asked: Asked) -> QuerySet[AuditEvent]:
    """Those of `found` that were asked for."""
    narrowed = {
        "study_id": asked.study,
        "link_id": asked.link,
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
    found: QuerySet[AuditEvent], *, before: int | None = None, size: int = 50
) -> tuple[list[AuditEvent], int | None]:
    """A page of rows, and the number to ask for the next one `before`, if there is more."""
    if before is not None:
        found = found.filter(pk__lt=before)
    rows = list(found.order_by("-pk")[: size + 1])
    more = rows[size - 1].pk if len(rows) > size else None
    return rows[:size], more


def all_of(found: QuerySet[AuditEvent]) -> Iterable[AuditEvent]:
    """Every row, newest first, without holding them all: for a download."""
    return found.order_by("-pk").iterator(chunk_size=2000)
