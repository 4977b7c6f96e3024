"""What terms would mean, before anybody agrees to them: a sentence, and a dry run."""

import dataclasses
import datetime

from django.utils import timezone

from sharing.access import gate
from sharing.access.principal import Principal
from sharing.grants.principal.filters import matching
from sharing.grants.rules.terms import Filter
from sharing.studies.models import Study

LOOKED_BACK = datetime.timedelta(days=90)
SHOWN = 50
MOST_COUNTED = 10_000


@dataclasses.dataclass(frozen=True, slots=True)
class DryRun:
    """The studies of the last 90 days that a filter names, the newest first."""

    studies: list[Study]
    count: int
    days: int = LOOKED_BACK.days

    @property
    def more(self) -> int:
        return self.count - len(self.studies)

    @property
    def is_counted(self) -> bool:
        return self.count <= MOST_COUNTED


def dry_run(by: Principal, wanted: Filter) -> DryRun:
    """What a filter would show of one's own studies that arrived in the last 90 days."""
    named = ("modalities", "departments", "tags", "referrer", "since", "until", "last_days")
    gate.searched(
        by, {"dry_run": True, **{one: getattr(wanted, one) for one in named}}, partners=False
    )
    recent = gate.own_studies(by).filter(last_arrived_at__gt=timezone.now() - LOOKED_BACK)
    found = matching(recent, wanted)
    newest = found.select_related("patient").order_by("-last_arrived_at", "-pk")
    return DryRun(list(newest[:SHOWN]), found[: MOST_COUNTED + 1].count())
