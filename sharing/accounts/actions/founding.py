"""The way in for an institution that has nobody yet: its first administrator, invited at the shell."""

import dataclasses

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils import timezone

from sharing.accounts import work
from sharing.accounts.actions.institutions import add_evidence
from sharing.accounts.actions.joining import check_is_no_member, mail
from sharing.accounts.models import Institution, Invitation
from sharing.accounts.principal import at_the_shell
from sharing.accounts.queries import unanswered
from sharing.accounts.rules import INVITATION_LIFETIME, EvidenceKind, Role
from sharing.audit.actions import record
from sharing.audit.rules import Act
from sharing.kernel.errors import InvalidInputError


@dataclasses.dataclass(frozen=True, slots=True)
class Founded:
    """An institution and its open invitation; `link` is shown now and known to nobody later."""

    institution: Institution
    is_new: bool
    invitation: Invitation
    link: str = ""


def found(name: str, *, administrator: str, by_mail: bool) -> Founded:
    """Invite somebody to administer an institution, which is made if it is not there.

    The caller is the server's own operator: whoever reaches its shell may do so. An invitation
    that still stands is renewed, and its earlier link ends.

    Parameters
    ----------
    by_mail : bool
        Whether the link goes out by mail; otherwise it is in the answer, once.

    Raises
    ------
    InvalidInputError
        The name or the address will not do.
    ConflictError
        The address belongs to a member of this institution.
    """
    name, email = name.strip(), administrator.strip().lower()
    _check(name, email)
    with transaction.atomic():
        institution, is_new = Institution.objects.get_or_create(name=name)
        if is_new:
            add_evidence(EvidenceKind.OPERATOR, institution=institution)
        return invite_first(institution, email, is_new=is_new, by_mail=by_mail)


def invite_first(institution: Institution, email: str, *, is_new: bool, by_mail: bool) -> Founded:
    """Invite somebody to administer an institution, in the operator's name."""
    check_is_no_member(email, institution.pk)
    invitation, again = _invitation(institution, email)
    record(
        Act.INVITED,
        by=at_the_shell(institution.pk),
        email=email,
        role=invitation.role,
        invitation=str(invitation.pk),
        again=again,
    )
    if by_mail:
        mail(invitation)
        return Founded(institution, is_new, invitation)
    return Founded(institution, is_new, invitation, _handed_over(invitation))


def _check(name: str, email: str) -> None:
    if not name or len(name) > 120:
        raise InvalidInputError("An institution's name has from 1 to 120 characters.")
    try:
        validate_email(email)
    except ValidationError as error:
        raise InvalidInputError(f"{email} is no e-mail address.") from error


def _invitation(institution: Institution, email: str) -> tuple[Invitation, bool]:
    """A fresh invitation, or the one that stands with its full time; whether it stood."""
    expires = timezone.now() + INVITATION_LIFETIME
    standing = unanswered(institution.pk).filter(email__iexact=email).first()
    if standing is None:
        fresh = Invitation.objects.create(
            institution=institution, email=email, role=Role.ADMINISTRATOR, expires_at=expires
        )
        return fresh, False
    standing.role, standing.expires_at = Role.ADMINISTRATOR, expires
    standing.secret_digest = standing.sent_at = None
    standing.save(update_fields=["role", "expires_at", "secret_digest", "sent_at"])
    return standing, True


def _handed_over(invitation: Invitation) -> str:
    """The link, in the operator's hands: as good as sent, so that no waiting mail replaces it."""
    invitation.sent_at = timezone.now()
    invitation.save(update_fields=["sent_at"])
    return work.new_link(invitation)
