"""Share links as their owners see them: what each gives, and how often it was opened."""

import collections
import dataclasses
import uuid
from collections.abc import Iterable

from django.db.models import Count, F, Max, Prefetch, Q, QuerySet
from django.utils import timezone

from sharing.access import gate
from sharing.access.principal import Principal
from sharing.access.rules import Action
from sharing.kernel.errors import NotThereError
from sharing.links.models import Claim, LinkItem, ShareLink
from sharing.links.rules import LinkState
from sharing.studies.models import Series, Study


@dataclasses.dataclass(frozen=True, slots=True)
class Given:
    """What a link gives of one study: all of it, or `series_ids`."""

    study: Study
    whole: bool
    series_ids: frozenset[uuid.UUID]


def links_for(principal: Principal) -> QuerySet[ShareLink]:
    """The links that the principal may list and change: one's own, an administrator's all."""
    if principal.membership is None or not principal.may(Action.SHARE):
        return ShareLink.objects.none()
    found = _counted().filter(institution=principal.membership.institution_id)
    if principal.may(Action.ADMINISTER):
        return found
    return found.filter(created_by=principal.membership.user_id)


def link_for(principal: Principal, link_id: uuid.UUID) -> ShareLink:
    """One of `links_for`; NotThereError for any other."""
    found = links_for(principal).filter(pk=link_id).first()
    if found is None:
        raise NotThereError
    return found


def links_of_study(principal: Principal, study: Study) -> QuerySet[ShareLink]:
    """Every link of the institution that gives something of `study`, for its page."""
    if not (principal.may(Action.SHARE) or principal.may(Action.REVIEW)):
        return ShareLink.objects.none()
    giving = LinkItem.objects.filter(study=study).values("link")
    return _counted().filter(pk__in=giving, institution=study.institution_id)


def in_state(links: QuerySet[ShareLink], state: LinkState) -> QuerySet[ShareLink]:
    """The links in `state`, as `rules.state` tells it."""
    now = timezone.now()
    used_up = Q(max_uses__isnull=False, uses__gte=F("max_uses"))
    running = Q(revoked_at=None, expires_at__gt=now)
    conditions = {
        LinkState.REVOKED: Q(revoked_at__isnull=False),
        LinkState.EXPIRED: Q(revoked_at=None, expires_at__lte=now),
        LinkState.LOCKED: running & Q(locked_at__isnull=False),
        LinkState.USED_UP: running & Q(locked_at=None) & used_up,
        LinkState.OPEN: running & Q(locked_at=None) & ~used_up,
    }
    return links.filter(conditions[state])


def contents(principal: Principal, links: Iterable[ShareLink]) -> dict[uuid.UUID, list[Given]]:
    """What each link gives, as far as the principal reaches its studies."""
    items: dict[uuid.UUID, dict[uuid.UUID, set[uuid.UUID | None]]] = collections.defaultdict(dict)
    for item in LinkItem.objects.filter(link__in=[link.pk for link in links]).order_by("pk"):
        items[item.link_id].setdefault(item.study_id, set()).add(item.series_id)
    wanted = {study_id for given in items.values() for study_id in given}
    reached = gate.studies(principal).filter(pk__in=wanted).select_related("patient").in_bulk()
    return {
        link_id: [
            Given(reached[study_id], None in ids, frozenset(one for one in ids if one))
            for study_id, ids in given.items()
            if study_id in reached
        ]
        for link_id, given in items.items()
    }


def series_given(principal: Principal, given: Given) -> QuerySet[Series]:
    """The series that a link gives of a study now."""
    series = gate.series_of(principal, given.study)
    return series if given.whole else series.filter(pk__in=given.series_ids)


def series_named(principal: Principal, study: Study, wanted: Iterable[uuid.UUID]) -> list[Series]:
    """The series of `study` with these ids; NotThereError unless all are within reach."""
    ids = set(wanted)
    found = list(gate.series_of(principal, study).filter(pk__in=ids))
    if len(found) != len(ids):
        raise NotThereError
    return found


def _counted() -> QuerySet[ShareLink]:
    return (
        ShareLink.objects.select_related("created_by", "revoked_by", "institution")
        .annotate(claim_count=Count("claims"), last_claim_at=Max("claims__created_at"))
        .prefetch_related(Prefetch("claims", Claim.objects.order_by("-created_at")))
        .order_by("-created_at")
    )
