"""Open a link and leave it again: what its recipient does.

Nobody who lacks the link's secret learns anything: an unknown, expired, revoked, used-up or
locked link are one `NotThereError`, after the same work. Whoever has it is asked for the second
factor, and the tries of that are counted.
"""

import dataclasses
import uuid
from collections.abc import Iterable

from django.conf import settings
from django.db import transaction
from django.db.models import Case, F, IntegerField, Q, QuerySet, When
from django.utils import timezone

from sharing.access import gate
from sharing.access.principal import Principal, nobody
from sharing.audit.actions import record
from sharing.audit.rules import Act, Outcome
from sharing.kernel import secrets, wall
from sharing.kernel.durations import OUR_CLOCKS
from sharing.kernel.errors import NotThereError, SharingError
from sharing.kernel.requests import Origin
from sharing.links import principal as principals
from sharing.links.models import Claim, MailboxCode, ShareLink
from sharing.links.rules import (
    CLAIM_LIFETIME,
    CODE_LIFETIME,
    CODE_TRIES,
    CODES_PER_HOUR,
    HOUR,
    TRIES,
    Factor,
    LinkState,
    code_digest,
    passcode_digest,
)
from sharing.mails.actions import queue
from sharing.mails.rules import Kind


@dataclasses.dataclass(frozen=True, slots=True)
class Asked:
    """The secret is right; the visitor is asked for the second factor."""

    link: ShareLink
    code_sent: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Claimed:
    """The link is open to this visitor: the claim, and the secret for its cookie."""

    claim: Claim
    secret: str = dataclasses.field(repr=False)


class WrongPasscodeError(SharingError):
    """The link is right and its second factor is not."""

    status = 403
    title = "That does not match"
    code = "wrong-passcode"


class TooManyCodesError(SharingError):
    status = 429
    title = "Too many codes"
    code = "too-many-codes"

    def __init__(self) -> None:
        super().__init__(
            f"You have been mailed {CODES_PER_HOUR} codes within an hour. Look for the newest one, "
            "also among unwanted mail, or try again in an hour."
        )


def claim_link(
    link_id: uuid.UUID,
    secret: str,
    *,
    origin: Origin,
    passcode: str = "",
    code: str = "",
    known: Iterable[tuple[uuid.UUID, str]] = (),
) -> Claimed | Asked:
    """Open a link with its secret and its passcode or mailed code.

    `known` are the claims that the visitor's browser holds: one that is still served is given
    again, and counts no further use. Without passcode and code nothing is counted either.

    Raises
    ------
    NotThereError
        Unknown, expired, revoked, used up or locked: not told apart.
    WrongPasscodeError
        The second factor does not match; the sentence says how many tries are left.
    """
    with wall.acting_for(_institution_of(link_id)):
        return _claim_link(link_id, secrets.digest(secret), origin, passcode or code, known)


def _institution_of(link_id: uuid.UUID) -> uuid.UUID | None:
    """Whose link it is: from there on its visitor asks for that institution alone."""
    with wall.system("whose link is opened: by the link's id"):
        found = ShareLink.objects.filter(pk=link_id)
        return found.values_list("institution", flat=True).first()


def _claim_link(
    link_id: uuid.UUID,
    digest: bytes,
    origin: Origin,
    typed: str,
    known: Iterable[tuple[uuid.UUID, str]],
) -> Claimed | Asked:
    for claim_id, claim_secret in known:
        held = principals.live(claim_id).filter(link=link_id, link__secret_digest=digest).first()
        if held and secrets.same(bytes(held.secret_digest), secrets.digest(claim_secret)):
            return Claimed(held, claim_secret)
    outcome: Claimed | Asked | SharingError
    with transaction.atomic():
        if typed:
            outcome = _attempt(link_id, digest, typed, origin)
        else:
            outcome = _asked(link_id, digest, origin)
    # Raised only now, so that the count and the audit row of a refusal stay.
    if isinstance(outcome, SharingError):
        raise outcome
    return outcome


def send_code(link_id: uuid.UUID, secret: str, *, origin: Origin) -> Asked:
    """Mail a one-time code to the link's mailbox, at most five within an hour.

    Raises
    ------
    NotThereError
        As for `claim_link`.
    TooManyCodesError
    """
    with wall.acting_for(_institution_of(link_id)), transaction.atomic():
        outcome = _code_for(link_id, secrets.digest(secret), origin)
    if isinstance(outcome, SharingError):
        raise outcome
    return outcome


def leave(claim: Principal) -> None:
    """End a claim before its time, at its visitor's wish: for every clock, so at its beginning."""
    with transaction.atomic():
        mine = Claim.objects.filter(pk=claim.actor.id, expires_at__gt=timezone.now())
        if mine.update(expires_at=F("created_at")):
            record(Act.LINK_LEFT, by=claim)


def _open(link_id: uuid.UUID, digest: bytes) -> QuerySet[ShareLink]:
    """The link, if it can be opened now with this secret.

    Comparing in the database tells nobody anything by its time: what is compared is a digest,
    and nobody can steer its first bytes.
    """
    now = timezone.now()
    return ShareLink.objects.filter(
        Q(max_uses=None) | Q(uses__lt=F("max_uses")),
        pk=link_id,
        secret_digest=digest,
        revoked_at=None,
        locked_at=None,
        created_at__lte=now + OUR_CLOCKS,
        expires_at__gt=now,
    )


def _asked(link_id: uuid.UUID, digest: bytes, origin: Origin) -> Asked | SharingError:
    link = _open(link_id, digest).select_related("institution", "created_by").first()
    return Asked(link) if link else _refused(link_id, digest, origin)


def _attempt(
    link_id: uuid.UUID, digest: bytes, typed: str, origin: Origin
) -> Claimed | SharingError:
    """Count the use and the try, then look: whoever asks at the same moment waits for the row."""
    counted = _open(link_id, digest).update(
        uses=F("uses") + 1,
        tries=F("tries")
        + Case(When(factor=Factor.PASSCODE, then=1), default=0, output_field=IntegerField()),
    )
    if not counted:
        return _refused(link_id, digest, origin)
    link = ShareLink.objects.get(pk=link_id)
    wrong = _wrong_code(link, typed) if link.factor == Factor.MAILBOX else _wrong(link, typed)
    if wrong is None:
        return _claimed(link, origin)
    ShareLink.objects.filter(pk=link_id).update(uses=F("uses") - 1)
    _write_refusal(link, origin, "wrong passcode or code")
    return wrong


def _wrong(link: ShareLink, typed: str) -> WrongPasscodeError | None:
    """None when the passcode is right, else what the visitor is told."""
    expected = passcode_digest(settings.SECRET_KEY, link.pk, typed)
    if secrets.same(bytes(link.passcode_digest or b""), expected):
        ShareLink.objects.filter(pk=link.pk).update(tries=0)
        return None
    left = TRIES - link.tries
    if left <= 0:
        ShareLink.objects.filter(pk=link.pk).update(locked_at=timezone.now())
        return WrongPasscodeError(
            "That passcode does not match, and it was the last try: the link is locked now. "
            "Ask the sender for a new one."
        )
    return WrongPasscodeError(f"That passcode does not match. You have {_tries(left)} left.")


def _wrong_code(link: ShareLink, typed: str) -> WrongPasscodeError | None:
    """The same for a mailed code: only the newest one counts, and only once."""
    now = timezone.now()
    newest = (
        MailboxCode.objects.filter(
            link=link, code_digest__isnull=False, created_at__lte=now + OUR_CLOCKS
        )
        .order_by("-created_at")
        .first()
    )
    counted = newest is not None and MailboxCode.objects.filter(
        pk=newest.pk, used_at=None, expires_at__gt=now, tries__lt=CODE_TRIES
    ).update(tries=F("tries") + 1)
    if newest is None or not counted:
        return WrongPasscodeError(
            "That code does not count any more. Have a new one mailed to you."
        )
    expected = code_digest(settings.SECRET_KEY, newest.pk, typed)
    if secrets.same(bytes(newest.code_digest or b""), expected):
        MailboxCode.objects.filter(pk=newest.pk).update(used_at=now)
        return None
    left = CODE_TRIES - newest.tries - 1
    if not left:
        return WrongPasscodeError(
            "That code does not match, and it was the last try with it. Have a new one mailed to you."
        )
    return WrongPasscodeError(f"That code does not match. You have {_tries(left)} left.")


def _tries(left: int) -> str:
    return f"{left} {'try' if left == 1 else 'tries'}"


def _claimed(link: ShareLink, origin: Origin) -> Claimed:
    now, secret = timezone.now(), secrets.new_secret()
    claim = Claim.objects.create(
        link=link,
        secret_digest=secrets.digest(secret),
        created_at=now,
        expires_at=min(link.expires_at, now + CLAIM_LIFETIME),
        address=origin.address,
        agent=origin.agent,
    )
    visitor = principals.claim(claim.pk, secret, origin)
    if visitor is None:
        raise NotThereError
    for study in gate.studies(visitor).select_related("patient"):
        record(Act.LINK_CLAIMED, by=visitor, **gate.facts(study))
    return Claimed(claim, secret)


def _code_for(link_id: uuid.UUID, digest: bytes, origin: Origin) -> Asked | SharingError:
    link = (
        _open(link_id, digest)
        .filter(factor=Factor.MAILBOX)
        .select_related("institution", "created_by")
        .select_for_update(of=("self",))
        .first()
    )
    if link is None:
        return _refused(link_id, digest, origin)
    now = timezone.now()
    if MailboxCode.objects.filter(link=link, created_at__gt=now - HOUR).count() >= CODES_PER_HOUR:
        _write_refusal(link, origin, "too many codes")
        return TooManyCodesError()
    code = MailboxCode.objects.create(link=link, created_at=now, expires_at=now + CODE_LIFETIME)
    queue(
        Kind.CODE,
        to=link.recipient_email,
        job="links.mail-code",
        key=f"mail-code:{code.pk}",
        args={"code_id": str(code.pk)},
        about=code.pk,
        custodian_id=link.institution_id,
    )
    record(Act.LINK_CODE_SENT, by=nobody(origin), custodian_id=link.institution_id, link_id=link.pk)
    return Asked(link, code_sent=True)


def _refused(link_id: uuid.UUID, digest: bytes, origin: Origin) -> NotThereError:
    """One answer, after the same work, whatever was wrong; the owner's activity says what was."""
    link = ShareLink.objects.filter(pk=link_id).first()
    if link is None:
        record(Act.LINK_CLAIM_REFUSED, by=nobody(origin), outcome=Outcome.REFUSED, reason="unknown")
        return NotThereError()
    right = secrets.same(bytes(link.secret_digest), digest)
    open_but_not_so = "not possible" if link.state == LinkState.OPEN else str(link.state)
    _write_refusal(link, origin, open_but_not_so if right else "wrong secret")
    return NotThereError()


def _write_refusal(link: ShareLink, origin: Origin, reason: str) -> None:
    record(
        Act.LINK_CLAIM_REFUSED,
        by=nobody(origin),
        outcome=Outcome.REFUSED,
        custodian_id=link.institution_id,
        link_id=link.pk,
        reason=reason,
    )
