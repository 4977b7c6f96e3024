"""Send a study to an institution, answer, withdraw: no copy is ever made."""

import datetime
import uuid
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from sharing.access import gate
from sharing.access.principal import Principal
from sharing.access.rules import Action
from sharing.accounts.actions.limits import TooOftenError, is_within
from sharing.accounts.models import Institution, User
from sharing.audit.rules import Act, ActorKind
from sharing.grants.models import Grant, ImageRequest, Offer
from sharing.grants.principal.filters import matching
from sharing.grants.principal.standing import in_force
from sharing.grants.principal.ways import is_open_to
from sharing.grants.queries import offers as queries
from sharing.grants.rules.offers import (
    LONGEST,
    LONGEST_NOTE,
    LONGEST_WHY,
    MAILED,
    USUAL,
    OfferMove,
    OfferState,
    Priority,
    offers_that,
)
from sharing.grants.work import offers as work
from sharing.kernel.errors import ConflictError, InvalidInputError, NotAllowedError, NotThereError
from sharing.mails.actions import queue
from sharing.mails.rules import Kind
from sharing.studies.models import Study

TRIES = 20  # addresses that name nobody, from one institution
AN_HOUR = datetime.timedelta(hours=1)
PEOPLE = (ActorKind.PERSON, ActorKind.OPERATOR)


class OfferMovedError(ConflictError):
    code = "offer-moved"

    def __init__(self, offer: Offer) -> None:
        said = offer.get_state_display().lower() if offer.is_running else _ended(offer)
        who = f" by {offer.answered_by}" if offer.is_running and offer.answered_by else ""
        super().__init__(f"Nothing was changed: meanwhile this is {said}{who}.")


def _ended(offer: Offer) -> str:
    state = OfferState(offer.state)
    return "over" if state in (OfferState.WAITING, OfferState.ACCEPTED) else state.label.lower()


def send(
    study_id: uuid.UUID,
    *,
    to: uuid.UUID,
    by: Principal,
    person: str = "",
    priority: Priority = Priority.ROUTINE,
    note: str = "",
    may_download: bool = False,
    lasts: datetime.timedelta = USUAL,
) -> Offer:
    """Put a study of one's own into another institution's inbox, at once and without a copy.

    Parameters
    ----------
    to
        An institution that wants to be found, or a partner.
    person
        The e-mail address of the one whom it is for alone, where the institution lets its people
        be picked so; empty for whoever reads there.

    Raises
    ------
    NotThereError
        There is no such study or institution, or it is not within reach.
    InvalidInputError
        Something that was asked for is not possible; `fields` says what.
    ConflictError
        The study is in that inbox already.
    """
    study = gate.study(by, Action.SHARE, id=study_id, act=None)
    recipient = queries.institution(by, to)
    _check(note, lasts)
    whom = _person(recipient, person.strip(), by) if person.strip() else None
    grant = _welcome(study, recipient, by)
    return offered(
        study, recipient=recipient, person=whom, priority=priority, note=note.strip(),
        may_download=may_download, lasts=lasts, grant=grant, by=by,
    )  # fmt: skip


def offered(
    study: Study,
    *,
    recipient: Institution,
    by: Principal,
    lasts: datetime.timedelta,
    grant: Grant | None = None,
    request: ImageRequest | None = None,
    **facts: Any,
) -> Offer:
    """The offer itself; accepted already where an agreement or their own request says so."""
    assert by.membership is not None  # SHARE is a member's action
    now = timezone.now()
    wanted = grant is not None or request is not None
    offer = Offer(
        study=study,
        sender=study.institution,
        recipient=recipient,
        created_by=by.membership.user,
        created_at=now,
        expires_at=now + lasts,
        state=OfferState.ACCEPTED if wanted else OfferState.WAITING,
        answered_at=now if wanted else None,
        grant=grant,
        request=request,
        **facts,
    )
    work.expire(Offer.objects.filter(study=study, recipient=recipient))
    try:
        with transaction.atomic():
            offer.save(force_insert=True)
            said = gate.facts(study) | {"priority": offer.priority, "download": offer.may_download}
            work.note(Act.OFFER_SENT, offer, by=by, **said, at_once=wanted)
            if offer.priority in MAILED and not wanted:
                _mail(offer)
    except IntegrityError as error:
        raise ConflictError(
            f"This study is in {recipient.name}'s inbox already. Withdraw that first, or extend it."
        ) from error
    return offer


def _check(note: str, lasts: datetime.timedelta) -> None:
    wrong: dict[str, list[str]] = {}
    if len(note) > LONGEST_NOTE:
        wrong["note"] = [f"At most {LONGEST_NOTE:,} characters."]
    if not datetime.timedelta(0) < lasts <= LONGEST:
        wrong["days"] = [f"From 1 to {LONGEST.days} days."]
    if wrong:
        raise InvalidInputError("The study was not sent.", fields=wrong)


def _person(recipient: Institution, address: str, by: Principal) -> User:
    """Whoever reads there with this address. It is not said whether somebody else has it."""
    if not recipient.people_by_address:
        sentence = f"{recipient.name} lets no single people be picked. Leave this empty."
        raise InvalidInputError("The study was not sent.", fields={"person": [sentence]})
    found = queries.people_who_may(recipient.pk, Action.VIEW, user__email__iexact=address)
    if found:
        return found[0].user
    if not is_within("offer-person", str(by.actor.institution_id), most=TRIES, within=AN_HOUR):
        raise TooOftenError("Too many addresses were tried. Wait an hour.", within=AN_HOUR)
    sentence = f"Nobody who can receive images at {recipient.name} has this address."
    raise InvalidInputError("The study was not sent.", fields={"person": [sentence]})


def _welcome(study: Study, recipient: Institution, by: Principal) -> Grant | None:
    """The agreement by which the recipient takes what is sent without being asked each time."""
    between = in_force().filter(custodian=recipient, recipient=study.institution_id)
    for grant in between.select_related("version"):
        assert grant.version is not None  # the constraint of a grant in force
        terms = grant.version.read()
        if "send" not in terms.actions or not is_open_to(by, terms):
            continue
        if matching(Study.objects.filter(pk=study.pk), terms.filter).exists():
            return grant
    return None


def _mail(offer: Offer) -> None:
    """Tell those who can answer; when it is for one person, that person alone."""
    alone = {"user": offer.person} if offer.person else {}
    for one in queries.people_who_may(offer.recipient_id, Action.VIEW, **alone):
        queue(
            Kind.INBOX,
            to=one.user.email,
            job="grants.mail-offer",
            key=f"offer-mail:{offer.pk}:{one.user_id}",
            args={"offer": str(offer.pk)},
            about=offer.pk,
            custodian_id=offer.recipient_id,
        )


# ---- The recipient answers ---------------------------------------------------------------------


def accept(offer_id: uuid.UUID, *, by: Principal) -> Offer:
    """Take what was sent; it has been open since it was sent, and now says so.

    Raises
    ------
    OfferMovedError
        Somebody else was quicker, or the sender has withdrawn it.
    """
    offer = _received(offer_id, by)
    with transaction.atomic():
        _move(offer, OfferMove.ACCEPT, OfferState.ACCEPTED, **_answered(by))
        work.note_answer(Act.OFFER_ACCEPTED, offer, by=by)
    return offer


def decline(offer_id: uuid.UUID, *, why: str, by: Principal) -> Offer:
    """Say no, and why; from then on the study is out of reach again."""
    offer, why = _received(offer_id, by), why.strip()
    if not why or len(why) > LONGEST_WHY:
        sentence = (
            "Say why, so that the sender knows what to do." if not why else "Shorter, please."
        )
        raise InvalidInputError("It was not declined.", fields={"why": [sentence]})
    with transaction.atomic():
        answered = _answered(by)
        ended = {"ended_at": answered["answered_at"], "ended_by": answered["answered_by"]}
        _move(offer, OfferMove.DECLINE, OfferState.DECLINED, declined_why=why, **answered, **ended)
        work.note_answer(Act.OFFER_DECLINED, offer, by=by)
    return offer


def _received(offer_id: uuid.UUID, by: Principal) -> Offer:
    gate.permit(by, Action.VIEW)
    person_only(by)
    offer = queries.received(by).filter(pk=offer_id).first()
    if offer is None:
        raise NotThereError
    return offer


def person_only(by: Principal) -> None:
    """What a program cannot answer for: it reads, and a person says yes or no."""
    if by.actor.kind not in PEOPLE:
        raise NotAllowedError("Only a person can answer.")


def _answered(by: Principal) -> dict[str, Any]:
    assert by.membership is not None  # whoever receives is a member
    return {"answered_at": timezone.now(), "answered_by": by.membership.user}


# ---- The sender thinks again -------------------------------------------------------------------


def withdraw(offer_id: uuid.UUID, *, by: Principal) -> Offer:
    """Take a study out of the other side's reach, from this moment on, streams in flight too."""
    offer = _own(offer_id, by)
    with transaction.atomic():
        ended = {"ended_at": timezone.now(), "ended_by": by.user}
        _move(offer, OfferMove.WITHDRAW, OfferState.WITHDRAWN, **ended)
        work.note_about(Act.OFFER_WITHDRAWN, offer, by=by)
    return offer


def extend(offer_id: uuid.UUID, *, lasts: datetime.timedelta, by: Principal) -> Offer:
    """Let it stay open for `lasts` from now: longer than so far, at most a year from now."""
    offer = _own(offer_id, by)
    _check("", lasts)
    until = timezone.now() + lasts
    if until <= offer.expires_at:
        raise InvalidInputError(
            "It is open for longer than that already.", fields={"days": ["Choose a later end."]}
        )
    with transaction.atomic():
        going = Offer.objects.filter(pk=offer.pk, state__in=offers_that(OfferMove.EXPIRE))
        if not going.filter(expires_at__gt=timezone.now()).update(expires_at=until):
            raise OfferMovedError(_again(offer))
        offer.refresh_from_db(fields=["expires_at"])
        work.note_about(Act.OFFER_EXTENDED, offer, by=by, until=until.isoformat())
    return offer


def _own(offer_id: uuid.UUID, by: Principal) -> Offer:
    gate.permit(by, Action.SHARE)
    offer = queries.sent(by).filter(pk=offer_id).first()
    if offer is None:
        raise NotThereError
    return offer


def _move(offer: Offer, move: OfferMove, then: OfferState, **facts: Any) -> None:
    """One statement decides: of two at the same moment one wins, and the other is told."""
    there = Offer.objects.filter(pk=offer.pk, state__in=offers_that(move))
    if not there.filter(expires_at__gt=timezone.now()).update(state=then, **facts):
        raise OfferMovedError(_again(offer))
    offer.state = then
    for name, value in facts.items():
        setattr(offer, name, value)


def _again(offer: Offer) -> Offer:
    return Offer.objects.select_related("answered_by").get(pk=offer.pk)
