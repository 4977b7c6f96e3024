"""An institution signs up: what it says of itself, and how it proves its domain."""

import dataclasses
import datetime
import uuid
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from sharing.accounts.actions.evidence import HOUR, Challenge, challenge, look_within_limits
from sharing.accounts.actions.institutions import add_evidence
from sharing.accounts.actions.limits import TooOftenError, is_within
from sharing.accounts.models import SignUp
from sharing.accounts.principal import at_the_door
from sharing.accounts.queries import SignUpSeen, sign_up_for
from sharing.accounts.rules import (
    MAILS_PER_DAY,
    SIGN_UP_LIFETIME,
    SIGN_UPS_PER_HOUR,
    EvidenceKind,
    SignUpState,
    is_at,
    is_npi,
    tidy_domain,
)
from sharing.accounts.work import Look, Resolve
from sharing.accounts.work.domains import proven, record_look
from sharing.audit.actions import record
from sharing.audit.rules import Act
from sharing.kernel import ids, secrets
from sharing.kernel.errors import InvalidInputError, NotThereError
from sharing.kernel.requests import Origin
from sharing.mails.actions import queue
from sharing.mails.rules import Kind

DAY = datetime.timedelta(days=1)


@dataclasses.dataclass(frozen=True, slots=True)
class Applied:
    """A sign-up as its applicant is shown it, this once."""

    sign_up: SignUp
    link: str
    challenge: Challenge
    mailed: bool


def sign_up(*, origin: Origin, domain: str, npi: str = "", **said: Any) -> Applied:
    """Take down what an institution says of itself. It says nothing of those that are here.

    Raises
    ------
    InvalidInputError
        The domain or the NPI cannot be.
    TooOftenError
        Too many have come from this address within the hour.
    """
    name = _checked(domain, npi)
    if not is_within("sign-up", origin.address, most=SIGN_UPS_PER_HOUR, within=HOUR):
        raise TooOftenError(
            "Many institutions were signed up from here. Try again in an hour.", within=HOUR
        )
    secret = secrets.new_secret()
    with transaction.atomic():
        made = SignUp.objects.create(
            domain=name,
            npi=npi,
            secret_digest=secrets.digest(secret),
            expires_at=timezone.now() + SIGN_UP_LIFETIME,
            **said,
        )
        named = f"{made.contact_name}, {made.contact_role}"[:254]
        add_evidence(EvidenceKind.CONTACT, named, sign_up=made)
        if npi:
            add_evidence(EvidenceKind.NPI, npi, sign_up=made)
        record_to_add = challenge(name, institution_id=None, sign_up=made)
        record(Act.SIGN_UP_BEGUN, by=at_the_door(None, origin), sign_up=str(made.pk), domain=name)
        mailed = _mail(made)
    link = f"{settings.BASE_URL}/institutions/prove#{ids.to_text(made.pk)}.{secret}"
    return Applied(made, link, record_to_add, mailed)


def _checked(domain: str, npi: str) -> str:
    wrong: dict[str, list[str]] = {}
    name = ""
    try:
        name = tidy_domain(domain)
    except ValueError as error:
        wrong["domain"] = [str(error)]
    if npi and not is_npi(npi):
        wrong["npi"] = ["This is no NPI: a digit is wrong or missing."]
    if wrong:
        raise InvalidInputError(fields=wrong)
    return name


def _mail(made: SignUp) -> bool:
    """Mail a link to the contact, where that is at the domain; whether one goes out."""
    if not is_at(made.contact_email, made.domain):
        return False
    if not is_within("sign-up-mail", made.contact_email, most=MAILS_PER_DAY, within=DAY):
        return False
    queue(
        Kind.DOMAIN,
        to=made.contact_email,
        job="accounts.mail-domain",
        key=f"domain:{made.pk}:{ids.new_id()}",
        args={"sign_up": str(made.pk)},
        about=made.pk,
    )
    return True


def mail_again(sign_up_id: uuid.UUID, secret: str) -> bool:
    """Mail the link that proves the domain once more; an earlier one ends when it goes out."""
    seen = _seen(sign_up_id, secret)
    if seen.by_mail or seen.sign_up.state != SignUpState.APPLIED:
        raise NotThereError
    with transaction.atomic():
        return _mail(seen.sign_up)


def check_record(
    sign_up_id: uuid.UUID, secret: str, *, origin: Origin, resolve: Resolve | None = None
) -> Look:
    """Look for the record of a sign-up's domain now.

    Raises
    ------
    NotThereError
        There is no such sign-up, or it has ended.
    PeerBusyError
        DNS does not answer.
    TooOftenError
    """
    seen = _seen(sign_up_id, secret)
    evidence = seen.sign_up.evidence.filter(kind=EvidenceKind.DNS).first()
    if seen.by_mail or evidence is None or seen.sign_up.state != SignUpState.APPLIED:
        raise NotThereError
    return look_within_limits(evidence, by=at_the_door(None, origin), resolve=resolve)


def confirm_by_mail(sign_up_id: uuid.UUID, secret: str, *, origin: Origin) -> None:
    """Use the mailed link, once: whoever has it reads a mailbox at the domain.

    Raises
    ------
    NotThereError
        It was used, has ended or is none.
    """
    seen = _seen(sign_up_id, secret)
    if not seen.by_mail:
        raise NotThereError
    with transaction.atomic():
        used = SignUp.objects.filter(
            pk=sign_up_id, state=SignUpState.APPLIED, mail_digest=secrets.digest(secret)
        ).update(mail_digest=None)
        if not used:
            raise NotThereError
        shown = add_evidence(EvidenceKind.MAIL, seen.sign_up.domain, sign_up=seen.sign_up)
        proven(shown)
        record_look(shown, Look.PROVEN, by=at_the_door(None, origin))


def _seen(sign_up_id: uuid.UUID, secret: str) -> SignUpSeen:
    seen = sign_up_for(sign_up_id, secret)
    if seen is None:
        raise NotThereError
    return seen
