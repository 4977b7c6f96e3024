"""Grants as one side reads them: whose turn it is, how each stands, and how much it is used."""

import dataclasses
import datetime
import enum
import uuid

from django.db.models import Count, OuterRef, Prefetch, Q, QuerySet, Subquery
from django.utils import timezone

from sharing.access.principal import Principal
from sharing.access.rules import ROLE_ACTIONS, Action
from sharing.accounts.models import Institution, Membership
from sharing.accounts.rules import MembershipState, Role
from sharing.audit.models import AuditEvent
from sharing.grants.models import Grant, GrantApproval, GrantDay, GrantVersion
from sharing.grants.queries.grants import of_institution, written
from sharing.grants.rules.states import APPROVERS, GrantState, Move, may_move
from sharing.grants.rules.terms import Terms
from sharing.grants.rules.words import day, doing, last_day
from sharing.kernel.errors import NotThereError

ENDED_SHOWN = 50


class Group(enum.StrEnum):
    """Where a grant stands in the list, in the list's order."""

    OURS = "Waiting for our yes"
    THEIRS = "Waiting for the other side"
    FORCE = "In force"
    STOPPED = "Stopped"
    ENDED = "Ended"


@dataclasses.dataclass(frozen=True, slots=True)
class Place:
    """One of the two yeses of a side; None where it is still wanted."""

    institution: Institution
    approval: GrantApproval | None


@dataclasses.dataclass(frozen=True, slots=True)
class Line:
    """A grant as the institution `own` reads it. `asked` are the terms that wait for an answer."""

    grant: Grant
    own: uuid.UUID
    person: uuid.UUID
    asked: GrantVersion | None
    last_used: datetime.datetime | None = None
    used_today: int = 0

    @property
    def gives(self) -> bool:
        """Whether it is our studies that are seen."""
        return self.grant.custodian_id == self.own

    @property
    def partner(self) -> Institution:
        return self.grant.recipient if self.gives else self.grant.custodian

    @property
    def title(self) -> str:
        name = self.partner.name
        return f"{name} sees our studies" if self.gives else f"We see studies of {name}"

    @property
    def version(self) -> GrantVersion | None:
        """The terms that a line is about: those in force, else those that were proposed last."""
        return self.grant.version or self.asked or self.grant.versions.last()

    @property
    def terms(self) -> Terms | None:
        return self.version.read() if self.version else None

    @property
    def what(self) -> str:
        return written(self.terms.filter) if self.terms else ""

    @property
    def doing(self) -> str:
        return doing(self.terms) if self.terms else ""

    @property
    def until(self) -> datetime.date | None:
        return last_day(self.version.valid_until) if self.version else None

    def missing(self, institution_id: uuid.UUID) -> int:
        """How many persons of a side are still to agree to what is asked."""
        if self.asked is None:
            return 0
        given = [one for one in self.asked.approvals.all() if one.institution_id == institution_id]
        return max(0, APPROVERS - len(given))

    @property
    def ours_missing(self) -> int:
        return self.missing(self.own)

    @property
    def theirs_missing(self) -> int:
        return self.missing(self.partner.pk)

    @property
    def has_agreed(self) -> bool:
        """Whether this person has said yes to what is asked."""
        return self.asked is not None and any(
            one.person_id == self.person for one in self.asked.approvals.all()
        )

    @property
    def asks_me(self) -> bool:
        return bool(self.ours_missing) and not self.has_agreed and not self._is_late

    @property
    def _is_late(self) -> bool:
        return self.asked is not None and self.asked.valid_until <= timezone.now()

    @property
    def turn(self) -> str:
        """Whose yes is missing, in words."""
        if self.asks_me:
            return "Your yes is wanted"
        ours, theirs = self.ours_missing, self.theirs_missing
        said = []
        if ours:
            said.append("a second person of ours")
        if theirs:
            said.append(f"{theirs} {'person' if theirs == 1 else 'persons'} of {self.partner.name}")
        return f"Still to agree: {' and '.join(said)}" if said else ""

    @property
    def group(self) -> Group:
        if self.grant.state == GrantState.ENDED:
            return Group.ENDED
        if self.ours_missing:
            return Group.OURS
        if self.grant.state == GrantState.PROPOSED:
            return Group.THEIRS
        return Group.STOPPED if self.grant.state == GrantState.SUSPENDED else Group.FORCE

    @property
    def counts(self) -> bool:
        """Whether something passes at this moment."""
        version, now = self.grant.version, timezone.now()
        return (
            self.grant.state == GrantState.ACTIVE
            and version is not None
            and version.valid_from <= now < version.valid_until
        )

    @property
    def state(self) -> tuple[str, str]:
        """How it stands, and the kind of its badge."""
        grant, version = self.grant, self.grant.version
        if grant.state == GrantState.ENDED:
            return "Ended", ""
        if grant.state == GrantState.SUSPENDED:
            return f"Stopped by {self.stopped_by}", "bad"
        if self.counts:
            return "In force", "good"
        if version is not None and version.valid_from > timezone.now():
            return f"Begins {day(timezone.localdate(version.valid_from))}", "accent"
        return ("Proposed", "warn") if version is None else ("Over", "")

    @property
    def stopped_by(self) -> str:
        ours, theirs = self._stops
        if ours and theirs:
            return "both sides"
        return "us" if ours else self.partner.name

    @property
    def _stops(self) -> tuple[bool, bool]:
        grant = self.grant
        both = grant.custodian_stopped_at is not None, grant.recipient_stopped_at is not None
        return both if self.gives else (both[1], both[0])

    @property
    def may_stop(self) -> bool:
        suspended = self.grant.state == GrantState.SUSPENDED and not self._stops[0]
        return suspended or may_move(self.grant.state, Move.STOP)

    @property
    def may_resume(self) -> bool:
        return self.grant.state == GrantState.SUSPENDED and self._stops[0]

    @property
    def may_end(self) -> bool:
        return may_move(self.grant.state, Move.END)

    @property
    def places(self) -> list[Place]:
        """The four yeses that terms need, ours first; of what is asked, else of what is agreed."""
        about = self.asked or self.version
        given = list(about.approvals.all()) if about else []
        found = []
        for side in sorted(
            (self.grant.custodian, self.grant.recipient), key=lambda one: one.pk != self.own
        ):
            theirs = [one for one in given if one.institution_id == side.pk]
            found += [
                Place(side, theirs[number] if number < len(theirs) else None)
                for number in range(APPROVERS)
            ]
        return found


def lines(by: Principal, found: QuerySet[Grant] | None = None) -> list[Line]:
    """The grants of one's institution, the newest first; of those that ended the last."""
    assert by.membership is not None
    own, person = by.membership.institution_id, by.membership.user_id
    asked = GrantVersion.objects.filter(agreed_at=None, dropped_at=None)
    grants = (
        (of_institution(own) if found is None else found)
        .prefetch_related(
            Prefetch(
                "versions", asked.prefetch_related("approvals__person"), to_attr="asked_versions"
            ),
            "version__approvals__person",
        )
        .annotate(last_used=Subquery(_openings()), used_today=Subquery(_today()))
    )
    return [
        Line(
            grant,
            own,
            person,
            next(iter(grant.asked_versions), None),
            grant.last_used,
            grant.used_today or 0,
        )
        for grant in grants
    ]


def line(by: Principal, grant_id: uuid.UUID) -> Line:
    """One grant of one's institution; NotThereError for any other."""
    if by.membership is None:
        raise NotThereError
    own = of_institution(by.membership.institution_id).filter(pk=grant_id)
    found = lines(by, own)
    if not found:
        raise NotThereError
    return found[0]


def of_side(grant_id: uuid.UUID, membership_id: uuid.UUID) -> Line | None:
    """A grant as one member's institution reads it, for a mail; None for whoever may not agree."""
    members = Membership.objects.filter(
        pk=membership_id, state=MembershipState.ACTIVE, user__is_active=True
    )
    member = members.first()
    if member is None or Action.AGREE not in ROLE_ACTIONS[Role(member.role)]:
        return None
    grant = of_institution(member.institution_id).filter(pk=grant_id).first()
    return Line(grant, member.institution_id, member.user_id, None) if grant else None


def grouped(found: list[Line]) -> list[tuple[Group, list[Line]]]:
    """In the groups of the list; those without a line are left out."""
    groups = [(group, [one for one in found if one.group == group]) for group in Group]
    return [
        (group, those[:ENDED_SHOWN] if group == Group.ENDED else those)
        for group, those in groups
        if those
    ]


def asking(by: Principal) -> int:
    """How many grants wait for this very person's yes."""
    if by.membership is None:
        return 0
    own = by.membership.institution_id
    open_terms = GrantVersion.objects.filter(
        Q(grant__custodian=own) | Q(grant__recipient=own),
        agreed_at=None,
        dropped_at=None,
        valid_until__gt=timezone.now(),
    )
    given = Count("approvals", filter=Q(approvals__institution=own))
    mine = GrantApproval.objects.filter(person=by.membership.user_id).values("version")
    return open_terms.exclude(pk__in=mine).annotate(given=given).filter(given__lt=APPROVERS).count()


def days_of(grant: Grant, number: int = 14) -> list[GrantDay]:
    """How many studies were opened on each of the last days on which some were."""
    return list(GrantDay.objects.filter(grant=grant).order_by("-day")[:number])


def _openings() -> QuerySet[AuditEvent, datetime.datetime]:
    rows = AuditEvent.objects.filter(grant_id=OuterRef("pk"), study_id__isnull=False)
    return rows.order_by("-pk").values_list("at", flat=True)[:1]


def _today() -> QuerySet[GrantDay, int]:
    day = timezone.now().date()
    found = GrantDay.objects.filter(grant=OuterRef("pk"), day=day)
    return found.values_list("studies", flat=True)[:1]
