"""The one place that decides. You cannot hold a study that you may not touch.

Every read of image data or metadata starts with one of `studies`, `study`, `series`, `instance`
here: they look only inside the principal's reach, refuse what is not allowed, and write the audit
row before they give anything back. "Not yours" and "not there" are one answer.
"""

import functools
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponseBase

from sharing.access.principal import Entered, Principal, Way
from sharing.access.rules import Action, Rule
from sharing.audit.actions import patient_reference, record, viewings
from sharing.audit.rules import Act, ActorKind, Outcome
from sharing.kernel.errors import ConflictError, NotAllowedError, NotThereError, SignInNeededError
from sharing.kernel.ids import is_uid
from sharing.studies.models import Instance, Series, Study

MOST_NAMESAKES = 10  # studies with one number that are looked at before nobody knows which is meant

# ---- May they? ---------------------------------------------------------------------------------


def permit(principal: Principal, wanted: Action | Rule) -> None:
    """Let the principal do `wanted`, or say no and write that down.

    Raises
    ------
    SignInNeededError
        Nobody in particular asks for something that is not for anybody.
    NotAllowedError
        A known person may not do this here.
    NotThereError
        A visitor with a link asks for what the link does not give.
    """
    if _permits(principal, wanted):
        return
    if principal.is_nobody:
        raise SignInNeededError
    record(Act.ACCESS_REFUSED, by=principal, outcome=Outcome.REFUSED, wanted=str(wanted))
    if principal.actor.kind == ActorKind.LINK:
        raise NotThereError
    raise NotAllowedError("Your role does not include this. Ask your administrator if it should.")


def permit_still(principal: Principal, wanted: Action) -> None:
    """`permit`, asked of the database again: for what took long since the principal was let in.

    Raises
    ------
    NotAllowedError
        Meanwhile the person was suspended, or the credential revoked.
    """
    if not principal.holds():
        _refused(principal, str(wanted))
        raise NotAllowedError("Meanwhile your access has ended. Ask your administrator.")
    permit(principal, wanted)


def _permits(principal: Principal, wanted: Action | Rule) -> bool:
    match wanted:
        case Rule.ANYBODY:
            return True
        case Rule.SIGNED_IN:
            return principal.user is not None
        case Rule.CLAIM:
            return principal.actor.kind == ActorKind.LINK
        case _:
            return principal.may(Action(wanted))


# ---- What can they reach? ----------------------------------------------------------------------


def studies(principal: Principal, action: Action = Action.SEARCH) -> QuerySet[Study]:
    """The studies within reach for `action`, lazily. Call `searched` before you show them."""
    found = own_studies(principal, action)
    return found | partner_studies(principal, action) if principal.ways_for(action) else found


def own_studies(principal: Principal, action: Action = Action.SEARCH) -> QuerySet[Study]:
    """Without what other institutions give: what a list of one's own shows, fast at any length."""
    if not principal.may(action):
        return Study.objects.none()
    if principal.whole_institution is not None:
        return Study.objects.filter(institution=principal.whole_institution)
    return Study.objects.filter(Exists(principal.reach.filter(study=OuterRef("pk"))))


def partner_studies(principal: Principal, action: Action = Action.SEARCH) -> QuerySet[Study]:
    """What other institutions give."""
    found = Study.objects.none()
    for way in principal.ways_for(action):
        found = found | principal.given(way)
    return found


def series_of(
    principal: Principal, study: Study, action: Action = Action.SEARCH
) -> QuerySet[Series]:
    """The series of `study` within reach."""
    return principal.reached(action).filter(study=study).order_by("number", "uid")


def instances_of(
    principal: Principal, series: Series, action: Action = Action.SEARCH
) -> QuerySet[Instance]:
    """The instances of `series`, if that is within reach."""
    reached = principal.reached(action).filter(pk=series.pk)
    return Instance.objects.filter(series__in=reached).order_by("number", "uid", "variant")


def may(principal: Principal, action: Action, study: Study) -> bool:
    """Whether the principal may do this with this study: with a partner's, often less."""
    if not principal.may(action):
        return False
    if is_own(principal, study):
        return True
    return any(
        principal.given(way).filter(pk=study.pk).exists() for way in principal.ways_for(action)
    )


def is_own(principal: Principal, study: Study) -> bool:
    """Whether the principal's institution answers for this study."""
    return study.institution_id == principal.actor.institution_id


def searched(
    principal: Principal, query: Mapping[str, Any] | None = None, *, partners: bool = True
) -> None:
    """Write down a search: which fields it named, not what they said of a patient.

    One row for the asker's institution, and one for each that lets its studies be searched.
    """
    permit(principal, Action.SEARCH)
    fields = sorted(name for name, value in (query or {}).items() if value)
    record(Act.SEARCHED, by=principal, fields=fields)
    for way in principal.ways_for(Action.SEARCH) if partners else ():
        for custodian in way.custodians():
            named = _named(way, way.agreement)
            record(Act.SEARCHED, by=principal, custodian_id=custodian, fields=fields, **named)


def watched(principal: Principal) -> None:
    """Write down that a list is being looked at while it renews itself: one row, then counts."""
    permit(principal, Action.SEARCH)
    viewings.note(Act.SEARCHED, by=principal, facts={}, counts={"renewals": 1})


# ---- Reads: each leaves its row first ----------------------------------------------------------


def study(
    principal: Principal,
    action: Action,
    *,
    id: uuid.UUID | None = None,
    uid: str = "",
    act: Act | None = Act.STUDY_OPENED,
    **detail: Any,
) -> Study:
    """One study within reach, and the row that says so.

    By `id`, or by Study Instance UID. `act` None: the caller records what it does itself, in the
    same transaction as its write or before its first byte.
    """
    permit(principal, action)
    if uid and not is_uid(uid):
        raise NotThereError
    wanted = {"pk": id} if id else {"uid": uid}
    reached = studies(principal, action).filter(**wanted).select_related("patient", "institution")
    found = _the_one(principal, action, reached)
    _enter(principal, action, found)
    if act is not None:
        record(act, by=principal, **facts(found, principal), **detail)
    return found


def series(
    principal: Principal, action: Action, *, study_uid: str, uid: str, act: Act, **counts: int
) -> Series:
    """One series within reach, by UIDs; the read is counted into the viewing `act`."""
    permit(principal, action)
    found = _the_one(principal, action, _series(principal, action, study_uid, uid))
    _enter(principal, action, found.study)
    note_view(principal, act, found.study, **counts)
    return found


def instance(
    principal: Principal,
    action: Action,
    *,
    study_uid: str,
    series_uid: str,
    uid: str,
    act: Act = Act.IMAGES_VIEWED,
    **counts: int,
) -> Instance:
    """One instance within reach, by UIDs; of conflicting files the one that came first."""
    permit(principal, action)
    series = _the_one(principal, action, _series(principal, action, study_uid, series_uid))
    _enter(principal, action, series.study)
    found = Instance.objects.filter(series=series, uid=uid).order_by("variant").first()
    if found is None:
        _refused(principal, str(action))
        raise NotThereError
    found.series = series
    note_view(principal, act, found.series.study, **counts)
    return found


def _series(principal: Principal, action: Action, study_uid: str, uid: str) -> QuerySet[Series]:
    if not (is_uid(study_uid) and is_uid(uid)):
        return Series.objects.none()
    reached = principal.reached(action).filter(uid=uid, study__uid=study_uid)
    return reached.select_related("study__patient")


def _enter(principal: Principal, action: Action, study: Study) -> None:
    """Remember by which way another institution's study is reached, and let that way count it."""
    if is_own(principal, study):
        return
    known = principal.through.get(study.pk)
    way = known.way if known and action in known.way.actions else _way(principal, action, study)
    principal.through[study.pk] = Entered(way, way.admit(study.pk, action))


def _way(principal: Principal, action: Action, study: Study) -> Way:
    for way in principal.ways_for(action):
        if principal.given(way).filter(pk=study.pk).exists():
            return way
    _refused(principal, str(action))  # it ended between two questions
    raise NotThereError


Found = TypeVar("Found", Study, Series)


def _the_one(principal: Principal, action: Action, reached: QuerySet[Found]) -> Found:
    """What was asked for, if it is there and nothing else answers to the same number.

    Two patients of one institution may come with the same Study Instance UID (decision 1). Which
    of them is meant, a UID cannot say: nobody is shown one patient's images for the other's. Of a
    study that is here and at a partner's, the one that is here is meant.
    """
    found = list(reached[:MOST_NAMESAKES])
    if not found:
        _refused(principal, str(action))
        raise NotThereError
    meant = [one for one in found if is_own(principal, _study_of(one))] or found
    if len(meant) > 1:
        raise AmbiguousError
    return meant[0]


def _study_of(found: Study | Series) -> Study:
    return found if isinstance(found, Study) else found.study


class AmbiguousError(ConflictError):
    code = "ambiguous"

    def __init__(self) -> None:
        super().__init__(
            "More than one study has come with this number. Open the study from the worklist."
        )


def note_view(principal: Principal, act: Act, study: Study, **counts: int) -> None:
    """Count a read into the principal's viewing of `study`; its row stands before this returns."""
    viewings.note(act, by=principal, facts=facts(study, principal), counts=counts)


def facts(study: Study, principal: Principal | None = None) -> dict[str, Any]:
    """What an audit row says about a study: our ids and a keyed reference, never a name.

    With a principal also by which partner's leave it reached the study.
    """
    entered = principal.through.get(study.pk) if principal else None
    return {
        **(_named(entered.way, entered.agreement) if entered else {}),
        "custodian_id": study.institution_id,
        "study_id": study.pk,
        "patient_ref": patient_reference(study.institution_id, bytes(study.patient.identity)),
    }


def _named(way: Way, agreement: uuid.UUID | None) -> dict[str, Any]:
    """What an audit row says about the agreement by which somebody came."""
    return {"grant_id": agreement, **({"purpose": way.purpose} if way.purpose else {})}


def _refused(principal: Principal, wanted: str) -> None:
    record(Act.ACCESS_REFUSED, by=principal, outcome=Outcome.REFUSED, wanted=wanted)


ASKED_EVERY = 0.25  # seconds: what is on its way by then takes its own time to arrive
# Over a slow line, one large piece is seconds in which nobody is asked.
SMALL_PIECE = 64 * 1024
SLOW = 0.1  # seconds for one chunk


def guard_stream(principal: Principal, chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Pass `chunks` on for as long as the principal is still allowed, asked four times a second.

    A revoked principal's stream breaks off: the connection is cut, so that what arrived is
    visibly incomplete.
    """
    asked, slow = time.monotonic(), True
    for chunk in chunks:
        begun = time.monotonic()
        for piece in _cut(chunk) if slow else (chunk,):
            if time.monotonic() - asked > ASKED_EVERY:
                if not principal.holds():
                    raise StreamEndedError
                asked = time.monotonic()
            yield piece
        slow = time.monotonic() - begun > SLOW


def _cut(chunk: bytes) -> Iterator[bytes]:
    for start in range(0, len(chunk), SMALL_PIECE):
        yield chunk[start : start + SMALL_PIECE]


class StreamEndedError(ConnectionAbortedError):
    """The principal was shut out while bytes were on their way."""


# ---- Routes declare who may use them -----------------------------------------------------------

View = Callable[..., HttpResponseBase]


def declares(wanted: Action | Rule) -> Callable[[View], View]:
    """Give a view its access rule; it runs only for principals whom the rule admits."""

    def wrap(view: View) -> View:
        @functools.wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            permit(request.principal, wanted)  # type: ignore[attr-defined]
            return view(request, *args, **kwargs)

        guarded.access_rule = wanted  # type: ignore[attr-defined]
        return guarded

    return wrap
