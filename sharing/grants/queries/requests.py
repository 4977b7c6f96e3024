"""Images that are asked for, and what the side that is asked finds among its own."""

import dataclasses
import functools
import itertools
import operator
import uuid

from django.db.models import Q, QuerySet
from django.utils import timezone

from sharing.access import gate
from sharing.access.principal import Principal
from sharing.access.rules import Action
from sharing.grants.models import ImageRequest, Offer
from sharing.grants.models.offers import running
from sharing.grants.queries.offers import by_rank
from sharing.grants.queries.offers import waiting as offers_waiting
from sharing.grants.rules.offers import LEAST_FACTS, OPEN_REQUESTS, Priority
from sharing.studies.models import Study
from sharing.studies.queries import has_modality
from sharing.studies.rules import fold

MOST_FOUND = 50
MOST_NEWS = 100


@dataclasses.dataclass(frozen=True, slots=True)
class News:
    """What waits for somebody: how much, and what of it is STAT, the longest waiting first."""

    count: int
    stats: list[Offer]

    @property
    def state(self) -> str:
        """Changes whenever the bar would look different."""
        return f"{self.count}-{len(self.stats)}-{self.stats[0].pk if self.stats else ''}"


def news(principal: Principal) -> News:
    """What every page of somebody says."""
    found = list(offers_waiting(principal)[:MOST_NEWS])
    stats = [one for one in found if one.priority == Priority.STAT]
    asked = waiting(principal).count() if principal.may(Action.SHARE) else 0
    return News(len(found) + asked, stats)


def made(principal: Principal) -> QuerySet[ImageRequest]:
    """What one's institution has asked others for."""
    if principal.membership is None or not principal.may(Action.VIEW):
        return ImageRequest.objects.none()
    return _joined().filter(asker=principal.membership.institution_id)


def received(principal: Principal) -> QuerySet[ImageRequest]:
    """What others ask of one's institution, for those who can give it."""
    if principal.membership is None or not principal.may(Action.SHARE):
        return ImageRequest.objects.none()
    return _joined().filter(asked=principal.membership.institution_id)


def waiting(principal: Principal) -> QuerySet[ImageRequest]:
    """What others still wait for: STAT first, and what has waited longest."""
    found = received(principal).filter(state__in=OPEN_REQUESTS, expires_at__gt=timezone.now())
    return found.order_by(by_rank(), "created_at")


def _joined() -> QuerySet[ImageRequest]:
    return ImageRequest.objects.select_related("asker", "asked", "created_by", "ended_by")


@dataclasses.dataclass(frozen=True, slots=True)
class Found:
    """A study that may be meant: which facts agree, and whether the asker has it already."""

    study: Study
    agrees: dict[str, bool]
    is_given: bool


def search(principal: Principal, request: ImageRequest) -> list[Found]:
    """Studies of one's own of which at least two facts agree, best first.

    Two and not all: the other hospital numbers its patients in its own way.
    """
    own = gate.own_studies(principal, Action.SHARE)
    facts = _facts(request)
    pairs = [one & other for one, other in itertools.combinations(facts.values(), LEAST_FACTS)]
    if not pairs:
        return []
    found = own.filter(functools.reduce(operator.or_, pairs))
    found = _narrowed(found, request).select_related("patient").order_by("-date", "-pk")
    studies = list(found[:MOST_FOUND])
    given = _given(request, studies)
    shown = [Found(one, _agrees(request, one), one.pk in given) for one in studies]
    return sorted(shown, key=lambda one: -sum(one.agrees.values()))


def _facts(request: ImageRequest) -> dict[str, Q]:
    """What each fact asks of a study."""
    facts = {}
    if words := fold(request.patient_name).split():
        facts["name"] = functools.reduce(
            operator.and_, (Q(search_text__contains=word) for word in words)
        )
    if request.birth_date:
        facts["birth date"] = Q(patient__birth_date=request.birth_date)
    if request.patient_id:
        facts["patient ID"] = Q(patient__patient_id=request.patient_id)
    return facts


def _agrees(request: ImageRequest, study: Study) -> dict[str, bool]:
    agrees = {}
    if request.patient_name:
        agrees["name"] = all(
            word in study.search_text for word in fold(request.patient_name).split()
        )
    if request.birth_date:
        agrees["birth date"] = study.patient.birth_date == request.birth_date
    if request.patient_id:
        agrees["patient ID"] = study.patient.patient_id == request.patient_id
    return agrees


def _narrowed(found: QuerySet[Study], request: ImageRequest) -> QuerySet[Study]:
    if request.modality:
        found = found.filter(has_modality(request.modality))
    if request.since:
        found = found.filter(date__gte=request.since)
    if request.until:
        found = found.filter(~Q(date=""), date__lte=request.until)
    return found


def _given(request: ImageRequest, studies: list[Study]) -> set[uuid.UUID]:
    """Which of them are in the asker's inbox already."""
    there = running().filter(recipient=request.asker_id, person=None, study__in=studies)
    return set(there.values_list("study_id", flat=True))
