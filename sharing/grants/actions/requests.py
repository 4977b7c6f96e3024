"""Ask another institution for images, and answer: the asker learns nothing but the answer."""

import datetime
import uuid
from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.utils import timezone

from sharing.access import gate
from sharing.access.principal import Principal
from sharing.access.rules import Action
from sharing.audit.rules import Act
from sharing.grants.actions.offers import offered, person_only
from sharing.grants.models import ImageRequest, Offer
from sharing.grants.queries import offers as offers_queries
from sharing.grants.queries import requests as queries
from sharing.grants.rules.offers import (
    LEAST_FACTS,
    LONGEST,
    LONGEST_NOTE,
    LONGEST_WHY,
    MAILED,
    REQUEST_LASTS,
    REQUEST_MOVES,
    USUAL,
    Priority,
    RequestMove,
    requests_that,
)
from sharing.grants.work import offers as work
from sharing.kernel.errors import ConflictError, InvalidInputError, NotThereError
from sharing.mails.actions import queue
from sharing.mails.rules import Kind

FACTS = ("patient_name", "birth_date", "patient_id")
MOST_GIVEN = 100


class RequestMovedError(ConflictError):
    code = "request-moved"

    def __init__(self, request: ImageRequest) -> None:
        state = request.get_state_display().lower()
        over = request.expires_at <= timezone.now()
        said = "over" if over else f"{state} by {request.ended_by}" if request.ended_by else state
        super().__init__(f"Nothing was changed: meanwhile this request is {said}.")


def ask(
    to: uuid.UUID,
    *,
    reason: str,
    by: Principal,
    priority: Priority = Priority.ROUTINE,
    **wanted: str,
) -> ImageRequest:
    """Ask an institution for a patient's images.

    Parameters
    ----------
    wanted
        At least two of `patient_name`, `birth_date` and `patient_id`; `since` and `until` (study
        dates) and `modality` narrow it. Dates are DICOM's YYYYMMDD.

    Raises
    ------
    NotThereError
        There is no such institution, or it does not want to be found.
    InvalidInputError
        Something is missing; `fields` says what.
    """
    gate.permit(by, Action.VIEW)
    person_only(by)
    assert by.membership is not None  # VIEW is a member's action
    asked = offers_queries.institution(by, to)
    wanted = {name: text.strip() for name, text in wanted.items()}
    _check(wanted, reason.strip())
    now = timezone.now()
    with transaction.atomic():
        request = ImageRequest.objects.create(
            asker=by.membership.institution,
            asked=asked,
            created_by=by.membership.user,
            created_at=now,
            expires_at=now + REQUEST_LASTS,
            reason=reason.strip(),
            priority=priority,
            **wanted,
        )
        named = sorted(name for name, text in wanted.items() if text)
        work.note_request(Act.REQUEST_SENT, request, by=by, fields=named, priority=str(priority))
        if priority in MAILED:
            _mail(request)
    return request


def _check(wanted: dict[str, str], reason: str) -> None:
    wrong: dict[str, list[str]] = {}
    if len([name for name in FACTS if wanted.get(name)]) < LEAST_FACTS:
        wrong["patient_name"] = ["Give at least two of name, birth date and patient ID."]
    if not reason or len(reason) > LONGEST_NOTE:
        wrong["reason"] = [f"Say what the images are for, in at most {LONGEST_NOTE:,} characters."]
    if wanted.get("since") and wanted.get("until") and wanted["since"] > wanted["until"]:
        wrong["until"] = ["This is before the first study date."]
    if wrong:
        raise InvalidInputError("The request was not sent.", fields=wrong)


def _mail(request: ImageRequest) -> None:
    for one in offers_queries.people_who_may(request.asked_id, Action.SHARE):
        queue(
            Kind.INBOX,
            to=one.user.email,
            job="grants.mail-request",
            key=f"request-mail:{request.pk}:{one.user_id}",
            args={"request": str(request.pk)},
            about=request.pk,
            custodian_id=request.asked_id,
        )


# ---- The side that is asked --------------------------------------------------------------------


def search(request_id: uuid.UUID, *, by: Principal) -> list[queries.Found]:
    """What one's own institution has of the patient; the search is written down here alone."""
    request = _received(request_id, by)
    facts = {name: getattr(request, name) for name in FACTS}
    gate.searched(by, facts, partners=False)
    return queries.search(by, request)


def give(
    request_id: uuid.UUID,
    *,
    studies: Iterable[uuid.UUID],
    by: Principal,
    note: str = "",
    may_download: bool = True,
    lasts: datetime.timedelta = USUAL,
    closes: bool = True,
) -> list[Offer]:
    """Give studies for a request: they were asked for, so they are accepted already.

    Raises
    ------
    InvalidInputError
        No study is chosen, or too many are.
    """
    request, wanted = _received(request_id, by), list(dict.fromkeys(studies))
    if not 0 < len(wanted) <= MOST_GIVEN or not datetime.timedelta(0) < lasts <= LONGEST:
        sentence = f"Choose at least one study, and at most {MOST_GIVEN}."
        raise InvalidInputError("Nothing was given.", fields={"studies": [sentence]})
    with transaction.atomic():
        _move(request, RequestMove.GIVE)
        made = [
            offered(
                gate.study(by, Action.SHARE, id=one, act=None),
                recipient=request.asker,
                request=request,
                priority=request.priority,
                note=note.strip()[:LONGEST_NOTE],
                may_download=may_download,
                lasts=lasts,
                person=None,
                by=by,
            )
            for one in wanted
        ]
        work.note_request(Act.REQUEST_ANSWERED, request, by=by, studies=len(made))
        if closes:
            _close(request, by)
    return made


def close(request_id: uuid.UUID, *, by: Principal) -> ImageRequest:
    """Say that what was given is all that there is to give."""
    request = _received(request_id, by)
    with transaction.atomic():
        _close(request, by)
    return request


def decline(request_id: uuid.UUID, *, why: str, by: Principal) -> ImageRequest:
    """Give nothing, and say why: the same answer whether there is such a patient or not."""
    request, why = _received(request_id, by), why.strip()
    if not why or len(why) > LONGEST_WHY:
        sentence = "Say why, so that they know what to do." if not why else "Shorter, please."
        raise InvalidInputError("It was not declined.", fields={"why": [sentence]})
    with transaction.atomic():
        _move(request, RequestMove.DECLINE, declined_why=why, **_ended(by))
        work.note_request(Act.REQUEST_DECLINED, request, by=by)
    return request


def _close(request: ImageRequest, by: Principal) -> None:
    _move(request, RequestMove.CLOSE, **_ended(by))
    work.note_request(Act.REQUEST_CLOSED, request, by=by)


def _received(request_id: uuid.UUID, by: Principal) -> ImageRequest:
    gate.permit(by, Action.SHARE)
    person_only(by)
    request = queries.received(by).filter(pk=request_id).first()
    if request is None:
        raise NotThereError
    return request


# ---- The asker ---------------------------------------------------------------------------------


def withdraw(request_id: uuid.UUID, *, by: Principal) -> ImageRequest:
    """Ask no more; what was given stays until its end."""
    gate.permit(by, Action.VIEW)
    person_only(by)
    request = queries.made(by).filter(pk=request_id).first()
    if request is None:
        raise NotThereError
    with transaction.atomic():
        _move(request, RequestMove.WITHDRAW, **_ended(by))
        work.note_request(Act.REQUEST_WITHDRAWN, request, by=by)
    return request


def _ended(by: Principal) -> dict[str, Any]:
    return {"ended_at": timezone.now(), "ended_by": by.user}


def _move(request: ImageRequest, move: RequestMove, **facts: Any) -> None:
    """One statement decides: of two at the same moment one wins, and the other is told."""
    there = ImageRequest.objects.filter(pk=request.pk, state__in=requests_that(move))
    then = {REQUEST_MOVES[one, move] for one in requests_that(move)}.pop()
    if not there.filter(expires_at__gt=timezone.now()).update(state=then, **facts):
        now = ImageRequest.objects.select_related("ended_by").get(pk=request.pk)
        raise RequestMovedError(now)
    request.state = then
    for name, value in facts.items():
        setattr(request, name, value)
