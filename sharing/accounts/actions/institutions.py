"""What an administrator says of the own institution, and its departments."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.utils import timezone

from sharing.accounts.actions.people import Administrator
from sharing.accounts.models import Department, Evidence, Institution
from sharing.accounts.rules import EvidenceKind
from sharing.audit.actions import record
from sharing.audit.rules import Act
from sharing.kernel.errors import ConflictError, NotThereError

PROFILE = (
    *("description", "is_listed", "people_by_address", "address", "country"),
    *("contact_name", "contact_role", "contact_email", "contact_phone"),
)


class NameTakenError(ConflictError):
    def __init__(self) -> None:
        super().__init__("A department of yours has this name already.")


def change_profile(*, by: Administrator, **said: Any) -> Institution:
    """Change what others read of one's own institution; only what differs is written down."""
    with transaction.atomic():
        institution = Institution.objects.select_for_update().get(pk=own(by))
        changed = [
            name for name in PROFILE if name in said and getattr(institution, name) != said[name]
        ]
        for name in changed:
            setattr(institution, name, said[name])
        if not changed:
            return institution
        institution.save(update_fields=changed)
        if {"contact_name", "contact_role"} & set(changed):
            name_contact(institution)
        record(
            Act.INSTITUTION_CHANGED,
            by=by,
            what="profile",
            fields=changed,
            listed=institution.is_listed,
        )
    return institution


def name_contact(institution: Institution) -> None:
    """The contact as it is named now, in place of the one that was."""
    Evidence.objects.filter(institution=institution, kind=EvidenceKind.CONTACT).delete()
    if institution.contact_name:
        said = ", ".join(filter(None, [institution.contact_name, institution.contact_role]))
        add_evidence(EvidenceKind.CONTACT, said, institution=institution)


def add_evidence(kind: EvidenceKind, value: str = "", **whose: Any) -> Evidence:
    """Something that counts from now on."""
    now = timezone.now()
    return Evidence.objects.create(kind=kind, value=value, proven_at=now, checked_at=now, **whose)


def own(by: Administrator) -> uuid.UUID:
    if by.membership is None:
        raise NotThereError
    return by.membership.institution_id


# ---- Departments ---------------------------------------------------------------------------------


def add_department(name: str, *, takes_images: bool = True, by: Administrator) -> Department:
    with _saving(by, "department added", name):
        return Department.objects.create(
            institution_id=own(by), name=name, takes_images=takes_images
        )


def change_department(
    department_id: uuid.UUID, *, name: str, takes_images: bool, by: Administrator
) -> Department:
    found = _department(department_id, by)
    found.name, found.takes_images = name, takes_images
    with _saving(by, "department changed", name):
        found.save(update_fields=["name", "takes_images"])
    return found


def close_department(department_id: uuid.UUID, *, by: Administrator) -> Department:
    """Nothing new goes there; what names it keeps its name."""
    return _closed(department_id, True, by)


def reopen_department(department_id: uuid.UUID, *, by: Administrator) -> Department:
    return _closed(department_id, False, by)


def remove_department(department_id: uuid.UUID, *, by: Administrator) -> str:
    """Take a department away that nothing names; its name is given back.

    Raises
    ------
    ConflictError
        People, studies or agreements name it: close it instead.
    """
    found = _department(department_id, by)
    try:
        with _saving(by, "department removed", found.name):
            found.delete()
    except ProtectedError as error:
        raise ConflictError(f"{found.name} is in use. Close it instead.") from error
    return found.name


def _closed(department_id: uuid.UUID, closed: bool, by: Administrator) -> Department:
    found = _department(department_id, by)
    found.closed_at = timezone.now() if closed else None
    with _saving(by, "department closed" if closed else "department opened", found.name):
        found.save(update_fields=["closed_at"])
    return found


def _department(department_id: uuid.UUID, by: Administrator) -> Department:
    found = Department.objects.filter(pk=department_id, institution=own(by)).first()
    if found is None:
        raise NotThereError
    return found


@contextmanager
def _saving(by: Administrator, what: str, name: str) -> Iterator[None]:
    try:
        with transaction.atomic():
            yield
            record(Act.INSTITUTION_CHANGED, by=by, what=what, name=name)
    except ProtectedError:
        raise
    except IntegrityError as error:
        raise NameTakenError from error
