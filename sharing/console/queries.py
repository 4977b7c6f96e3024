"""What the staff's pages join: studies with their links, rows of the activity with names."""

import dataclasses
import uuid
from collections.abc import Iterable
from typing import Any

from django.db.models import Count, Max, Q, QuerySet
from django.utils import timezone

from sharing.access import gate
from sharing.access.principal import Principal
from sharing.access.rules import Action
from sharing.accounts.queries import names_of
from sharing.audit.models import AuditEvent
from sharing.audit.rules import ActorKind
from sharing.console import rules
from sharing.ingest.models import Upload
from sharing.ingest.queries import QUIET, uploads
from sharing.ingest.rules import UploadState
from sharing.kernel import wall
from sharing.links.models import Claim, LinkItem, ShareLink
from sharing.links.queries import in_state
from sharing.links.rules import LinkState
from sharing.studies.models import Study
from sharing.studies.queries import Wanted, is_arriving, matching

# ---- The worklist ------------------------------------------------------------------------------


def listed(
    principal: Principal, wanted: Wanted, *, tab: str = "own", shared: bool = False
) -> QuerySet[Study]:
    """The studies of one tab of the worklist."""
    found = matching(of_tab(principal, tab), wanted)
    if tab == "given":
        items = LinkItem.objects.filter(link__created_by=principal.user)
        found = found.filter(pk__in=items.values("study"))
    if shared:
        found = found.filter(pk__in=_open_items(principal).values("study"))
    return found


def of_tab(principal: Principal, tab: str) -> QuerySet[Study]:
    """All that a tab can show: what partners give in theirs, one's own in the others."""
    if tab == "partners":
        return gate.partner_studies(principal)
    return gate.own_studies(principal)


def _open_items(principal: Principal) -> QuerySet[LinkItem]:
    links = ShareLink.objects.filter(institution=principal.whole_institution)
    return LinkItem.objects.filter(link__in=in_state(links, LinkState.OPEN))


@dataclasses.dataclass(frozen=True, slots=True)
class Listed:
    """A row of the worklist: a study, and what is going on with it."""

    study: Study
    is_arriving: bool
    open_links: int


def with_news(principal: Principal, studies: list[Study]) -> list[Listed]:
    """Each study with whether it is still arriving and how many open links give it."""
    counted: dict[uuid.UUID, int] = {}
    if principal.may(Action.SHARE) or principal.may(Action.REVIEW):
        items = _open_items(principal).filter(study__in=[study.pk for study in studies])
        counted = dict(items.values_list("study").annotate(Count("link", distinct=True)))
    return [Listed(study, is_arriving(study), counted.get(study.pk, 0)) for study in studies]


def uploads_under_way(principal: Principal) -> list[Upload]:
    """Uploads of which something was received in the last minutes."""
    recent = uploads(principal).filter(
        state=UploadState.RECEIVING, last_received_at__gt=timezone.now() - QUIET
    )
    return list(recent.select_related("created_by").annotate(Count("files"))[:20])


def state_of_arriving(principal: Principal) -> str:
    """Changes whenever the tab of what is arriving would look different."""
    studies = matching(gate.own_studies(principal), Wanted(arriving=True))
    facts = studies.aggregate(count=Count("pk"), last=Max("last_arrived_at"))
    underway = uploads_under_way(principal)
    last = f"{facts['last']:%H%M%S%f}" if facts["last"] else ""
    received = "".join(f"{one.last_received_at:%S%f}" for one in underway[:1])
    return f"{facts['count']}-{last}-{len(underway)}-{received}"


@dataclasses.dataclass(frozen=True, slots=True)
class Received:
    """A link that was sent to this person, or opened by them in this session."""

    link: ShareLink
    claim: Claim | None  # by which it can be opened again here


def received(principal: Principal, claim_ids: Iterable[str]) -> list[Received]:
    """The links that are addressed to the person's mailbox, and those opened in this session."""
    if principal.user is None:
        return []
    with wall.system("the links of other institutions that came to one's own mailbox or browser"):
        return _received(principal.user.email, claim_ids)


def _received(email: str, claim_ids: Iterable[str]) -> list[Received]:
    now = timezone.now()
    opened = Claim.objects.filter(pk__in=list(claim_ids), expires_at__gt=now)
    claims = {claim.link_id: claim for claim in opened.order_by("created_at")}
    links = (
        ShareLink.objects.filter(Q(recipient_email__iexact=email) | Q(pk__in=claims))
        .select_related("institution", "created_by")
        .annotate(claim_count=Count("claims"))
        .order_by("-created_at")[:200]
    )
    over = (LinkState.REVOKED, LinkState.EXPIRED)
    return [
        Received(link, claims.get(link.pk) if link.state not in over else None) for link in links
    ]


HUMAN = (ActorKind.PERSON, ActorKind.OPERATOR)

# ---- The activity ------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True)
class Told:
    """One row of the activity, told: names joined from what the reader may see."""

    event: AuditEvent
    who: str
    address: str
    phrase: str
    joint: str
    way: str
    study: Study | None
    link: ShareLink | None

    @property
    def kind(self) -> str:
        return {"refused": "bad", "failed": "bad"}.get(self.event.outcome, "")


def told(principal: Principal, events: list[AuditEvent]) -> list[Told]:
    """Rows of the activity as sentences. The rows hold ids; names are joined here, for those who
    may search.
    """
    names = names_of(
        {event.actor_id for event in events if event.actor_kind in HUMAN and event.actor_id}
    )
    studies = _studies_of(principal, events)
    links = _links_of(principal, events)
    return [
        Told(
            event,
            rules.who(event.actor_kind, names.get(event.actor_id) or event.actor_name),
            event.actor_name if names.get(event.actor_id) else "",
            rules.phrase(event.action, event.detail),
            rules.joint(event.action),
            rules.way(event.channel, event.credential),
            studies.get(event.study_id),
            links.get(event.link_id),
        )
        for event in events
    ]


def _studies_of(principal: Principal, events: list[AuditEvent]) -> dict[Any, Study]:
    ids = {event.study_id for event in events if event.study_id}
    reached = gate.studies(principal).filter(pk__in=ids)
    return dict(reached.select_related("patient").in_bulk()) if ids else {}


def _links_of(principal: Principal, events: list[AuditEvent]) -> dict[Any, ShareLink]:
    ids = {event.link_id for event in events if event.link_id}
    mine = ShareLink.objects.filter(institution=principal.whole_institution, pk__in=ids)
    return dict(mine.in_bulk()) if ids and principal.whole_institution else {}
