"""Invitations: offered, sent again, withdrawn, taken up."""

import datetime
import uuid

from allauth.account.models import EmailAddress
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from sharing.accounts.actions.people import Administrator, open_department
from sharing.accounts.models import Invitation, Membership, User
from sharing.accounts.principal import at_the_door
from sharing.accounts.queries import open_invitation, unanswered
from sharing.accounts.rules import (
    INVITATION_LIFETIME,
    LONGEST_INVITATION,
    SHORTEST_INVITATION,
    MembershipState,
    Role,
)
from sharing.audit.actions import record
from sharing.audit.rules import Act
from sharing.kernel import wall
from sharing.kernel.errors import ConflictError, InvalidInputError, NotThereError, SharingError
from sharing.kernel.requests import Origin
from sharing.mails.actions import queue
from sharing.mails.rules import Kind


class InvitationOverError(SharingError):
    """Unknown, expired, withdrawn, taken up: one answer for all."""

    status = 404
    title = "This invitation cannot be used"
    code = "invitation-over"

    def __init__(self) -> None:
        super().__init__(
            "It may have expired, been used already or been withdrawn. "
            "Ask the person who invited you to send it again."
        )


def invite(
    *,
    email: str,
    role: Role,
    by: Administrator,
    lifetime: datetime.timedelta = INVITATION_LIFETIME,
    department_id: uuid.UUID | None = None,
) -> Invitation:
    """Offer a membership of one's own institution to whoever reads the mailbox `email`.

    `lifetime`, from half an hour to a day, is how long the mailed link works.
    """
    if by.membership is None or by.user is None:
        raise NotThereError
    if not SHORTEST_INVITATION <= lifetime <= LONGEST_INVITATION:
        raise InvalidInputError(fields={"lifetime": ["From 30 minutes to 24 hours."]})
    institution = by.membership.institution
    email = email.strip().lower()
    with transaction.atomic():
        check_is_no_member(email, institution.pk)
        _check_not_invited(email, institution.pk)
        invitation = Invitation.objects.create(
            institution=institution,
            email=email,
            role=role,
            department=open_department(department_id, institution.pk),
            invited_by=by.user,
            lifetime=lifetime,
            expires_at=timezone.now() + lifetime,
        )
        record(Act.INVITED, by=by, email=email, role=str(role), invitation=str(invitation.pk))
        mail(invitation)
    return invitation


def check_is_no_member(email: str, institution_id: uuid.UUID) -> None:
    member = Membership.objects.filter(institution=institution_id, user__email__iexact=email)
    if member.filter(state=MembershipState.SUSPENDED).exists():
        raise ConflictError("This person is a suspended member here. Let them back in instead.")
    if member.exists():
        raise ConflictError("This person is a member here already.")


def _check_not_invited(email: str, institution_id: uuid.UUID) -> None:
    if unanswered(institution_id).filter(email__iexact=email).exists():
        raise ConflictError("This address has an invitation already. Send that one again.")


def resend_invitation(invitation_id: uuid.UUID, *, by: Administrator) -> Invitation:
    """Send an invitation again, with a fresh link and its full time; the earlier link ends."""
    with transaction.atomic():
        invitation = _unanswered(invitation_id, by)
        invitation.expires_at = timezone.now() + invitation.lifetime
        invitation.secret_digest = None
        invitation.sent_at = None
        invitation.save(update_fields=["expires_at", "secret_digest", "sent_at"])
        record(
            Act.INVITED,
            by=by,
            email=invitation.email,
            role=invitation.role,
            invitation=str(invitation.pk),
            again=True,
        )
        mail(invitation)
    return invitation


def withdraw_invitation(invitation_id: uuid.UUID, *, by: Administrator) -> None:
    """Take an invitation back; its link ends at once."""
    with transaction.atomic():
        invitation = _unanswered(invitation_id, by)
        invitation.withdrawn_at = timezone.now()
        invitation.save(update_fields=["withdrawn_at"])
        record(
            Act.INVITATION_WITHDRAWN,
            by=by,
            email=invitation.email,
            invitation=str(invitation.pk),
        )


def _unanswered(invitation_id: uuid.UUID, by: Administrator) -> Invitation:
    if by.membership is None:
        raise NotThereError
    found = unanswered(by.membership.institution_id).select_for_update(of=("self",))
    invitation = found.filter(pk=invitation_id).first()
    if invitation is None:
        raise NotThereError
    return invitation


def mail(invitation: Invitation) -> None:
    """Queue the mail with the invitation's link."""
    when = f"{invitation.expires_at:%Y%m%dT%H%M%S%f}"
    queue(
        Kind.INVITATION,
        to=invitation.email,
        job="accounts.mail-invitation",
        key=f"invitation:{invitation.pk}:{when}",
        args={"invitation": str(invitation.pk)},
        about=invitation.pk,
        custodian_id=invitation.institution_id,
    )


def accept_invitation(
    invitation_id: uuid.UUID,
    secret: str,
    *,
    origin: Origin,
    user: User | None = None,
    name: str = "",
    password: str | None = "",
) -> Membership:
    """Take an invitation up, once: as the signed-in `user`, or as a new person.

    A new person has a password, or None and adds a passkey at once. Whoever comes by such a link
    reaches nothing before the account is protected (`queries.has_to_be_protected`).

    Raises
    ------
    InvitationOverError
        It cannot be used (any more).
    ConflictError
        It is for somebody else than `user`, or for somebody who has an account and is not
        signed in.
    InvalidInputError
        The name or the password will not do.
    """
    with transaction.atomic():
        found = open_invitation(invitation_id, secret)
        if found is None:
            raise InvitationOverError
        person = _person(found, user, name, password)
        with wall.acting_for(found.institution_id):
            _use_up(found)
            User.objects.filter(pk=person.pk).update(must_be_protected=True)
            membership, _ = Membership.objects.get_or_create(
                user=person,
                institution=found.institution,
                defaults={"role": found.role, "department": found.department},
            )
        by = at_the_door(person, origin, institution_id=found.institution_id)
        record(Act.JOINED, by=by, role=membership.role, invitation=str(found.pk))
    return membership


def _use_up(invitation: Invitation) -> None:
    """One conditional UPDATE, so that of two who press the button at once only one joins."""
    waiting = Invitation.objects.filter(pk=invitation.pk, accepted_at=None, withdrawn_at=None)
    if not waiting.update(accepted_at=timezone.now(), secret_digest=None):
        raise InvitationOverError


def _person(invitation: Invitation, user: User | None, name: str, password: str | None) -> User:
    there = User.objects.filter(email__iexact=invitation.email).first()
    if user is not None and user != there:
        raise ConflictError(
            f"You are signed in as {user.email}, but this invitation went to another address. "
            "Sign out, then open it again."
        )
    if user is not None:
        return user
    if there is not None:
        raise ConflictError(
            "There is an account with this address already. Sign in, then open the link again."
        )
    return _new_person(invitation.email, name.strip(), password)


def _new_person(email: str, name: str, password: str | None) -> User:
    if not name:
        raise InvalidInputError(fields={"name": ["Say how you are called."]})
    try:
        if password is not None:
            validate_password(password, User(email=email, name=name))
    except ValidationError as error:
        raise InvalidInputError(fields={"password": list(error.messages)}) from error
    person = User.objects.create_user(email, name=name, password=password)
    # The invitation reached the mailbox, so the address is known to be theirs.
    EmailAddress.objects.create(user=person, email=email, verified=True, primary=True)
    return person
