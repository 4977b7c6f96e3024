"""What was sent and what came: inboxes, what stands on a study's page, who can be sent to."""

import dataclasses
import uuid
from collections.abc import Iterable
from typing import Any

from django.db.models import Case, IntegerField, Q, QuerySet, Value, When
from django.utils import timezone

from sharing.access import gate
from sharing.access.principal import Principal
from sharing.access.rules import ROLE_ACTIONS, Action
from sharing.accounts.models import Institution, Membership
from sharing.accounts.queries import listed_institutions
from sharing.accounts.rules import MembershipState, Role
from sharing.grants.models import Grant, Offer
from sharing.grants.models.offers import OVER, addressed, running
from sharing.grants.rules.offers import OfferState, Priority
from sharing.grants.rules.states import GrantState
from sharing.kernel import wall
from sharing.kernel.errors import NotThereError
from sharing.studies.models import Study

RANKS = {Priority.STAT: 0, Priority.URGENT: 1, Priority.ROUTINE: 2}
MOST_SHOWN = 200


def by_rank() -> Case:
    """STAT first, routine last."""
    whens = [When(priority=one, then=Value(rank)) for one, rank in RANKS.items()]
    return Case(*whens, default=Value(len(RANKS)), output_field=IntegerField())


# ---- What came ---------------------------------------------------------------------------------


def received(principal: Principal) -> QuerySet[Offer]:
    """All that was sent to one's institution, or to oneself in it; nobody else's own."""
    if principal.membership is None or not principal.may(Action.VIEW):
        return Offer.objects.none()
    person = principal.membership.user_id
    found = addressed(Offer.objects.all(), principal.membership.institution_id, person)
    return found.select_related("sender", "recipient", "created_by", "answered_by", "person")


def waiting(principal: Principal) -> QuerySet[Offer]:
    """What waits for an answer: STAT first, and what has waited longest."""
    found = received(principal).filter(state=OfferState.WAITING, expires_at__gt=timezone.now())
    return found.order_by(by_rank(), "created_at")


def accepted(principal: Principal) -> QuerySet[Offer]:
    found = received(principal).filter(state=OfferState.ACCEPTED, expires_at__gt=timezone.now())
    return found.order_by("-answered_at")


def over(principal: Principal) -> QuerySet[Offer]:
    """What was declined or withdrawn, or ended by itself."""
    ended = Q(state__in=OVER) | Q(expires_at__lte=timezone.now())
    return received(principal).filter(ended).order_by("-created_at")


def received_of_study(principal: Principal, study: Study) -> list[Offer]:
    """The offers by which somebody reaches another institution's study, for its page."""
    return list(received(principal).filter(study=study, pk__in=running().values("pk")))


# ---- What was sent -----------------------------------------------------------------------------


def sent(principal: Principal) -> QuerySet[Offer]:
    """What one's institution has sent, for those who may send."""
    if principal.membership is None or not principal.may(Action.SHARE):
        return Offer.objects.none()
    return _sent(principal.membership.institution_id)


def sent_of_study(principal: Principal, study: Study) -> list[Offer]:
    """To whom a study was sent, for its page: for those who may send or review."""
    if not (principal.may(Action.SHARE) or principal.may(Action.REVIEW)):
        return []
    return list(_sent(study.institution_id).filter(study=study))


def _sent(institution_id: uuid.UUID) -> QuerySet[Offer]:
    found = Offer.objects.filter(sender=institution_id)
    joined = ("sender", "recipient", "created_by", "answered_by", "ended_by", "person")
    return found.select_related(*joined).order_by("-created_at")


# ---- Shown -------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True)
class Line:
    """A line of the inbox: an offer, and its study as far as it can be reached now."""

    offer: Offer
    study: Study | None


def lines(principal: Principal, offers: Iterable[Offer]) -> list[Line]:
    found = list(offers)
    reached = gate.studies(principal).filter(pk__in={one.study_id for one in found})
    studies = reached.select_related("patient", "institution").in_bulk() if found else {}
    return [Line(one, studies.get(one.study_id)) for one in found]


# ---- To whom -----------------------------------------------------------------------------------


def institutions(principal: Principal, words: str = "") -> QuerySet[Institution]:
    """To whom one can send: whoever wants to be found, and partners; never one's own."""
    own = principal.actor.institution_id
    found = Institution.objects.filter(~Q(pk=own))
    return found.filter(Q(pk__in=listed_institutions(words).values("pk")) | _partner(own, words))


def _partner(own: uuid.UUID | None, words: str) -> Q:
    grants = Grant.objects.filter(state__in=(GrantState.ACTIVE, GrantState.ACCEPTED))
    named = Q(*(Q(name__icontains=word) for word in words.split()[:8]))
    to, by = grants.filter(custodian=own), grants.filter(recipient=own)
    return named & (Q(pk__in=to.values("recipient")) | Q(pk__in=by.values("custodian")))


def institution(principal: Principal, institution_id: uuid.UUID) -> Institution:
    """One of `institutions`; NotThereError for any other."""
    found = institutions(principal).filter(pk=institution_id).first()
    if found is None:
        raise NotThereError
    return found


def people_who_may(institution_id: uuid.UUID, action: Action, **named: Any) -> list[Membership]:
    """The active people of an institution, often another than one's own, whose role includes `action`."""
    roles = [role for role in Role if action in ROLE_ACTIONS[role]]
    found = Membership.objects.filter(
        institution=institution_id,
        role__in=roles,
        state=MembershipState.ACTIVE,
        user__is_active=True,
        **named,
    )
    with wall.acting_for(institution_id):
        return list(found.select_related("user"))
