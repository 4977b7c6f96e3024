"""What becomes of a study that was sent to an institution, and of images that were asked for.

The diagrams in README.md are drawn from these tables.
"""

import datetime
from collections.abc import Mapping
from typing import Any

from django.db.models import TextChoices

USUAL = datetime.timedelta(days=90)
LONGEST = datetime.timedelta(days=365)
REQUEST_LASTS = datetime.timedelta(days=30)
LONGEST_NOTE = 2000
LONGEST_WHY = 300
LEAST_FACTS = 2  # by which a patient is asked for


class Priority(TextChoices):
    ROUTINE = "routine", "Routine"
    URGENT = "urgent", "Urgent"
    STAT = "stat", "STAT"


MAILED = (Priority.STAT, Priority.URGENT)


class OfferState(TextChoices):
    WAITING = "waiting", "Waiting"
    ACCEPTED = "accepted", "Accepted"
    DECLINED = "declined", "Declined"
    WITHDRAWN = "withdrawn", "Withdrawn"
    EXPIRED = "expired", "Over"


class OfferMove(TextChoices):
    ACCEPT = "accept", "the recipient accepts"
    DECLINE = "decline", "the recipient declines"
    WITHDRAW = "withdraw", "the sender withdraws it"
    EXPIRE = "expire", "its last day is over"


OFFER_MOVES: dict[tuple[OfferState, OfferMove], OfferState] = {
    (OfferState.WAITING, OfferMove.ACCEPT): OfferState.ACCEPTED,
    (OfferState.WAITING, OfferMove.DECLINE): OfferState.DECLINED,
    (OfferState.WAITING, OfferMove.WITHDRAW): OfferState.WITHDRAWN,
    (OfferState.WAITING, OfferMove.EXPIRE): OfferState.EXPIRED,
    (OfferState.ACCEPTED, OfferMove.WITHDRAW): OfferState.WITHDRAWN,
    (OfferState.ACCEPTED, OfferMove.EXPIRE): OfferState.EXPIRED,
}
REACHING = (OfferState.WAITING, OfferState.ACCEPTED)  # in these it gives the study, until its end


class RequestState(TextChoices):
    WAITING = "waiting", "Waiting"
    PARTLY = "partly", "Partly answered"
    ANSWERED = "answered", "Answered"
    DECLINED = "declined", "Declined"
    WITHDRAWN = "withdrawn", "Withdrawn"
    EXPIRED = "expired", "Over"


class RequestMove(TextChoices):
    GIVE = "give", "some images are given"
    CLOSE = "close", "whoever was asked says that this was all"
    DECLINE = "decline", "whoever was asked declines"
    WITHDRAW = "withdraw", "the asker withdraws it"
    EXPIRE = "expire", "its last day is over"


REQUEST_MOVES: dict[tuple[RequestState, RequestMove], RequestState] = {
    (RequestState.WAITING, RequestMove.GIVE): RequestState.PARTLY,
    (RequestState.WAITING, RequestMove.DECLINE): RequestState.DECLINED,
    (RequestState.WAITING, RequestMove.WITHDRAW): RequestState.WITHDRAWN,
    (RequestState.WAITING, RequestMove.EXPIRE): RequestState.EXPIRED,
    (RequestState.PARTLY, RequestMove.GIVE): RequestState.PARTLY,
    (RequestState.PARTLY, RequestMove.CLOSE): RequestState.ANSWERED,
    (RequestState.PARTLY, RequestMove.WITHDRAW): RequestState.WITHDRAWN,
    (RequestState.PARTLY, RequestMove.EXPIRE): RequestState.EXPIRED,
}
OPEN_REQUESTS = (RequestState.WAITING, RequestState.PARTLY)


def offers_that(move: OfferMove) -> tuple[OfferState, ...]:
    """The states from which an offer can go that way."""
    return tuple(state for state, one in OFFER_MOVES if one == move)


def requests_that(move: RequestMove) -> tuple[RequestState, ...]:
    return tuple(state for state, one in REQUEST_MOVES if one == move)


def offer_diagram() -> str:
    """The table as a Mermaid diagram."""
    return _drawn(OFFER_MOVES, OfferState.WAITING, "a study is sent")


def request_diagram() -> str:
    return _drawn(REQUEST_MOVES, RequestState.WAITING, "images are asked for")


def _drawn(moves: Mapping[Any, TextChoices], first: str, how: str) -> str:
    lines = ["stateDiagram-v2", f"    [*] --> {first}: {how}"]
    lines += [f"    {now} --> {then}: {move.label}" for (now, move), then in moves.items()]
    going = {now for now, _ in moves}
    ends = [one for one in dict.fromkeys(moves.values()) if one not in going]
    return "\n".join([*lines, *(f"    {one} --> [*]" for one in ends)])
