"""Whether a domain says what we asked it to say: looked up in DNS, now and again each day."""

import datetime
import enum
from collections.abc import Callable

import dns.exception
import dns.nameserver
import dns.resolver
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from sharing.accounts.models import Evidence, SignUp, Tally
from sharing.accounts.rules import CHALLENGE, PREFIX, EvidenceKind, SignUpState, states_before
from sharing.audit.actions import Asking, by_itself, record
from sharing.audit.rules import Act, Outcome
from sharing.jobs.actions import enqueue
from sharing.jobs.work import Run, job
from sharing.kernel import secrets
from sharing.kernel.errors import PeerBusyError
from sharing.mails.actions import queue
from sharing.mails.rules import Kind

PATIENCE = 5.0  # seconds for all name servers together
Resolve = Callable[[str], list[str]]


class Look(enum.StrEnum):
    """What one look at a domain found."""

    PROVEN = "proven"
    THERE = "there"
    ABSENT = "absent"
    LOST = "lost"


def txt_records(name: str) -> list[str]:
    """The TXT records at `name`; none where DNS says that there are none.

    Raises
    ------
    PeerBusyError
        No name server could say.
    """
    try:
        found = _resolver().resolve(f"{name}.", "TXT", lifetime=PATIENCE)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return []
    except dns.exception.DNSException as error:
        raise PeerBusyError("DNS does not answer for this domain just now.") from error
    return [b"".join(one.strings).decode("utf-8", "replace") for one in found]


def _resolver() -> dns.resolver.Resolver:
    """The system's own name servers, unless the settings name others."""
    if not settings.DNS_SERVERS:
        return dns.resolver.Resolver()
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers = [
        dns.nameserver.Do53Nameserver(address, port) for address, port in settings.DNS_SERVERS
    ]
    return resolver


def look_at(evidence: Evidence, *, by: Asking, resolve: Resolve | None = None) -> Look:
    """Look for a domain's record once, and write down what that changes.

    Raises
    ------
    PeerBusyError
        Nobody could say: everything stays as it is.
    """
    found = (resolve or txt_records)(f"{CHALLENGE}.{evidence.value}")
    wanted = bytes(evidence.token_digest or b"")
    shown = [secrets.digest(one.strip().removeprefix(PREFIX)) for one in found]
    is_there = any(secrets.same(one, wanted) for one in shown)
    now = timezone.now()
    with transaction.atomic():
        kept = Evidence.objects.select_for_update().filter(pk=evidence.pk).first()
        if kept is None:
            return Look.ABSENT
        kept.checked_at = now
        look = _changed(kept, is_there, now)
        kept.save(update_fields=["checked_at", "proven_at", "lost_at"])
        if look != Look.THERE and kept.proven_at is not None:
            record_look(kept, look, by=by)
    return look


def _changed(kept: Evidence, is_there: bool, now: datetime.datetime) -> Look:
    if is_there and kept.proven_at is None:
        kept.proven_at = now
        proven(kept)
        return Look.PROVEN
    if is_there:
        was_lost, kept.lost_at = kept.lost_at is not None, None
        return Look.PROVEN if was_lost else Look.THERE
    if kept.proven_at is None or kept.lost_at is not None:
        return Look.THERE if kept.lost_at else Look.ABSENT
    kept.lost_at = now
    return Look.LOST


def proven(evidence: Evidence) -> None:
    """Whoever signs up with this domain waits for the operator now, who is told."""
    if evidence.sign_up_id is None:
        return
    moved = SignUp.objects.filter(
        pk=evidence.sign_up_id, state__in=states_before(SignUpState.PROVEN)
    ).update(state=SignUpState.PROVEN)
    if moved and settings.OPERATOR_EMAIL:
        queue(
            Kind.SIGN_UP,
            to=settings.OPERATOR_EMAIL,
            job="accounts.mail-operator",
            key=f"operator:{evidence.sign_up_id}",
            args={"sign_up": str(evidence.sign_up_id)},
            about=evidence.sign_up_id,
        )


def record_look(evidence: Evidence, look: Look, *, by: Asking) -> None:
    record(
        Act.EVIDENCE_CHECKED,
        by=by,
        outcome=Outcome.FAILED if look == Look.LOST else Outcome.DONE,
        custodian_id=evidence.institution_id,
        kind=evidence.kind,
        value=evidence.value,
        found=str(look),
        sign_up=str(evidence.sign_up_id or ""),
    )


@job("accounts.look-at-domain", soft=datetime.timedelta(minutes=1))
def look_at_domain(_run: Run, *, evidence: str) -> None:
    """One look at one domain; when DNS does not answer, the outbox tries again."""
    found = Evidence.objects.filter(pk=evidence, kind=EvidenceKind.DNS).first()
    if found is not None:
        look_at(found, by=by_itself("domains", found.institution_id))


@job("accounts.look-at-domains", every=datetime.timedelta(days=1))
def look_at_domains(run: Run) -> None:
    """Every proven domain, once a day: one that lost its record is marked, and not cut off."""
    for one in Evidence.objects.filter(
        kind=EvidenceKind.DNS, proven_at__isnull=False, institution__isnull=False
    ).values_list("pk", flat=True):
        enqueue(
            "accounts.look-at-domain",
            key=f"look:{one}:{timezone.now():%Y%m%d}",
            args={"evidence": str(one)},
        )
        run.progress(0)


@job("accounts.look-at-sign-ups", every=datetime.timedelta(hours=1))
def look_at_sign_ups(run: Run) -> None:
    """Look for the records of those who sign up, and let go of whoever did not go on."""
    now = timezone.now()
    ended = SignUp.objects.filter(state__in=states_before(SignUpState.EXPIRED), expires_at__lte=now)
    ended.update(state=SignUpState.EXPIRED, mail_digest=None)
    Tally.objects.filter(ends_at__lt=now).delete()
    waiting = Evidence.objects.filter(
        kind=EvidenceKind.DNS, proven_at=None, sign_up__state=SignUpState.APPLIED
    )
    for one in waiting.values_list("pk", flat=True):
        enqueue(
            "accounts.look-at-domain",
            key=f"look:{one}:{now:%Y%m%d%H}",
            args={"evidence": str(one)},
        )
        run.progress(0)
