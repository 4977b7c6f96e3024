"""Who asks, what they may do, and what they can reach."""

import dataclasses
import uuid
from collections.abc import Callable

from django.db.models import QuerySet

from sharing.access.rules import ROLE_ACTIONS, Action, Credential, carries
from sharing.accounts.models import Membership, User
from sharing.accounts.rules import MembershipState, Role
from sharing.audit.rules import ActorKind
from sharing.kernel.requests import Origin
from sharing.studies.models import Series, Study


@dataclasses.dataclass(frozen=True, slots=True)
class Actor:
    """Whom the audit names."""

    kind: ActorKind
    id: str = ""
    name: str = ""
    institution_id: uuid.UUID | None = None
    credential: str = ""  # one of rules.Credential
    credential_id: str = ""
    link_id: uuid.UUID | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Way:
    """What other institutions give: which of their studies, for what, and by which agreement.

    `studies` is made anew at each call: what the way gives at that moment, nothing once it ended.
    `admit` is asked for each study of which more than a list's line is given; it may count it or
    refuse by an error, and answers the id of the agreement that the audit names.
    """

    actions: frozenset[Action]
    studies: Callable[[], QuerySet[Study]]
    admit: Callable[[uuid.UUID, Action], uuid.UUID]
    custodians: Callable[[], frozenset[uuid.UUID]]
    agreement: uuid.UUID | None = None  # where one stands for all of the way
    purpose: str = ""  # HL7 PurposeOfUse


@dataclasses.dataclass(frozen=True, slots=True)
class Entered:
    """By which way, and by which agreement, a principal was let to a study."""

    way: Way
    agreement: uuid.UUID


def _always() -> bool:
    return True


def _none() -> tuple[Way, ...]:
    return ()


@dataclasses.dataclass(frozen=True, slots=True)
class Principal:
    """`reach` is a lazy queryset of the series that can be touched; an empty one reaches nothing.

    `ways` lead to studies of other institutions; each allows no more than `actions`. Those by which
    something was given stand in `through`, by study. `still_allowed` asks the database whether the
    principal would be admitted again now; whatever streams asks `holds` at least once a second.
    """

    actor: Actor
    actions: frozenset[Action]
    reach: QuerySet[Series]
    origin: Origin = dataclasses.field(default_factory=Origin)
    user: User | None = None
    membership: Membership | None = None
    still_allowed: Callable[[], bool] = _always
    within: uuid.UUID | None = None  # the one study that this address is about
    ways: Callable[[], tuple[Way, ...]] = _none
    through: dict[uuid.UUID, Entered] = dataclasses.field(default_factory=dict, compare=False)

    @property
    def is_nobody(self) -> bool:
        return self.actor.kind == ActorKind.NOBODY

    @property
    def whole_institution(self) -> uuid.UUID | None:
        """The institution whose every series is reached, where that is the case: for fast lists."""
        if self.within is not None or self.membership is None:
            return None
        return self.membership.institution_id

    @property
    def custodians(self) -> frozenset[uuid.UUID]:
        """Every institution of whose studies some may be within reach."""
        own = self.actor.institution_id
        return frozenset({own} if own else ()).union(*(way.custodians() for way in self.ways()))

    @property
    def asker(self) -> str:
        """One and the same for whoever asks, in however many sessions; a link, however often opened."""
        return f"{self.actor.kind}:{self.actor.link_id or self.actor.id}"

    def narrowed_to(self, study_id: uuid.UUID) -> "Principal":
        """The same asker, reaching no further than one study."""
        reach = self.reach.filter(study=study_id)
        return dataclasses.replace(self, reach=reach, within=study_id)

    def may(self, action: Action) -> bool:
        """Whether it is among the actions, and this kind of credential may exercise it at all."""
        return action in self.actions and carries(self.actor.credential, action)

    def ways_for(self, action: Action) -> list[Way]:
        """The ways by which `action` may be exercised at another institution's studies."""
        if not self.may(action):
            return []
        return [way for way in self.ways() if action in way.actions]

    def given(self, way: Way) -> QuerySet[Study]:
        """What `way` gives now, as far as this address goes."""
        found = way.studies()
        return found if self.within is None else found.filter(pk=self.within)

    def reached(self, action: Action) -> QuerySet[Series]:
        """The series that can be touched so: one's own, and what others give for it."""
        found = self.reach
        for way in self.ways_for(action):
            found = found | Series.objects.filter(study__in=self.given(way))
        return found

    def holds(self) -> bool:
        """Whether the principal still counts, and each way by which it has been given something."""
        return self.still_allowed() and all(
            entered.way.studies().filter(pk=study_id).exists()
            for study_id, entered in tuple(self.through.items())
        )


def nobody(origin: Origin) -> Principal:
    """Whoever has not said who they are."""
    return Principal(Actor(ActorKind.NOBODY), frozenset(), Series.objects.none(), origin)


def person(user: User, origin: Origin) -> Principal:
    """A person without a membership: reaches nothing."""
    actor = Actor(ActorKind.PERSON, str(user.pk), user.email, credential="session")
    return Principal(actor, frozenset(), Series.objects.none(), origin, user=user)


def member(
    membership: Membership,
    origin: Origin,
    *,
    credential: str = "session",
    credential_id: str = "",
    actions: frozenset[Action] | None = None,
    still_allowed: Callable[[], bool] | None = None,
) -> Principal:
    """A member of an institution: reaches its studies, as far as the role goes.

    `actions` narrows the role's actions (a token's scope), and never widens them.
    """
    user = membership.user
    allowed = ROLE_ACTIONS[Role(membership.role)]
    active = membership.state == MembershipState.ACTIVE and user.is_active
    if not active:
        return person(user, origin)
    return Principal(
        actor=Actor(
            ActorKind.OPERATOR if credential == "shell" else ActorKind.PERSON,
            str(user.pk),
            user.email,
            membership.institution_id,
            credential,
            credential_id,
        ),
        actions=allowed if actions is None else allowed & actions,
        reach=Series.objects.filter(study__institution=membership.institution_id),
        origin=origin,
        user=user,
        membership=membership,
        still_allowed=still_allowed or (lambda: is_still_member(membership)),
    )


def machine(
    place: Membership,
    origin: Origin,
    *,
    id: str,
    name: str,
    actions: frozenset[Action],
    credential_id: str,
    still_allowed: Callable[[], bool],
) -> Principal:
    """A program that signed in by itself, for its own institution: reaches its studies.

    `place` names the closed account and the institution that its uploads are put down to; it is
    no row. What a partner grants a machine is a way of the same machine.
    """
    return Principal(
        actor=Actor(
            ActorKind.MACHINE, id, name, place.institution_id, Credential.MACHINE, credential_id
        ),
        actions=actions,
        reach=Series.objects.filter(study__institution=place.institution_id),
        origin=origin,
        user=place.user,
        membership=place,
        still_allowed=still_allowed,
    )


def is_still_member(membership: Membership) -> bool:
    return Membership.objects.filter(
        pk=membership.pk,
        role=membership.role,
        state=MembershipState.ACTIVE,
        user__is_active=True,
    ).exists()
