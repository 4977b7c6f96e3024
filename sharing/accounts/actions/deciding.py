"""The operator decides on a sign-up: a second person, who is not the applicant."""

import uuid

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils import timezone

from sharing.accounts.actions.founding import Founded, invite_first
from sharing.accounts.actions.institutions import add_evidence
from sharing.accounts.models import Evidence, Institution, SignUp
from sharing.accounts.principal import at_the_shell
from sharing.accounts.queries import waiting_sign_ups
from sharing.accounts.rules import EvidenceKind, SignUpState, states_before
from sharing.audit.actions import record
from sharing.audit.rules import Act
from sharing.kernel.errors import ConflictError, InvalidInputError, NotThereError
from sharing.mails.actions import queue
from sharing.mails.rules import Kind

SAID = (
    *("name", "address", "country"),
    *("contact_name", "contact_role", "contact_email", "contact_phone"),
)


def approve(which: str, *, operator: str, by_mail: bool) -> Founded:
    """Let an institution in that has proven its domain, and invite its contact to administer it.

    Parameters
    ----------
    which : str
        The name or the id of the sign-up.
    operator : str
        The e-mail address of who approves; not the applicant's.

    Raises
    ------
    InvalidInputError
        There is no such sign-up, or several; or the applicant would approve it.
    ConflictError
        Its domain is not proven, or an institution here has its name.
    """
    found = _found(which)
    _check_operator(operator, found)
    if found.state != SignUpState.PROVEN:
        raise ConflictError(f"{found.name} has not proven its domain {found.domain} yet.")
    if Institution.objects.filter(name__iexact=found.name).exists():
        raise ConflictError(
            f"There is an institution {found.name} already. Refuse this one, and say why."
        )
    with transaction.atomic():
        made = Institution.objects.create(**{name: getattr(found, name) for name in SAID})
        _decide(found, SignUpState.APPROVED, operator, institution=made)
        Evidence.objects.filter(sign_up=found, proven_at=None).delete()
        Evidence.objects.filter(sign_up=found).update(institution=made)
        add_evidence(EvidenceKind.APPROVAL, institution=made)
        record(
            Act.SIGN_UP_DECIDED,
            by=at_the_shell(made.pk),
            what="approved",
            name=made.name,
            operator=operator,
            sign_up=str(found.pk),
        )
        return invite_first(made, found.contact_email, is_new=True, by_mail=by_mail)


def refuse(which: str, *, operator: str, reason: str) -> SignUp:
    """Turn a sign-up away; its contact is told why.

    Raises
    ------
    InvalidInputError
        As for `approve`, or there is no reason.
    """
    found = _found(which)
    _check_operator(operator, found)
    if not reason.strip() or len(reason) > 300:
        raise InvalidInputError("Say why, in up to 300 characters: the contact is told.")
    with transaction.atomic():
        _decide(found, SignUpState.REFUSED, operator, reason=reason.strip())
        record(
            Act.SIGN_UP_DECIDED,
            by=at_the_shell(None),
            what="refused",
            name=found.name,
            operator=operator,
            sign_up=str(found.pk),
        )
        queue(
            Kind.SIGN_UP,
            to=found.contact_email,
            job="accounts.mail-refusal",
            key=f"refusal:{found.pk}",
            args={"sign_up": str(found.pk)},
            about=found.pk,
        )
    found.refresh_from_db()
    return found


def _found(which: str) -> SignUp:
    waiting = waiting_sign_ups()
    try:
        found = list(waiting.filter(pk=uuid.UUID(which)))
    except ValueError:
        found = list(waiting.filter(name__iexact=which.strip()))
    if not found:
        raise InvalidInputError(f"No institution {which} waits. `institution list` says who does.")
    if len(found) > 1:
        named = ", ".join(str(one.pk) for one in found)
        raise InvalidInputError(f"Several are called {which}. Give the id of one: {named}.")
    return found[0]


def _check_operator(operator: str, found: SignUp) -> None:
    try:
        validate_email(operator)
    except ValidationError as error:
        raise InvalidInputError(f"{operator or 'Nothing'} is no e-mail address.") from error
    if operator.strip().lower() == found.contact_email.lower():
        raise InvalidInputError("Whoever applies does not decide: a second person has to.")


def _decide(found: SignUp, then: SignUpState, operator: str, **changes: object) -> None:
    moved = SignUp.objects.filter(
        pk=found.pk, state__in=states_before(then), expires_at__gt=timezone.now()
    ).update(
        state=then,
        decided_at=timezone.now(),
        decided_by=operator.strip().lower(),
        mail_digest=None,
        **changes,
    )
    if not moved:
        raise NotThereError
