"""What a grant lets a partner's people and machines reach, and what it does not."""

import datetime
import threading
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from sharing.access import gate
from sharing.access.actions import mark
from sharing.access.principal import Principal
from sharing.access.rules import Action
from sharing.accounts.models import Department
from sharing.audit.models import AuditEvent
from sharing.audit.queries import of_institution
from sharing.audit.rules import Act
from sharing.credentials.actions import create_token
from sharing.grants import actions
from sharing.grants.principal import widened
from sharing.grants.principal.ways import EnoughTodayError
from sharing.kernel.errors import NotAllowedError, NotThereError
from sharing.studies.models import Study
from tests import factories as f
from tests.credentials.making import EVERYTHING, machine
from tests.grants.making import agreed, grant, proposed

pytestmark = pytest.mark.django_db


@pytest.fixture
def study() -> Study:
    return f.study(f.principal("Ben"))


def partner(name: str = "Cleo", **changes: Any) -> Principal:
    return widened(f.principal(name, **changes))


def bearer(token: str) -> Client:
    return Client(headers={"Authorization": f"Bearer {token}"})


def reads(study: Study) -> list[tuple[str, str]]:
    """Addresses of one study, each with what it takes."""
    series = f.first_series(study)
    inside = f"/dicom-web/studies/{study.uid}/series/{series.uid}"
    instance = f"{inside}/instances/{f.first_instance(study).uid}"
    return [
        ("search", f"/studies/{study.pk}/"),
        ("search", f"/api/studies/{study.pk}/"),
        ("search", f"/dicom-web/studies/{study.uid}/series"),
        ("search", f"{inside}/instances"),
        ("view", f"/studies/{study.pk}/viewer/"),
        ("view", f"/dicom-web/studies/{study.uid}/metadata"),
        ("view", f"{inside}/thumbnail"),
        ("view", f"{instance}/rendered"),
        ("view", f"/studies/{study.pk}{instance}/frames/1/rendered"),
        ("download", f"{instance}/frames/1"),
        ("download", instance),
        ("download", f"/studies/{study.pk}/download"),
    ]


def status(client: Client, address: str) -> int:
    answer = client.get(address)
    if answer.streaming:
        b"".join(answer)
    return answer.status_code


@pytest.mark.parametrize("count", [1, 2, 3], ids=["search", "view", "download"])
def test_a_partner_reads_exactly_what_was_agreed(study: Study, count: int) -> None:
    may = ("search", "view", "download")[:count]
    grant(actions=may)
    cleo = f.browser("Cleo")
    for wanted, address in reads(study):
        assert status(cleo, address) == (200 if wanted in may else 404), address


def test_without_a_grant_everything_of_another_institution_is_not_there(study: Study) -> None:
    proposed()
    for name in ("Cleo", "Matteo", "Otto"):
        browser = f.browser(name)
        for _, address in reads(study):
            assert status(browser, address) == 404, address


@pytest.mark.parametrize(
    "shut",
    [
        lambda one: actions.stop(one.pk, by=f.principal("Ada")),
        lambda one: actions.stop(one.pk, by=f.principal("Nora")),
        lambda one: actions.end(one.pk, by=f.principal("Matteo")),
    ],
    ids=["stopped by the custodian", "stopped by the recipient", "ended"],
)
def test_a_switch_ends_every_way_at_once(study: Study, shut: Callable[..., Any]) -> None:
    made = grant()
    pacs = machine(by="Matteo", name="PACS")
    pacs.sign_in(*EVERYTHING)
    actions.name_machine(made.pk, uuid.UUID(pacs.client_id), by=f.principal("Matteo"))
    own = create_token(
        membership=f.member("Cleo"), lifetime=datetime.timedelta(hours=1), by=f.principal("Cleo")
    )
    ways = [f.browser("Cleo"), bearer(own.text), bearer(pacs.token)]
    for client in ways:
        assert status(client, f"/dicom-web/studies/{study.uid}/metadata") == 200
    shut(made)
    for client in ways:
        for _, address in reads(study):
            assert status(client, address) in (403, 404), address
        assert client.get("/dicom-web/studies").json() == []


def test_a_machine_reaches_nothing_before_its_own_side_names_it(study: Study) -> None:
    made = grant()
    pacs = machine(by="Matteo", name="PACS")
    pacs.sign_in(*EVERYTHING)
    address = f"/dicom-web/studies/{study.uid}/metadata"
    assert status(bearer(pacs.token), address) == 404
    with pytest.raises(NotThereError):
        actions.name_machine(made.pk, uuid.UUID(pacs.client_id), by=f.principal("Ada"))
    actions.name_machine(made.pk, uuid.UUID(pacs.client_id), by=f.principal("Nora"))
    assert status(bearer(pacs.token), address) == 200
    assert [
        one["0020000D"]["Value"] for one in bearer(pacs.token).get("/dicom-web/studies").json()
    ] == [[study.uid]]
    actions.unname_machine(made.pk, uuid.UUID(pacs.client_id), by=f.principal("Matteo"))
    assert status(bearer(pacs.token), address) == 404


def test_a_channel_that_was_not_agreed_is_shut(study: Study) -> None:
    grant(channels=("machines",))
    own = create_token(
        membership=f.member("Cleo"), lifetime=datetime.timedelta(hours=1), by=f.principal("Cleo")
    )
    for client in (f.browser("Cleo"), bearer(own.text)):
        assert status(client, f"/dicom-web/studies/{study.uid}/metadata") == 404


def test_a_network_is_asked_for_on_top(study: Study) -> None:
    grant(networks=("203.0.113.0/24",))
    address = f"/dicom-web/studies/{study.uid}/metadata"
    inside = f.browser("Cleo", REMOTE_ADDR="203.0.113.7")
    outside = f.browser("Cleo", REMOTE_ADDR="198.51.100.7")
    assert (status(inside, address), status(outside, address)) == (200, 404)


def test_a_role_narrows_what_the_grant_gives(study: Study) -> None:
    grant()
    nora = f.browser("Nora")
    assert status(nora, f"/studies/{study.pk}/") == 200
    assert status(nora, f"/studies/{study.pk}/viewer/") == 403
    ways = partner("Nora").ways_for(Action.VIEW)
    assert ways == []


def test_a_partner_can_neither_share_nor_mark_nor_send_on(study: Study) -> None:
    grant()
    cleo = f.browser("Cleo")
    assert cleo.get(f"/share/?study={study.pk}").status_code == 404
    with pytest.raises(NotThereError):
        mark(study.pk, department=None, tags=["mine"], by=partner())
    page = cleo.get(f"/studies/{study.pk}/").content.decode()
    assert "Share" not in page.replace("Shared", "")
    assert "Receipt" not in page
    assert "General answers for this study" in page


def test_only_what_the_filter_names_is_there(study: Study) -> None:
    general = study.institution
    Study.objects.filter(pk=study.pk).update(
        modalities="CT\\SR", date="20240502", referrer="adler eva"
    )
    heart = Department.objects.create(institution=general, name="Cardiology")
    mark(study.pk, department=heart, tags=["Second  Opinion"], by=f.principal("Ada"))
    inside = [
        {"modalities": ("MR", "SR")},
        {"departments": (heart.pk,)},
        {"tags": ("x", "second opinion")},
        {"referrer": "Adler"},
        {
            "since": datetime.date(2024, 5, 2),
            "until": datetime.date(2024, 5, 2),
        },
        {"last_days": 20_000},
    ]
    outside = [
        {"modalities": ("MR",)},
        {"departments": (Department.objects.create(institution=general, name="Other").pk,)},
        {"tags": ("opinion",)},
        {"referrer": "Adler Karl"},
        {"since": datetime.date(2024, 5, 3)},
        {"until": datetime.date(2024, 5, 1)},
        {"last_days": 1},
    ]
    for number, (narrowed, wanted) in enumerate(
        [*((one, 200) for one in inside), *((one, 404) for one in outside)]
    ):
        made = grant(narrowed=narrowed)
        assert status(f.browser("Cleo"), f"/studies/{study.pk}/viewer/") == wanted, (
            number,
            narrowed,
        )
        listed = gate.partner_studies(partner()).filter(pk=study.pk).exists()
        assert listed == (wanted == 200)
        actions.end(made.pk, by=f.principal("Ada"))


def test_other_terms_hold_from_the_moment_they_are_agreed(study: Study) -> None:
    from tests.grants.making import terms

    made = grant()
    cleo = f.browser("Cleo")
    actions.propose_version(
        made.pk, terms=terms(narrowed={"modalities": ("US",)}), by=f.principal("Ada")
    )
    assert status(cleo, f"/studies/{study.pk}/viewer/") == 200
    agreed(made)
    assert status(cleo, f"/studies/{study.pk}/viewer/") == 404


def test_the_day_has_so_many_studies_and_no_more() -> None:
    ben = f.principal("Ben")
    studies = [f.study(ben, number=number) for number in (1, 2, 3)]
    grant(studies_per_day=2)
    rafa = f.browser("Rafa")
    found = [status(rafa, f"/studies/{one.pk}/viewer/") for one in (*studies, studies[0])]
    assert found == [200, 200, 429, 200]
    assert status(rafa, f"/studies/{studies[2].pk}/") == 200  # its line may be read
    with pytest.raises(EnoughTodayError):
        gate.study(partner(), Action.VIEW, id=studies[2].pk)


def test_every_access_stands_in_both_sides_activity_and_names_the_grant(study: Study) -> None:
    made = grant()
    cleo = f.browser("Cleo")
    for _, address in reads(study):
        assert status(cleo, address) == 200
    assert cleo.get("/?tab=partners").status_code == 200
    told = []
    for side in (made.custodian, made.recipient):
        rows = of_institution(side.pk).filter(
            actor_id=str(f.member("Cleo").user_id), study_id=study.pk
        )
        told.append(
            list(
                rows.order_by("id").values_list(
                    "action", "grant_id", "custodian_id", "detail__purpose"
                )
            )
        )
    assert told[0] == told[1]
    assert {row[1:] for row in told[0]} == {(made.pk, made.custodian_id, "TREAT")}
    assert {Act.STUDY_OPENED, Act.IMAGES_VIEWED, Act.IMAGES_DOWNLOADED} <= {
        row[0] for row in told[0]
    }
    searches = AuditEvent.objects.filter(
        action=Act.SEARCHED, custodian_id=made.custodian_id, grant_id=made.pk
    )
    assert searches.exists()


def test_what_is_on_its_way_breaks_off(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    made = grant()
    rafa = partner("Rafa")
    gate.study(rafa, Action.DOWNLOAD, id=study.pk)
    monkeypatch.setattr(gate, "ASKED_EVERY", 0.0)
    stream = gate.guard_stream(rafa, iter([b"x" * 10] * 100))
    assert next(stream)
    actions.stop(made.pk, by=f.principal("Dora"))
    with pytest.raises(gate.StreamEndedError):
        list(stream)


def test_a_study_that_leaves_the_filter_breaks_off_too(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark(study.pk, department=None, tags=["open"], by=f.principal("Ada"))
    grant(narrowed={"tags": ("open",)})
    cleo = partner()
    gate.study(cleo, Action.DOWNLOAD, id=study.pk)
    assert cleo.holds()
    mark(study.pk, department=None, tags=[], by=f.principal("Ada"))
    assert not cleo.holds()


def test_a_study_that_is_here_and_there_is_the_one_that_is_here(study: Study) -> None:
    grant()
    f.upload(f.principal("Cleo"), f.image(1, 1, 1))
    mine = gate.study(partner(), Action.VIEW, uid=study.uid)
    assert mine.institution == f.member("Cleo").institution
    assert gate.study(partner(), Action.VIEW, id=study.pk) == study


def test_ones_own_list_holds_nothing_of_partners(study: Study) -> None:
    grant()
    cleo = f.browser("Cleo")
    assert "Probe, Petra1" not in cleo.get("/").content.decode()
    assert "Probe, Petra1" in cleo.get("/?tab=partners").content.decode()
    own, partners = (cleo.get(f"/api/studies/?whose={one}").json() for one in ("own", "partners"))
    assert (len(own["results"]), len(partners["results"])) == (0, 1)


def test_who_may_reach_nothing_is_given_nothing(study: Study) -> None:
    grant()
    assert partner("Otto").ways() == ()
    with pytest.raises(NotAllowedError):
        gate.study(partner("Nora"), Action.DOWNLOAD, id=study.pk)
    assert partner().custodians == {f.member("Cleo").institution_id, study.institution_id}


@pytest.mark.django_db(transaction=True)
def test_the_day_is_counted_right_by_many_at_once() -> None:
    from django.db import connection

    ben = f.principal("Ben")
    studies = [f.study(ben, number=number, images=1) for number in range(1, 9)]
    grant(studies_per_day=3)
    for name in ("Cleo",):
        f.member(name)
    let_in: list[Any] = []

    def open_(study: Study) -> None:
        try:
            let_in.append(gate.study(partner(), Action.VIEW, id=study.pk).pk)
        except EnoughTodayError:
            let_in.append(None)
        finally:
            connection.close()

    threads = [threading.Thread(target=open_, args=(one,)) for one in studies]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(let_in) == 8
    assert len([one for one in let_in if one]) == 3
