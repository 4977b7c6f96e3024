"""Changing what people are in an institution."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from django.db import transaction

from sharing.accounts.models import Department, Institution, Membership, User
from sharing.accounts.principal import at_the_door
from sharing.accounts.queries import active_memberships, departments_of
from sharing.accounts.rules import MembershipState, Role
from sharing.audit.actions import Asking, record
from sharing.audit.rules import Act
from sharing.kernel.errors import ConflictError, NotThereError
from sharing.kernel.requests import Origin


class Administrator(Asking, Protocol):
    """A principal who acts for an institution; its rights were checked by the caller's gate."""

    @property
    def user(self) -> User | None: ...
    @property
    def membership(self) -> Membership | None: ...


class LastAdministratorError(ConflictError):
    title = "The last administrator"

    def __init__(self) -> None:
        super().__init__(
            "This is the last active administrator here. Make somebody else administrator first."
        )


def change_role(membership_id: uuid.UUID, role: Role, *, by: Administrator) -> Membership:
    """Give a member another role. It counts from the member's next request on."""

    def change(member: Membership) -> dict[str, Any]:
        before, member.role = member.role, role
        return {"what": "role", "role": str(role), "before": before}

    return _change(membership_id, change, by=by)


def suspend(membership_id: uuid.UUID, *, by: Administrator) -> Membership:
    """Shut a member out: sessions, tokens and streams end within a second, nothing is deleted."""

    def change(member: Membership) -> dict[str, Any]:
        member.state = MembershipState.SUSPENDED
        return {"what": "suspended"}

    return _change(membership_id, change, by=by)


def reactivate(membership_id: uuid.UUID, *, by: Administrator) -> Membership:
    """Let a suspended member back in."""

    def change(member: Membership) -> dict[str, Any]:
        member.state = MembershipState.ACTIVE
        return {"what": "reactivated"}

    return _change(membership_id, change, by=by)


def place(
    membership_id: uuid.UUID, department_id: uuid.UUID | None, *, by: Administrator
) -> Membership:
    """Say in which department a member works; None for no particular one."""

    def change(member: Membership) -> dict[str, Any]:
        member.department = open_department(department_id, member.institution_id)
        return {"what": "department", "department": str(member.department or "")}

    return _change(membership_id, change, by=by)


def open_department(
    department_id: uuid.UUID | None, institution_id: uuid.UUID
) -> Department | None:
    """A department of this institution that is not closed; None for None."""
    if department_id is None:
        return None
    found = departments_of(institution_id).filter(pk=department_id).first()
    if found is None:
        raise NotThereError
    return found


def rename(user: User, name: str, *, origin: Origin) -> None:
    """Change how a person is called; every institution of theirs reads it in its activity."""
    with transaction.atomic():
        User.objects.filter(pk=user.pk).update(name=name)
        for membership in active_memberships(user):
            by = at_the_door(user, origin, institution_id=membership.institution_id)
            record(Act.MEMBER_CHANGED, by=by, what="name", person=user.email)


def _change(
    membership_id: uuid.UUID,
    change: Callable[[Membership], dict[str, Any]],
    *,
    by: Administrator,
) -> Membership:
    with _people_held(by) as institution_id:
        member = (
            Membership.objects.select_related("user")
            .filter(pk=membership_id, institution=institution_id)
            .first()
        )
        if member is None:
            raise NotThereError
        detail = change(member)
        member.save(update_fields=["role", "state", "department"])
        _check_somebody_administers(institution_id)
        record(Act.MEMBER_CHANGED, by=by, person=member.user.email, **detail)
    return member


@contextmanager
def _people_held(by: Administrator) -> Iterator[uuid.UUID]:
    """One change of an institution's people at a time, so that two cannot remove each other."""
    if by.membership is None:
        raise NotThereError
    institution_id = by.membership.institution_id
    with transaction.atomic():
        Institution.objects.select_for_update().get(pk=institution_id)
        yield institution_id


def _check_somebody_administers(institution_id: uuid.UUID) -> None:
    left = Membership.objects.filter(
        institution=institution_id,
        role=Role.ADMINISTRATOR,
        state=MembershipState.ACTIVE,
        user__is_active=True,
    )
    if not left.exists():
        raise LastAdministratorError
