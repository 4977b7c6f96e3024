"""What an institution shows of itself: its domain by a DNS record, its NPI."""

import dataclasses
import datetime
import uuid

from django.db import transaction

from sharing.accounts.actions.institutions import add_evidence, own
from sharing.accounts.actions.limits import TooOftenError, is_within
from sharing.accounts.actions.people import Administrator
from sharing.accounts.models import Evidence, SignUp
from sharing.accounts.rules import (
    CHALLENGE,
    CHECKS_PER_HOUR,
    PREFIX,
    EvidenceKind,
    is_npi,
    tidy_domain,
)
from sharing.accounts.work import Look, Resolve, look_at
from sharing.audit.actions import Asking, record
from sharing.audit.rules import Act
from sharing.kernel import secrets
from sharing.kernel.errors import ConflictError, InvalidInputError, NotThereError

HOUR = datetime.timedelta(hours=1)
REMOVABLE = (EvidenceKind.DNS, EvidenceKind.MAIL, EvidenceKind.NPI)


@dataclasses.dataclass(frozen=True, slots=True)
class Challenge:
    """What has to stand in DNS; shown once."""

    evidence: Evidence
    record_name: str
    record_value: str


def challenge(
    domain: str, *, institution_id: uuid.UUID | None, sign_up: SignUp | None
) -> Challenge:
    token = secrets.new_secret()
    evidence = Evidence.objects.create(
        institution_id=institution_id,
        sign_up=sign_up,
        kind=EvidenceKind.DNS,
        value=domain,
        token_digest=secrets.digest(token),
    )
    return Challenge(evidence, f"{CHALLENGE}.{domain}", f"{PREFIX}{token}")


def begin_domain(typed: str, *, by: Administrator) -> Challenge:
    """Choose a random record by which one's own institution proves a domain; an earlier one ends.

    Raises
    ------
    InvalidInputError
        It is no domain, or one where anybody has a mailbox.
    ConflictError
        It is proven already.
    """
    institution_id = own(by)
    try:
        domain = tidy_domain(typed)
    except ValueError as error:
        raise InvalidInputError(fields={"domain": [str(error)]}) from error
    there = Evidence.objects.filter(institution=institution_id, kind=EvidenceKind.DNS, value=domain)
    with transaction.atomic():
        if there.filter(proven_at__isnull=False, lost_at=None).exists():
            raise ConflictError(f"{domain} is proven already.")
        there.delete()
        made = challenge(domain, institution_id=institution_id, sign_up=None)
        record(Act.INSTITUTION_CHANGED, by=by, what="domain begun", name=domain)
    return made


def check_domain(
    evidence_id: uuid.UUID, *, by: Administrator, resolve: Resolve | None = None
) -> tuple[Evidence, Look]:
    """Look for the record of one's own domain now.

    Raises
    ------
    PeerBusyError
        DNS does not answer.
    TooOftenError
    """
    found = _own_evidence(evidence_id, by, (EvidenceKind.DNS,))
    return found, look_within_limits(found, by=by, resolve=resolve)


def look_within_limits(evidence: Evidence, *, by: Asking, resolve: Resolve | None = None) -> Look:
    if not is_within("domain", str(evidence.pk), most=CHECKS_PER_HOUR, within=HOUR):
        raise TooOftenError(
            "This was looked for many times within the hour. It is looked for by itself, too.",
            within=HOUR,
        )
    return look_at(evidence, by=by, resolve=resolve)


def set_npi(npi: str, *, by: Administrator) -> Evidence:
    """Name one's own National Provider Identifier, in place of an earlier one."""
    if not is_npi(npi):
        raise InvalidInputError(fields={"npi": ["This is no NPI: a digit is wrong or missing."]})
    institution_id = own(by)
    with transaction.atomic():
        Evidence.objects.filter(institution=institution_id, kind=EvidenceKind.NPI).delete()
        made = add_evidence(EvidenceKind.NPI, npi, institution_id=institution_id)
        record(Act.INSTITUTION_CHANGED, by=by, what="NPI named", name=npi)
    return made


def remove_evidence(evidence_id: uuid.UUID, *, by: Administrator) -> Evidence:
    """Take back a domain or an NPI; what the operator said stays."""
    found = _own_evidence(evidence_id, by, REMOVABLE)
    with transaction.atomic():
        record(Act.INSTITUTION_CHANGED, by=by, what=f"{found.kind} taken back", name=found.value)
        Evidence.objects.filter(pk=found.pk).delete()
    return found


def _own_evidence(
    evidence_id: uuid.UUID, by: Administrator, kinds: tuple[EvidenceKind, ...]
) -> Evidence:
    found = Evidence.objects.filter(pk=evidence_id, institution=own(by), kind__in=kinds).first()
    if found is None:
        raise NotThereError
    return found
