"""Studies that were sent, as ways by which the recipient's people and machines reach them."""

import functools
import uuid
from collections.abc import Iterator

from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from sharing.access.principal import Principal, Way
from sharing.access.rules import DOWNLOAD_LINK_ACTIONS, VIEW_LINK_ACTIONS, Action
from sharing.audit.rules import ActorKind
from sharing.grants.models import Offer
from sharing.grants.models.offers import addressed, running
from sharing.kernel.errors import NotThereError
from sharing.studies.models import Study

PEOPLE = (ActorKind.PERSON, ActorKind.OPERATOR)


def ways(principal: Principal) -> Iterator[Way]:
    """At most two: what may be viewed, and what may be downloaded too."""
    institution = principal.actor.institution_id
    for may_download in sorted(
        set(_mine(institution, person_of(principal)).values_list("may_download", flat=True))
    ):
        mine = functools.partial(
            _mine, institution, person_of(principal), may_download=may_download
        )
        yield Way(
            actions=DOWNLOAD_LINK_ACTIONS if may_download else VIEW_LINK_ACTIONS,
            studies=functools.partial(_given, mine),
            admit=functools.partial(_admit, mine),
            custodians=functools.partial(_senders, mine),
        )


def person_of(principal: Principal) -> uuid.UUID | None:
    """The person whose own offers count: a machine has none."""
    if principal.user is None or principal.actor.kind not in PEOPLE:
        return None
    return principal.user.pk


def _mine(
    institution_id: uuid.UUID | None, person_id: uuid.UUID | None, **narrowed: bool
) -> QuerySet[Offer]:
    return addressed(running().order_by(), institution_id, person_id).filter(**narrowed)


def _given(mine: functools.partial[QuerySet[Offer]]) -> QuerySet[Study]:
    return Study.objects.filter(Exists(mine().filter(study=OuterRef("pk"))))


def _senders(mine: functools.partial[QuerySet[Offer]]) -> frozenset[uuid.UUID]:
    return frozenset(mine().values_list("sender", flat=True).distinct())


def _admit(
    mine: functools.partial[QuerySet[Offer]], study_id: uuid.UUID, action: Action
) -> uuid.UUID:
    """The offer by which somebody came; the sender sees when that was so for the first time."""
    found = mine().filter(study=study_id).order_by("created_at").first()
    if found is None:
        raise NotThereError  # it ended between two questions
    if found.opened_at is None:
        Offer.objects.filter(pk=found.pk, opened_at=None).update(opened_at=timezone.now())
    return found.pk
