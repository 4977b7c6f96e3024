"""Give a link, extend it, revoke it: what its owner does."""

import collections
import datetime
import uuid
from collections.abc import Iterable
from typing import Any, NamedTuple

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils import timezone

from sharing.access import gate
from sharing.access.principal import Principal
from sharing.access.rules import Action
from sharing.audit.actions import record
from sharing.audit.rules import Act
from sharing.kernel import ids, secrets
from sharing.kernel.errors import ConflictError, InvalidInputError
from sharing.links import queries
from sharing.links.models import LinkItem, ShareLink
from sharing.links.rules import LONGEST, MOST_USES, Factor, passcode_digest
from sharing.studies.models import Series, Study

Chosen = tuple[Study, Series | None]  # a series, or (None) the whole study


class NewLink(NamedTuple):
    """A link as it is shown this one time; `passcode` is empty when a code is mailed instead."""

    link: ShareLink
    url: str
    passcode: str


def create_link(
    *,
    items: Iterable[Chosen],
    by: Principal,
    lifetime: datetime.timedelta | None = None,
    may_download: bool = False,
    max_uses: int | None = None,
    note: str = "",
    recipient_name: str = "",
    recipient_email: str = "",
    factor: Factor = Factor.PASSCODE,
) -> NewLink:
    """Make a share link to `items`, within the reach of `by`, and write that down.

    Parameters
    ----------
    items : iterable of (Study, Series or None)
        None gives the whole study, with the series that are still on their way.
    lifetime : timedelta
        At most 30 days; `settings.LINK_DAYS` when it is not said.
    max_uses : int or None
        How often the link may be opened; None for as often as needed.

    Raises
    ------
    InvalidInputError
        Something that was asked for is not possible; `fields` says what.
    NotThereError
        A study or series is not there, or not within reach.
    """
    gate.permit(by, Action.SHARE)
    assert by.membership is not None  # SHARE is a member's action
    assert by.user is not None
    lifetime = lifetime or datetime.timedelta(days=settings.LINK_DAYS)
    chosen = _chosen(by, items)
    _check(chosen, lifetime, max_uses, note, recipient_email, factor)
    secret, passcode = secrets.new_secret(), ""
    now = timezone.now()
    link = ShareLink(
        institution_id=by.membership.institution_id,
        created_by=by.user,
        created_at=now,
        secret_digest=secrets.digest(secret),
        factor=factor,
        recipient_name=recipient_name.strip()[:120],
        recipient_email=recipient_email.strip(),
        note=note.strip(),
        may_download=may_download,
        expires_at=now + lifetime,
        max_uses=max_uses,
    )
    if factor == Factor.PASSCODE:
        passcode = secrets.new_passcode()
        link.passcode_digest = passcode_digest(settings.SECRET_KEY, link.pk, passcode)
    with transaction.atomic():
        link.save(force_insert=True)
        LinkItem.objects.bulk_create(_items(link, chosen))
        for study, series in chosen.items():
            _record(Act.LINK_CREATED, link, study, by, series=len(series), whole=not series)
    return NewLink(link, address(link, secret), passcode)


def address(link: ShareLink, secret: str) -> str:
    """What the recipient opens. The secret stands in the fragment, which no server is sent."""
    return f"{settings.BASE_URL}/s#{ids.to_text(link.pk)}.{secret}"


def extend_link(link_id: uuid.UUID, *, lifetime: datetime.timedelta, by: Principal) -> ShareLink:
    """Let a link serve until `lifetime` from now: longer than so far, at most 30 days.

    Raises
    ------
    ConflictError
        The link is revoked; make a new one.
    """
    link = _own(link_id, by)
    until = timezone.now() + lifetime
    if lifetime > LONGEST:
        raise InvalidInputError(
            "A link can be extended to at most 30 days from now.",
            fields={"lifetime": ["At most 30 days."]},
        )
    if until <= link.expires_at:
        raise InvalidInputError(
            "The link is open longer than that already.",
            fields={"lifetime": ["Choose a later end."]},
        )
    with transaction.atomic():
        if not ShareLink.objects.filter(pk=link.pk, revoked_at=None).update(expires_at=until):
            raise ConflictError("This link was revoked, and stays so. Make a new one.")
        _record_each(Act.LINK_EXTENDED, link, by, until=until.isoformat())
    return queries.link_for(by, link.pk)


def revoke_link(link_id: uuid.UUID, *, by: Principal) -> ShareLink:
    """Close a link for good, and everything that was opened with it; again does no harm."""
    link = _own(link_id, by)
    with transaction.atomic():
        closed = ShareLink.objects.filter(pk=link.pk, revoked_at=None).update(
            revoked_at=timezone.now(), revoked_by=by.user
        )
        if closed:
            _record_each(Act.LINK_REVOKED, link, by)
    return queries.link_for(by, link.pk)


def _own(link_id: uuid.UUID, by: Principal) -> ShareLink:
    gate.permit(by, Action.SHARE)
    return queries.link_for(by, link_id)


def _chosen(by: Principal, items: Iterable[Chosen]) -> dict[Study, set[Series]]:
    """Each study with the series chosen of it (none: the whole), all obtained from the gate."""
    wanted: dict[uuid.UUID, set[uuid.UUID | None]] = collections.defaultdict(set)
    for study, series in items:
        wanted[study.pk].add(series.pk if series else None)
    chosen = {}
    for study_id, series_ids in wanted.items():
        study = gate.study(by, Action.SHARE, id=study_id, act=None)
        named = [one for one in series_ids if one is not None]
        whole = len(named) < len(series_ids)
        chosen[study] = set() if whole else set(queries.series_named(by, study, named))
    return chosen


def _items(link: ShareLink, chosen: dict[Study, set[Series]]) -> list[LinkItem]:
    whole = [LinkItem(link=link, study=study) for study, series in chosen.items() if not series]
    return whole + [
        LinkItem(link=link, study=study, series=one)
        for study, series in chosen.items()
        for one in series
    ]


def _check(
    chosen: dict[Study, set[Series]],
    lifetime: datetime.timedelta,
    max_uses: int | None,
    note: str,
    recipient_email: str,
    factor: Factor,
) -> None:
    wrong: dict[str, list[str]] = {}
    if not chosen:
        wrong["items"] = ["Choose at least one study or series."]
    if not datetime.timedelta(0) < lifetime <= LONGEST:
        wrong["lifetime"] = ["A link is open for at most 30 days."]
    if max_uses is not None and not 1 <= max_uses <= MOST_USES:
        wrong["max_uses"] = [f"From once up to {MOST_USES} times, or without a limit."]
    if len(note) > 2000:
        wrong["note"] = ["At most 2000 characters."]
    if recipient_email and not _is_mailbox(recipient_email):
        wrong["recipient_email"] = ["This is not an e-mail address."]
    if factor == Factor.MAILBOX and not recipient_email:
        wrong["recipient_email"] = [
            "A code can only be mailed to an address: give the recipient's."
        ]
    if wrong:
        raise InvalidInputError("The link was not made.", fields=wrong)


def _is_mailbox(address: str) -> bool:
    try:
        validate_email(address.strip())
    except ValidationError:
        return False
    return True


def _record_each(act: Act, link: ShareLink, by: Principal, **detail: Any) -> None:
    """One row for each study of the link, so that every study's activity shows it."""
    for given in queries.contents(by, [link]).get(link.pk, []):
        _record(act, link, given.study, by, **detail)


def _record(act: Act, link: ShareLink, study: Study, by: Principal, **detail: Any) -> None:
    detail |= {"download": link.may_download, "factor": str(link.factor)}
    if act == Act.LINK_CREATED:
        detail["until"] = link.expires_at.isoformat()
    record(act, by=by, link_id=link.pk, **gate.facts(study), **detail)
