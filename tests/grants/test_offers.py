"""Sending a study to an institution: at once, without a copy, and over the moment somebody says so."""

import datetime
import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from sharing.access import gate
from sharing.access.principal import Principal
from sharing.access.rules import Action
from sharing.accounts.models import Institution
from sharing.audit.models import AuditEvent
from sharing.audit.queries import of_institution
from sharing.audit.rules import Act
from sharing.credentials.actions import create_token
from sharing.grants.actions import offers
from sharing.grants.actions.offers import OfferMovedError
from sharing.grants.models import Offer
from sharing.grants.principal import widened
from sharing.grants.rules import offers as rules
from sharing.grants.rules.offers import (
    OFFER_MOVES,
    REQUEST_MOVES,
    OfferMove,
    OfferState,
    Priority,
    RequestState,
)
from sharing.grants.work import offers as work
from sharing.jobs.models import Job
from sharing.jobs.work import claim, execute
from sharing.kernel.errors import (
    ConflictError,
    InvalidInputError,
    NotAllowedError,
    NotThereError,
)
from sharing.mails.models import Mail
from sharing.studies.models import Instance, Series, Study
from tests import factories as f
from tests.credentials.making import EVERYTHING, machine
from tests.grants.making import grant, listed, sent
from tests.grants.test_reach import bearer, reads, status

pytestmark = pytest.mark.django_db
DAY = datetime.timedelta(days=1)


@pytest.fixture
def study() -> Study:
    return f.study(f.principal("Ben"))


def partner(name: str = "Cleo") -> Principal:
    return widened(f.principal(name))


def lookers() -> list[Client]:
    """Whoever at Mercy reads: people, a person's program, a machine."""
    pacs = machine(by="Matteo", name="PACS")
    pacs.sign_in(*EVERYTHING)
    own = create_token(
        membership=f.member("Cleo"), lifetime=datetime.timedelta(hours=1), by=f.principal("Cleo")
    )
    return [f.browser("Cleo"), f.browser("Rafa"), bearer(own.text), bearer(pacs.token)]


def statuses(client: Client, study: Study) -> dict[str, int]:
    return {address: status(client, address) for _, address in reads(study)}


def rows() -> tuple[int, int, int]:
    return Study.objects.count(), Series.objects.count(), Instance.objects.count()


# ---- At once, and without a copy ---------------------------------------------------------------


def test_what_is_sent_is_there_at_once_and_nothing_is_copied(study: Study) -> None:
    before = rows()
    readers = lookers()
    for client in readers:
        assert set(statuses(client, study).values()) == {404}
    sent(study, may_download=True)
    for client in readers:
        assert set(statuses(client, study).values()) == {200}, client
        assert [one["0020000D"]["Value"] for one in client.get("/dicom-web/studies").json()] == [
            [study.uid]
        ]
    assert rows() == before


def test_a_stranger_still_sees_nothing(study: Study) -> None:
    sent(study, may_download=True)
    otto = f.browser("Otto")
    assert set(statuses(otto, study).values()) == {404}
    assert partner("Otto").ways() == ()


def test_view_only_never_gives_the_files(study: Study) -> None:
    sent(study)
    for client in lookers():
        for wanted, address in reads(study):
            assert status(client, address) == (404 if wanted == "download" else 200), address


def test_what_was_sent_to_one_person_her_colleagues_do_not_see(study: Study) -> None:
    offer = sent(study, may_download=True, person="Cleo@mercy.example")
    cleo, rafa, program, pacs = lookers()
    for client, wanted in ((cleo, 200), (program, 200), (rafa, 404), (pacs, 404)):
        assert set(statuses(client, study).values()) == {wanted}
    for name in ("Rafa", "Matteo"):
        with pytest.raises(NotThereError):
            offers.accept(offer.pk, by=f.principal(name))
    assert offers.accept(offer.pk, by=f.principal("Cleo")).state == OfferState.ACCEPTED


def test_compliance_finds_what_was_sent_and_sees_no_images(study: Study) -> None:
    offer = sent(study, may_download=True)
    nora = f.browser("Nora")
    assert status(nora, f"/studies/{study.pk}/") == 200
    assert status(nora, f"/studies/{study.pk}/viewer/") == 403
    with pytest.raises(NotAllowedError):
        offers.accept(offer.pk, by=f.principal("Nora"))


def test_what_was_sent_cannot_be_sent_on(study: Study) -> None:
    sent(study, may_download=True)
    listed("Lakeside")
    lakeside = Institution.objects.get(name="Lakeside")
    with pytest.raises(NotThereError):
        offers.send(study.pk, to=lakeside.pk, by=partner())


def test_only_those_who_share_send(study: Study) -> None:
    f.member("Otto")
    listed()
    mercy = Institution.objects.get(name="Mercy")
    for name in ("Rosa", "Dora"):
        with pytest.raises(NotAllowedError):
            offers.send(study.pk, to=mercy.pk, by=f.principal(name))
    with pytest.raises(NotThereError):
        offers.send(study.pk, to=mercy.pk, by=f.principal("Otto"))


def test_whoever_does_not_want_to_be_found_is_not_sent_to(study: Study) -> None:
    f.member("Cleo")
    mercy = Institution.objects.get(name="Mercy")
    for to in (mercy.pk, study.institution_id, uuid.uuid4()):
        with pytest.raises(NotThereError):
            offers.send(study.pk, to=to, by=f.principal("Ben"))
    grant()
    assert offers.send(study.pk, to=mercy.pk, by=f.principal("Ben")).recipient == mercy


@pytest.mark.parametrize(
    "address",
    ["rosa@general.example", "nora@mercy.example", "nobody@mercy.example"],
    ids=["a stranger", "somebody who sees no images", "nobody"],
)
def test_a_person_who_cannot_receive_is_one_and_the_same_answer(study: Study, address: str) -> None:
    f.member("Rosa")
    with pytest.raises(InvalidInputError) as error:
        sent(study, person=address)
    assert error.value.fields == {
        "person": ["Nobody who can receive images at Mercy has this address."]
    }


def test_where_people_cannot_be_picked_none_is(study: Study) -> None:
    f.member("Cleo")
    listed("Mercy")
    Institution.objects.update(people_by_address=False)
    mercy = Institution.objects.get(name="Mercy")
    for address in ("cleo@mercy.example", "nobody@mercy.example"):
        with pytest.raises(InvalidInputError, match="not sent"):
            offers.send(study.pk, to=mercy.pk, person=address, by=f.principal("Ben"))


@pytest.mark.parametrize(
    "wrong",
    [{"note": "x" * 2001}, {"lasts": 366 * DAY}, {"lasts": -DAY}],
    ids=["a long note", "more than a year", "already over"],
)
def test_what_cannot_be_is_refused(study: Study, wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        sent(study, **wrong)
    assert not Offer.objects.exists()


def test_a_study_is_in_an_inbox_once_until_it_is_over(study: Study) -> None:
    first = sent(study)
    with pytest.raises(ConflictError, match="already"):
        sent(study, may_download=True)
    sent(study, person="cleo@mercy.example")
    Offer.objects.filter(pk=first.pk).update(expires_at=timezone.now() - DAY)
    assert sent(study).pk != first.pk
    assert Offer.objects.get(pk=first.pk).state == OfferState.EXPIRED


# ---- It ends at once ---------------------------------------------------------------------------


def _expire(offer: Offer) -> int:
    """Its last day is over; how many that were."""
    return Offer.objects.filter(pk=offer.pk).update(expires_at=timezone.now())


ENDS: dict[str, Callable[[Offer], Any]] = {
    "withdrawn": lambda one: offers.withdraw(one.pk, by=f.principal("Ben")),
    "withdrawn by an administrator": lambda one: offers.withdraw(one.pk, by=f.principal("Ada")),
    "declined": lambda one: offers.decline(one.pk, why="Not ours.", by=f.principal("Rafa")),
    "over": _expire,
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS.keys())
def test_its_end_shuts_every_way_at_once(study: Study, end: Callable[[Offer], Any]) -> None:
    offer = sent(study, may_download=True)
    readers = lookers()
    for client in readers:
        assert set(statuses(client, study).values()) == {200}
    end(offer)
    for client in readers:
        assert set(statuses(client, study).values()) == {404}
        assert client.get("/dicom-web/studies").json() == []


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS.keys())
def test_its_end_breaks_off_what_is_on_its_way(
    study: Study, end: Callable[[Offer], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    offer = sent(study, may_download=True)
    rafa = partner("Rafa")
    gate.study(rafa, Action.DOWNLOAD, id=study.pk)
    monkeypatch.setattr(gate, "ASKED_EVERY", 0.0)
    stream = gate.guard_stream(rafa, iter([b"x" * 10] * 100))
    assert next(stream)
    end(offer)
    with pytest.raises(gate.StreamEndedError):
        list(stream)


def test_the_end_is_as_late_as_was_said_and_can_be_put_off(study: Study) -> None:
    offer = sent(study, lasts=2 * DAY)
    cleo = f.browser("Cleo")
    with pytest.raises(InvalidInputError):
        offers.extend(offer.pk, lasts=DAY, by=f.principal("Ben"))
    with pytest.raises(NotThereError):
        offers.extend(offer.pk, lasts=30 * DAY, by=f.principal("Cleo"))
    offers.extend(offer.pk, lasts=30 * DAY, by=f.principal("Ben"))
    assert Offer.objects.get().expires_at > timezone.now() + 29 * DAY
    _expire(offer)
    assert status(cleo, f"/studies/{study.pk}/") == 404
    with pytest.raises(OfferMovedError, match="over"):
        offers.extend(offer.pk, lasts=30 * DAY, by=f.principal("Ben"))
    assert work.tick() == 1
    assert work.tick() == 0
    assert Offer.objects.get().state == OfferState.EXPIRED


# ---- Answers -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["Cleo", "Rafa", "Matteo"])
def test_whoever_sees_images_may_answer(study: Study, name: str) -> None:
    offer = sent(study)
    accepted = offers.accept(offer.pk, by=f.principal(name))
    assert (accepted.state, accepted.answered_by) == (OfferState.ACCEPTED, f.member(name).user)
    assert status(f.browser("Rafa"), f"/studies/{study.pk}/viewer/") == 200


def test_strangers_and_the_sender_cannot_answer(study: Study) -> None:
    offer = sent(study)
    for name in ("Otto", "Ben", "Ada"):
        for answer in (
            lambda by: offers.accept(offer.pk, by=by),
            lambda by: offers.decline(offer.pk, why="No.", by=by),
        ):
            with pytest.raises(NotThereError):
                answer(f.principal(name))
    with pytest.raises(NotThereError):
        offers.withdraw(offer.pk, by=f.principal("Cleo"))
    with pytest.raises(InvalidInputError):
        offers.decline(offer.pk, why=" ", by=f.principal("Cleo"))


STEPS: dict[OfferMove, Callable[[Offer], Any]] = {
    OfferMove.ACCEPT: lambda one: offers.accept(one.pk, by=f.principal("Cleo")),
    OfferMove.DECLINE: lambda one: offers.decline(one.pk, why="No.", by=f.principal("Cleo")),
    OfferMove.WITHDRAW: lambda one: offers.withdraw(one.pk, by=f.principal("Ben")),
    OfferMove.EXPIRE: lambda one: _expire(one) and work.tick(),
}
WAYS_TO: dict[OfferState, tuple[OfferMove, ...]] = {
    OfferState.WAITING: (),
    OfferState.ACCEPTED: (OfferMove.ACCEPT,),
    OfferState.DECLINED: (OfferMove.DECLINE,),
    OfferState.WITHDRAWN: (OfferMove.WITHDRAW,),
    OfferState.EXPIRED: (OfferMove.EXPIRE,),
}


@pytest.mark.parametrize("move", OfferMove)
@pytest.mark.parametrize("state", OfferState)
def test_the_table_says_all_that_can_become_of_it(
    study: Study, state: OfferState, move: OfferMove
) -> None:
    offer = sent(study)
    for one in WAYS_TO[state]:
        STEPS[one](offer)
    then = OFFER_MOVES.get((state, move))
    if then is None and move != OfferMove.EXPIRE:
        with pytest.raises(OfferMovedError):
            STEPS[move](offer)
    else:
        STEPS[move](offer)
    assert Offer.objects.get().state == (then or state)


def test_every_state_can_be_left_or_is_an_end() -> None:
    for states, moves in ((OfferState, OFFER_MOVES), (RequestState, REQUEST_MOVES)):
        going = {now for now, _ in moves}
        assert going | set(moves.values()) == set(states)


def test_the_diagrams_in_the_readme_are_the_tables() -> None:
    readme = Path(rules.__file__).parents[1].joinpath("README.md").read_text()
    for drawn in (rules.offer_diagram(), rules.request_diagram()):
        assert f"```mermaid\n{drawn}\n```" in readme


@pytest.mark.django_db(transaction=True)
def test_of_two_who_answer_at_the_same_moment_one_wins_and_the_other_is_told() -> None:
    offer = sent(f.study(f.principal("Ben"), images=1))
    people = {name: f.principal(name) for name in ("Cleo", "Rafa", "Matteo")}
    ready, said = threading.Barrier(len(people)), []

    def answer(name: str) -> None:
        try:
            ready.wait()
            if name == "Rafa":
                offers.decline(offer.pk, why="Not ours.", by=people[name])
            else:
                offers.accept(offer.pk, by=people[name])
            said.append("won")
        except OfferMovedError as error:
            said.append(error.detail)
        finally:
            connection.close()

    threads = [threading.Thread(target=answer, args=(name,)) for name in people]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert said.count("won") == 1
    assert len([one for one in said if one.startswith("Nothing was changed: meanwhile")]) == 2
    answers = (Act.OFFER_ACCEPTED, Act.OFFER_DECLINED)
    assert AuditEvent.objects.filter(action__in=answers, grant_id=offer.pk).count() == 1


# ---- Agreements, mails, the audit --------------------------------------------------------------


def test_an_agreement_to_take_what_is_sent_accepts_it_at_once(study: Study) -> None:
    back = grant(actions=("search", "send"))
    assert sent(study).state == OfferState.WAITING  # Mercy's agreement to see is not one to take
    sent_back = f.study(f.principal("Cleo"), number=7)
    taken = sent(sent_back, by="Cleo", to="General", priority=Priority.STAT)
    assert (taken.state, taken.grant, taken.answered_by) == (OfferState.ACCEPTED, back, None)
    assert not Mail.objects.exists()


def test_an_agreement_takes_only_what_it_names(study: Study) -> None:
    grant(actions=("search", "send"), narrowed={"modalities": ("MR",)})
    taken = sent(f.study(f.principal("Cleo"), number=7), by="Cleo", to="General")
    assert taken.state == OfferState.WAITING


@pytest.mark.parametrize(
    ("priority", "person", "whom"),
    [
        (Priority.STAT, "", {"cleo", "rafa", "matteo"}),
        (Priority.URGENT, "", {"cleo", "rafa", "matteo"}),
        (Priority.STAT, "rafa@mercy.example", {"rafa"}),
        (Priority.ROUTINE, "", set()),
    ],
    ids=["STAT", "urgent", "STAT to one", "routine"],
)
def test_what_is_urgent_is_mailed_to_those_who_can_answer(
    study: Study, priority: Priority, person: str, whom: set[str], mailoutbox: list[Any]
) -> None:
    offer = sent(study, priority=priority, person=person, note="Falls since Monday.")
    for mail in Mail.objects.all():
        run_mail(mail)
    assert {one.to[0].partition("@")[0] for one in mailoutbox} == whom
    for one in mailoutbox:
        text = one.subject + one.body + one.alternatives[0][0]
        assert "General" in one.body
        for hidden in ("Probe", "Petra", "P1", "Falls", study.uid, str(study.pk), str(offer.pk)):
            assert hidden not in text


def test_a_mail_about_what_is_answered_already_is_not_sent(
    study: Study, mailoutbox: list[Any]
) -> None:
    offer = sent(study, priority=Priority.STAT)
    offers.accept(offer.pk, by=f.principal("Rafa"))
    for mail in Mail.objects.all():
        run_mail(mail)
    assert mailoutbox == []


def run_mail(mail: Mail) -> None:
    run = claim(Job.objects.get(pk=mail.pk).pk)
    assert run is not None
    execute(run)


def test_both_sides_read_the_same_of_it_and_no_patient_is_named(study: Study) -> None:
    offer = sent(study, may_download=True, note="Falls since Monday.")
    cleo = f.browser("Cleo")
    assert status(cleo, f"/studies/{study.pk}/") == 200
    offers.accept(offer.pk, by=f.principal("Cleo"))
    offers.extend(offer.pk, lasts=200 * DAY, by=f.principal("Ben"))
    offers.withdraw(offer.pk, by=f.principal("Ben"))
    told = [
        list(
            of_institution(side)
            .filter(grant_id=offer.pk)
            .order_by("id")
            .values_list("action", "actor_name")
        )
        for side in (offer.sender_id, offer.recipient_id)
    ]
    assert told[0] == told[1]
    assert [action for action, _ in told[0]] == [
        Act.OFFER_SENT,
        Act.STUDY_OPENED,
        Act.OFFER_ACCEPTED,
        Act.OFFER_EXTENDED,
        Act.OFFER_WITHDRAWN,
    ]
    for row in AuditEvent.objects.filter(grant_id=offer.pk):
        for hidden in ("Probe", "Petra", "Falls", study.uid):
            assert hidden not in str(row.__dict__)


def test_the_sender_sees_when_it_was_opened_first(study: Study) -> None:
    offer = sent(study)
    assert Offer.objects.get().opened_at is None
    assert f.browser("Cleo").get("/?tab=partners").status_code == 200
    assert Offer.objects.get().opened_at is None  # a line of a list is not opening
    assert status(f.browser("Rafa"), f"/studies/{study.pk}/viewer/") == 200
    first = Offer.objects.get(pk=offer.pk).opened_at
    assert first is not None
    assert status(f.browser("Cleo"), f"/studies/{study.pk}/viewer/") == 200
    assert Offer.objects.get().opened_at == first
