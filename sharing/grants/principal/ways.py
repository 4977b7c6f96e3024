"""A grant as a way by which a partner's people and machines reach studies."""

import functools
import uuid
from collections.abc import Iterator

from django.db import IntegrityError, transaction
from django.db.models import Exists, F, QuerySet
from django.utils import timezone

from sharing.access.principal import Principal, Way
from sharing.access.rules import Action
from sharing.audit.rules import ActorKind
from sharing.credentials.rules.machines import is_within
from sharing.grants.models import Grant, GrantDay, GrantUse
from sharing.grants.principal.filters import matching
from sharing.grants.principal.standing import in_force
from sharing.grants.rules.terms import CHANNELS, READS, Terms
from sharing.kernel.errors import SharingError
from sharing.studies.models import Study

COUNTED = frozenset({Action.VIEW, Action.DOWNLOAD})


class EnoughTodayError(SharingError):
    """As many studies as the grant allows a day have been opened."""

    status = 429
    title = "That was enough for today"
    code = "enough-today"

    def __init__(self, cap: int) -> None:
        super().__init__(
            f"The agreement with this partner lets {cap} studies be opened a day. "
            "Studies that were opened today stay open; ask again tomorrow."
        )


def ways(principal: Principal) -> Iterator[Way]:
    of_machine = principal.actor.kind == ActorKind.MACHINE
    machine = uuid.UUID(principal.actor.id) if of_machine else None
    mine = in_force(machine).filter(recipient=principal.actor.institution_id)
    for grant in mine.select_related("version").order_by("created_at"):
        assert grant.version is not None  # the constraint of a grant in force
        terms = grant.version.read()
        if is_open_to(principal, terms):
            yield _way(grant, terms, machine)


def is_open_to(principal: Principal, terms: Terms) -> bool:
    channel = CHANNELS.get(principal.actor.credential)
    return channel in terms.channels and is_within(principal.origin.address, terms.networks)


def _way(grant: Grant, terms: Terms, machine: uuid.UUID | None) -> Way:
    return Way(
        actions=frozenset(READS[one] for one in terms.actions if one in READS),
        studies=functools.partial(given, grant, terms, machine),
        admit=functools.partial(_admit, grant.pk, terms.studies_per_day),
        custodians=lambda: frozenset({grant.custodian_id}),
        agreement=grant.pk,
        purpose=terms.purpose,
    )


def given(grant: Grant, terms: Terms, machine: uuid.UUID | None = None) -> QuerySet[Study]:
    """What a grant gives at this moment: nothing, once it is stopped or says something else."""
    still = in_force(machine).filter(pk=grant.pk, version=grant.version_id)
    return matching(
        Study.objects.filter(Exists(still), institution=grant.custodian_id), terms.filter
    )


def _admit(grant_id: uuid.UUID, cap: int | None, study_id: uuid.UUID, action: Action) -> uuid.UUID:
    """Count a study that is opened, up to the cap of the day if there is one.

    Raises
    ------
    EnoughTodayError
        The day's studies are used up, and this is none of them.
    """
    if action in COUNTED:
        _count(grant_id, cap, study_id)
    return grant_id


def _count(grant_id: uuid.UUID, cap: int | None, study_id: uuid.UUID) -> None:
    day = timezone.now().date()
    if GrantUse.objects.filter(grant=grant_id, day=day, study=study_id).exists():
        return
    GrantDay.objects.get_or_create(grant_id=grant_id, day=day)
    try:
        with transaction.atomic():
            # The row's lock makes those who open at once take turns, so that none slips through.
            today = GrantDay.objects.filter(grant=grant_id, day=day)
            free = today if cap is None else today.filter(studies__lt=cap)
            if not free.update(studies=F("studies") + 1):
                raise EnoughTodayError(cap or 0)
            GrantUse.objects.create(grant_id=grant_id, day=day, study_id=study_id)
    except IntegrityError:
        return  # another request of the same moment counted it
