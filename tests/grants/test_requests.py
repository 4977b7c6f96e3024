"""Asking another institution for images: it alone sees what it finds, and answers."""

import datetime
import threading
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from sharing.accounts.models import Institution
from sharing.audit.models import AuditEvent
from sharing.audit.queries import of_institution
from sharing.audit.rules import Act
from sharing.grants.actions import offers, requests
from sharing.grants.actions.requests import RequestMovedError
from sharing.grants.models import ImageRequest, Offer
from sharing.grants.queries import requests as queries
from sharing.grants.rules.offers import (
    REQUEST_MOVES,
    OfferState,
    Priority,
    RequestMove,
    RequestState,
)
from sharing.grants.work import offers as work
from sharing.kernel.errors import InvalidInputError, NotAllowedError, NotThereError
from sharing.mails.models import Mail
from sharing.studies.models import Study
from tests import factories as f
from tests.grants.making import listed
from tests.grants.test_offers import run_mail
from tests.grants.test_reach import status

pytestmark = pytest.mark.django_db
PETRA = {"patient_name": "Probe, Petra1", "birth_date": "19700101", "patient_id": "P1"}


@pytest.fixture
def study() -> Study:
    data = f.image(1, PatientBirthDate="19700101", StudyDate="20240502")
    f.upload(f.principal("Ben"), data)
    return Study.objects.get()


def asked(*, by: str = "Cleo", of: str = "General", **changes: Any) -> ImageRequest:
    """Mercy asks General for Petra's images."""
    for name in f.WORK:
        f.member(name)
    listed(of)
    to = Institution.objects.get(name=of)
    wanted = {**PETRA, "reason": "Operation on Friday.", **changes}
    return requests.ask(to.pk, by=f.principal(by), **wanted)


def test_what_is_given_is_in_the_askers_inbox_and_accepted(study: Study) -> None:
    request = asked(priority=Priority.URGENT)
    (found,) = requests.search(request.pk, by=f.principal("Ben"))
    assert (found.study, set(found.agrees.values())) == (study, {True})
    cleo = f.browser("Cleo")
    assert status(cleo, f"/studies/{study.pk}/viewer/") == 404
    (offer,) = requests.give(request.pk, studies=[study.pk], by=f.principal("Ben"))
    assert (offer.state, offer.request, offer.priority) == (
        OfferState.ACCEPTED,
        request,
        Priority.URGENT,
    )
    assert status(cleo, f"/studies/{study.pk}/viewer/") == 200
    assert ImageRequest.objects.get().state == RequestState.ANSWERED
    assert status(f.browser("Otto"), f"/studies/{study.pk}/viewer/") == 404


def test_a_partial_answer_leaves_the_request_open_until_they_say_that_it_was_all(
    study: Study,
) -> None:
    other = f.study(f.principal("Ben"), number=2)
    request, ben = asked(), f.principal("Ben")
    requests.give(request.pk, studies=[study.pk], closes=False, by=ben)
    assert ImageRequest.objects.get().state == RequestState.PARTLY
    assert [one.is_given for one in requests.search(request.pk, by=ben)] == [True]
    requests.give(request.pk, studies=[other.pk], closes=False, by=ben)
    requests.close(request.pk, by=ben)
    assert ImageRequest.objects.get().state == RequestState.ANSWERED
    assert Offer.objects.filter(request=request).count() == 2
    with pytest.raises(RequestMovedError, match="answered by"):
        requests.give(request.pk, studies=[study.pk], by=ben)


@pytest.mark.parametrize(
    ("facts", "finds"),
    [
        ({"patient_name": "petra1 PROBE", "birth_date": "19700101", "patient_id": ""}, True),
        ({"patient_name": "Probe", "birth_date": "", "patient_id": "P1"}, True),
        ({"patient_name": "Someone Else", "birth_date": "19700101", "patient_id": "P1"}, True),
        ({"patient_name": "Probe", "birth_date": "19990101", "patient_id": "other"}, False),
        ({"patient_name": "Probe", "birth_date": "19700102", "patient_id": ""}, False),
        ({"modality": "MR"}, False),
        ({"modality": "CT"}, True),
        ({"since": "20240502", "until": "20240502"}, True),
        ({"since": "20240503"}, False),
        ({"until": "20240501"}, False),
    ],
    ids=[
        *("name and birth date", "name and number", "another name", "one fact of three"),
        *("one of two", "another modality", "its modality", "its day", "later", "earlier"),
    ],
)
def test_two_facts_have_to_agree(study: Study, facts: dict[str, str], finds: bool) -> None:
    request = asked(**facts)
    found = requests.search(request.pk, by=f.principal("Ada"))
    assert [one.study for one in found] == ([study] if finds else [])


def test_only_ones_own_studies_are_searched(study: Study) -> None:
    f.upload(f.principal("Otto"), f.image(1, PatientBirthDate="19700101"))
    request = asked()
    assert [one.study for one in requests.search(request.pk, by=f.principal("Ben"))] == [study]


@pytest.mark.parametrize(
    "wrong",
    [
        {"birth_date": "", "patient_id": ""},
        {"reason": " "},
        {"since": "20240502", "until": "20240501"},
    ],
    ids=["one fact", "no reason", "dates the wrong way round"],
)
def test_what_says_too_little_is_not_sent(wrong: dict[str, str]) -> None:
    with pytest.raises(InvalidInputError):
        asked(**wrong)
    assert not ImageRequest.objects.exists()


def test_the_asker_cannot_tell_whether_there_is_such_a_patient(study: Study) -> None:
    pages: list[Any] = []
    for facts in ({}, {"patient_name": "Nobody Here", "birth_date": "19010101"}):
        request = asked(**facts)
        requests.search(request.pk, by=f.principal("Ben"))
        page = f.browser("Cleo").get(f"/inbox/requests/{request.pk}/").content.decode()
        assert "CT Thorax" not in page
        pages.append("Not answered yet" in page)
        requests.decline(request.pk, why="We cannot help.", by=f.principal("Ben"))
        page = f.browser("Cleo").get(f"/inbox/requests/{request.pk}/").content.decode()
        pages.append("We cannot help." in page and "CT Thorax" not in page)
        rows = of_institution(request.asker_id).filter(grant_id=request.pk)
        pages.append(list(rows.order_by("id").values_list("action", flat=True)))
    assert pages[:3] == pages[3:]
    assert pages[:2] == [True, True]


def test_whoever_may_not_share_neither_searches_nor_answers(study: Study) -> None:
    request = asked()
    for name in ("Rosa", "Dora"):
        with pytest.raises(NotAllowedError):
            requests.search(request.pk, by=f.principal(name))
        with pytest.raises(NotAllowedError):
            requests.give(request.pk, studies=[study.pk], by=f.principal(name))
    for name in ("Cleo", "Matteo", "Otto"):
        with pytest.raises(NotThereError):
            requests.search(request.pk, by=f.principal(name))
        with pytest.raises(NotThereError):
            requests.decline(request.pk, why="No.", by=f.principal(name))
    with pytest.raises(NotThereError):
        requests.withdraw(request.pk, by=f.principal("Ben"))
    with pytest.raises(NotAllowedError):
        asked(by="Nora")


def test_only_ones_own_studies_can_be_given(study: Study) -> None:
    theirs = f.study(f.principal("Cleo"), number=4)
    request = asked(by="Otto")
    offers.send(theirs.pk, to=study.institution_id, by=f.principal("Cleo"))
    for one in (theirs.pk, request.pk):
        with pytest.raises(NotThereError):
            requests.give(request.pk, studies=[study.pk, one], by=f.principal("Ben"))
    assert not Offer.objects.filter(request=request).exists()
    assert ImageRequest.objects.get().state == RequestState.WAITING


def _expire(request: ImageRequest) -> int:
    ImageRequest.objects.filter(pk=request.pk).update(expires_at=timezone.now())
    return work.tick()


def _step(request: ImageRequest, move: RequestMove) -> Any:
    ben = f.principal("Ben")
    match move:
        case RequestMove.GIVE:
            study = f.study(ben, number=10 + Offer.objects.count(), images=1)
            return requests.give(request.pk, studies=[study.pk], closes=False, by=ben)
        case RequestMove.CLOSE:
            return requests.close(request.pk, by=ben)
        case RequestMove.DECLINE:
            return requests.decline(request.pk, why="No.", by=ben)
        case RequestMove.WITHDRAW:
            return requests.withdraw(request.pk, by=f.principal("Cleo"))
        case RequestMove.EXPIRE:
            return _expire(request)


WAYS_TO: dict[RequestState, tuple[RequestMove, ...]] = {
    RequestState.WAITING: (),
    RequestState.PARTLY: (RequestMove.GIVE,),
    RequestState.ANSWERED: (RequestMove.GIVE, RequestMove.CLOSE),
    RequestState.DECLINED: (RequestMove.DECLINE,),
    RequestState.WITHDRAWN: (RequestMove.WITHDRAW,),
    RequestState.EXPIRED: (RequestMove.EXPIRE,),
}


@pytest.mark.parametrize("move", RequestMove)
@pytest.mark.parametrize("state", RequestState)
def test_the_table_says_all_that_can_become_of_it(state: RequestState, move: RequestMove) -> None:
    request = asked()
    for one in WAYS_TO[state]:
        _step(request, one)
    then = REQUEST_MOVES.get((state, move))
    if then is None and move != RequestMove.EXPIRE:
        with pytest.raises(RequestMovedError):
            _step(request, move)
    else:
        _step(request, move)
    assert ImageRequest.objects.get().state == (then or state)


@pytest.mark.django_db(transaction=True)
def test_of_two_who_answer_at_the_same_moment_one_wins_and_the_other_is_told() -> None:
    f.upload(f.principal("Ben"), f.image(1))
    study, request = Study.objects.get(), asked(patient_name="Probe", birth_date="19700101")
    people = {name: f.principal(name) for name in ("Ada", "Ben")}
    ready, said = threading.Barrier(2), []

    def answer(name: str) -> None:
        try:
            ready.wait()
            if name == "Ada":
                requests.decline(request.pk, why="No.", by=people[name])
            else:
                requests.give(request.pk, studies=[study.pk], by=people[name])
            said.append("won")
        except RequestMovedError as error:
            said.append(error.detail)
        finally:
            connection.close()

    threads = [threading.Thread(target=answer, args=(name,)) for name in people]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert said.count("won") == 1
    state = ImageRequest.objects.get().state
    assert Offer.objects.count() == (1 if state == RequestState.ANSWERED else 0)


def test_both_sides_read_of_it_and_nothing_names_the_patient(
    study: Study, mailoutbox: list[Any]
) -> None:
    request = asked(priority=Priority.STAT)
    requests.search(request.pk, by=f.principal("Ben"))
    requests.give(request.pk, studies=[study.pk], by=f.principal("Ben"))
    told = [
        list(
            of_institution(side)
            .filter(grant_id=request.pk)
            .order_by("id")
            .values_list("action", "patient_ref")
        )
        for side in (request.asker_id, request.asked_id)
    ]
    assert told[0] == told[1]
    assert [one for one, _ in told[0]] == [
        Act.REQUEST_SENT,
        Act.REQUEST_ANSWERED,
        Act.REQUEST_CLOSED,
    ]
    assert len({one for _, one in told[0]}) == 1
    for row in AuditEvent.objects.all():
        for hidden in ("Petra", "19700101", "Operation"):
            assert hidden not in str(row.detail) + row.reason
    assert not AuditEvent.objects.filter(
        action=Act.SEARCHED, custodian_id=request.asker_id
    ).exists()


def test_those_who_can_answer_get_a_mail_when_it_is_urgent(mailoutbox: list[Any]) -> None:
    asked(priority=Priority.STAT)
    for mail in Mail.objects.all():
        run_mail(mail)
    to = {one.to[0].partition("@")[0] for one in mailoutbox}
    assert {"ada", "ben"} <= to
    assert not to & {"rosa", "dora", "cleo"}
    for one in mailoutbox:
        text = one.subject + one.body + one.alternatives[0][0]
        assert "Mercy" in one.body
        for hidden in ("Petra", "1970", "P1", "Operation"):
            assert hidden not in text


def test_a_request_counts_at_those_who_can_answer_it_alone() -> None:
    asked()
    counts = {name: queries.news(f.principal(name)).count for name in ("Ben", "Rosa", "Cleo")}
    assert counts == {"Ben": 1, "Rosa": 0, "Cleo": 0}
    ImageRequest.objects.update(expires_at=timezone.now() - datetime.timedelta(seconds=1))
    assert queries.news(f.principal("Ben")).count == 0
