"""How a grant comes to be: one side proposes terms, two persons of each side agree to them."""

import uuid

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from sharing.access.principal import Principal
from sharing.accounts.models import Institution
from sharing.audit.rules import Act
from sharing.grants.actions.common import GrantMovedError, Speaker, held, speaker
from sharing.grants.models import Grant, GrantApproval, GrantVersion
from sharing.grants.queries.grants import still_to_agree, waiting
from sharing.grants.rules.checking import problems
from sharing.grants.rules.states import GrantState, Move, may_move
from sharing.grants.rules.terms import Terms, digest
from sharing.grants.work import begin, note
from sharing.kernel.errors import ConflictError, InvalidInputError, NotThereError


def propose(
    *, custodian: Institution, recipient: Institution, terms: Terms, by: Principal
) -> Grant:
    """Propose a grant between one's own institution and another; whoever proposes has agreed.

    Parameters
    ----------
    custodian
        Whose studies are to be seen.
    recipient
        By whose people and machines.

    Raises
    ------
    NotThereError
        One's own institution is neither.
    InvalidInputError
        The terms cannot stand; the message says which.
    """
    side = speaker(by)
    if side.institution_id not in (custodian.pk, recipient.pk) or custodian == recipient:
        raise NotThereError
    with transaction.atomic():
        grant = Grant.objects.create(custodian=custodian, recipient=recipient)
        version = _version(grant, terms, side)
        note(Act.GRANT_PROPOSED, grant, by=by, version=version.number, digest=version.digest)
        _approve(version, side)
    return grant


def propose_version(grant_id: uuid.UUID, *, terms: Terms, by: Principal) -> GrantVersion:
    """Propose other terms. Those that are in force stay so until both sides agree to the new ones.

    Raises
    ------
    GrantMovedError
        The grant has ended.
    """
    side = speaker(by)
    with transaction.atomic():
        grant = held(grant_id, side)
        if grant.state == GrantState.ENDED:
            raise GrantMovedError(grant)
        if (before := waiting(grant)) is not None:
            _drop(before, "Replaced by other terms.")
        version = _version(grant, terms, side)
        note(Act.GRANT_PROPOSED, grant, by=by, version=version.number, digest=version.digest)
        _approve(version, side)
    return version


def agree(grant_id: uuid.UUID, *, digest: str, by: Principal) -> Grant:
    """Say yes for one's side to the terms with this digest, which is what the person has read.

    With the second person of the second side the terms count.

    Raises
    ------
    ConflictError
        Other terms wait by now, or this person has agreed already.
    """
    side = speaker(by)
    with transaction.atomic():
        grant = held(grant_id, side)
        version = _waiting(grant, digest)
        _check_fresh(version, side)
        _approve(version, side)
        note(Act.GRANT_APPROVED, grant, by=by, version=version.number, digest=version.digest)
        if not any(
            still_to_agree(version, one) for one in (grant.custodian_id, grant.recipient_id)
        ):
            _accept(grant, version, by)
    return grant


def decline(grant_id: uuid.UUID, *, why: str, by: Principal) -> Grant:
    """Say no to the terms that wait; a grant that has never been agreed to ends with that."""
    side = speaker(by)
    with transaction.atomic():
        grant = held(grant_id, side)
        version = waiting(grant)
        if version is None:
            raise GrantMovedError(grant)
        _drop(version, why)
        note(Act.GRANT_DECLINED, grant, by=by, version=version.number, why=why)
        if grant.state == GrantState.PROPOSED:
            grant.state, grant.ended_at = GrantState.ENDED, timezone.now()
            grant.ended_by, grant.ended_why = side.person, why
            grant.save(update_fields=["state", "ended_at", "ended_by", "ended_why"])
    return grant


def _version(grant: Grant, terms: Terms, side: Speaker) -> GrantVersion:
    wrong = problems(terms, now=timezone.now())
    if wrong:
        raise InvalidInputError("These terms cannot stand.", fields=wrong)
    last = grant.versions.aggregate(last=Max("number"))["last"] or 0
    written = terms.to_json()
    return GrantVersion.objects.create(
        grant=grant,
        number=last + 1,
        terms=written,
        digest=digest(written, custodian=grant.custodian_id, recipient=grant.recipient_id),
        proposed_by_id=side.institution_id,
        created_by=side.person,
        valid_from=terms.valid_from,
        valid_until=terms.valid_until,
    )


def _waiting(grant: Grant, digest: str) -> GrantVersion:
    version = waiting(grant)
    if version is None:
        raise GrantMovedError(grant)
    if version.digest != digest:
        raise ConflictError("Meanwhile other terms were proposed. Read them, then agree.")
    if version.valid_until <= timezone.now():
        raise ConflictError("The last day of these terms is over. Propose new ones.")
    return version


def _check_fresh(version: GrantVersion, side: Speaker) -> None:
    if version.approvals.filter(person=side.person).exists():
        raise ConflictError("You have agreed already. Another person of your side must, too.")
    if not still_to_agree(version, side.institution_id):
        raise ConflictError("Your side has agreed already; it is the other side's turn.")


def _approve(version: GrantVersion, side: Speaker) -> None:
    GrantApproval.objects.create(
        version=version,
        institution_id=side.institution_id,
        person=side.person,
        digest=version.digest,
    )


def _accept(grant: Grant, version: GrantVersion, by: Principal) -> None:
    version.agreed_at = timezone.now()
    version.save(update_fields=["agreed_at"])
    grant.version = version
    if may_move(grant.state, Move.ACCEPT):
        grant.state = GrantState.ACCEPTED
    elif grant.state == GrantState.ACTIVE and version.valid_from > version.agreed_at:
        grant.state = GrantState.ACCEPTED  # the new terms' first day is to come
    grant.save(update_fields=["version", "state"])
    note(Act.GRANT_ACCEPTED, grant, by=by, version=version.number, digest=version.digest)
    begin(grant, by=by)


def _drop(version: GrantVersion, why: str) -> None:
    version.dropped_at, version.dropped_why = timezone.now(), why[:300]
    version.save(update_fields=["dropped_at", "dropped_why"])
