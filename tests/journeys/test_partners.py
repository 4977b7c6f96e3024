"""Two institutions set up a grant, one reads the other's study by page and by machine, one press
ends it, and both can read the same of it."""

import csv
import datetime
import io
import re
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page

from tests.bench.measuring import Line
from tests.credentials.machine import Machine, elliptic, key_set
from tests.factories import image
from tests.journeys import people as do
from tests.journeys import shutting
from tests.journeys.conftest import written
from tests.journeys.partners import SCOPES
from tests.journeys.people import People, until
from tests.served import Served

GENEROUS = 3.0  # what is aimed at is one second; test_the_switch measures
KEPT = ("action", "outcome", "actor_name", "credential", "study_id", "custodian_id", "grant_id")


@pytest.fixture
def web() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=30) as open_:
        yield open_


def test_a_grant_from_the_proposal_to_the_switch(
    portal: Served, people: People, web: httpx.Client, tmp_path: Path
) -> None:
    ada, cleo = (people.signed_in(portal, name) for name in ("Ada", "Cleo"))
    number = 930
    sent(
        portal,
        people,
        written(tmp_path / "disc", *(image(number, 1, i, Modality="US") for i in range(1, 13))),
    )
    page = proposed(portal, ada)
    for name in ("Dora", "Matteo", "Nora"):
        agrees(people.signed_in(portal, name), page)
    ada.goto(page)
    assert ada.get_by_text("In force").first.is_visible()
    machine = added(portal, people, page, web)
    study = read_by_page(portal, cleo)
    uid = read_by_machine(machine)
    ada.goto(page)
    probes = opened(portal, cleo, study, machine, uid)
    pressed = stopped(ada)
    for one in probes:
        one.join()
        assert one.error is None, one.error
        assert one.ended - pressed < GENEROUS, one.name
    assert machine.search(PatientID="P930") == []
    cleo.goto(f"{portal.address}/?tab=partners")
    cleo.get_by_role("heading", name="Worklist").wait_for()
    assert not cleo.get_by_text("Probe, Petra930").is_visible()
    assert_both_read_the_same(portal, people, page, uuid.UUID(study.rstrip("/").split("/")[-1]))


def sent(portal: Served, people: People, folder: Path) -> None:
    ben = people.signed_in(portal, "Ben")
    do.choose(ben, portal.address, folder)
    do.send(ben)
    assert do.receipt(ben)["stored"] == 12


def proposed(portal: Served, ada: Page) -> str:
    """General proposes that Mercy sees its ultrasound images; the agreement's page."""
    ada.goto(f"{portal.address}/partners/")
    ada.get_by_role("link", name="Propose an agreement").first.click()
    ada.get_by_label("Search").fill("Mercy")
    ada.get_by_role("link", name="Choose Mercy").click()
    ada.get_by_label("Download files").check()
    ada.get_by_label("Machines that the partner names").check()
    ada.get_by_label("US", exact=True).check()
    ada.get_by_text("US studies.").wait_for()
    assert ada.get_by_text("Probe, Petra930").first.is_visible()  # the dry run shows what it is
    ada.get_by_role("button", name="Propose, and agree").click()
    ada.wait_for_url(re.compile(r"/partners/[0-9a-f-]{36}/$"))
    return ada.url


def agrees(somebody: Page, page: str) -> None:
    somebody.goto(page)
    somebody.get_by_role("button", name="Agree", exact=True).click()
    somebody.get_by_role("button", name="Agree", exact=True).wait_for(state="detached")


def added(portal: Served, people: People, page: str, web: httpx.Client) -> Machine:
    """Mercy's administrator adds a machine and lets it use the agreement."""
    matteo = people.signed_in(portal, "Matteo")
    matteo.goto(f"{portal.address}/people/machines/new")
    pair, name = elliptic(), f"Reading room {uuid.uuid4().hex[:6]}"
    matteo.get_by_label("Name").fill(name)
    matteo.get_by_label("get the files", exact=False).check()
    matteo.get_by_label("Public keys").fill(key_set(pair))
    matteo.get_by_role("button", name="Add the machine").click()
    matteo.wait_for_url(re.compile(r"/machines/[0-9a-f-]{36}/$"))
    client = matteo.url.rstrip("/").split("/")[-1]
    matteo.goto(page)
    matteo.get_by_label("Let a machine use it").select_option(label=name)
    matteo.get_by_role("button", name="Add", exact=True).click()
    matteo.get_by_role("button", name=f"Take off {name}").wait_for()
    return Machine(web, portal.address, client, pair)


def read_by_page(portal: Served, cleo: Page) -> str:
    """Cleo finds the study among her partners', opens it and reads it; its address."""
    cleo.goto(f"{portal.address}/?tab=partners")
    cleo.get_by_role("link", name="Probe, Petra930").click()
    cleo.get_by_role("heading", name="Probe, Petra930").wait_for()
    study = cleo.url
    cleo.get_by_role("link", name="View", exact=True).click()
    until(lambda: cleo.evaluate("document.querySelector('.vw-pane')?.dataset.state === 'ready'"))
    return study


def read_by_machine(machine: Machine) -> str:
    """The machine finds the study, reads its metadata and takes a file; the study's number."""
    machine.sign_in(*SCOPES)
    (found,) = machine.search(PatientID="P930")
    uid: str = found["0020000D"]["Value"][0]
    answer = machine.get(f"/dicom-web/studies/{uid}/metadata", Accept="application/dicom+json")
    assert answer.status_code == 200
    first = answer.json()[0]
    series, instance = (first[tag]["Value"][0] for tag in ("0020000E", "00080018"))
    file = machine.get(
        f"/dicom-web/studies/{uid}/series/{series}/instances/{instance}",
        Accept="application/dicom",
    )
    assert file.content[128:132] == b"DICM"
    return uid


def opened(
    portal: Served, cleo: Page, study: str, machine: Machine, uid: str
) -> list[shutting.Probe]:
    """Cleo and the machine at the study, asking again and again until they are refused."""
    cookies = "; ".join(f"{one['name']}={one['value']}" for one in cleo.context.cookies())
    page = Line(portal.address, Cookie=cookies)
    program = Line(portal.address, Authorization=f"Bearer {machine.token}")
    path, web = study.removeprefix(portal.address), f"/dicom-web/studies/{uid}/metadata"
    probes = [
        shutting.Probe("page", shutting.asking(page, "GET", path)),
        shutting.Probe("machine", shutting.asking(program, "GET", web)),
    ]
    for one in probes:
        one.start()
        assert one.goes_on.wait(shutting.PATIENCE), one.error
    return probes


def stopped(ada: Page) -> float:
    pressed = time.monotonic()
    ada.get_by_role("button", name="Stop now").click()
    ada.get_by_role("button", name="Let it go on").wait_for()
    return pressed


def assert_both_read_the_same(portal: Served, people: People, page: str, study: uuid.UUID) -> None:
    """What happened to the study and to the agreement, line by line, in both houses' activity."""
    grant = page.rstrip("/").split("/")[-1]
    now = datetime.datetime.now(datetime.UTC).isoformat()  # counts of what was viewed follow later
    ada, matteo = (
        [row for row in activity(portal, people.somebody(), name) if row["at"] < now]
        for name in ("Ada", "Matteo")
    )
    mercys = [row for row in told(ada, study, grant) if row["grant_id"] == grant]
    assert mercys == told(matteo, study, grant)
    acts = {row["action"] for row in mercys}
    assert {"study.opened", "study.images-viewed", "study.downloaded", "grant.stopped"} <= acts
    assert {row["actor_name"] for row in mercys} >= {"cleo@mercy.example", "ada@general.example"}
    assert any(row["credential"] == "machine" for row in mercys)


def activity(portal: Served, page: Page, name: str) -> list[dict[str, Any]]:
    do.sign_in(page, portal.address, do.address_of(name), portal.password)
    page.wait_for_url(f"{portal.address}/")
    text = page.request.get(f"{portal.address}/activity/activity.csv").text()
    return list(csv.DictReader(io.StringIO(text)))


def told(rows: list[dict[str, Any]], study: uuid.UUID, grant: str) -> list[dict[str, Any]]:
    """Oldest first; what becomes of the agreement stands for both sides, each under its own name.

    A search over both houses' studies is one act for the searcher's and another for the searched.
    """
    of_it = [row for row in rows if row["study_id"] == str(study) or row["grant_id"] == grant]
    of_it = [row for row in of_it if row["study_id"] or row["action"] != "study.searched"]
    found = []
    for row in sorted(of_it, key=lambda one: one["at"]):
        kept = {name: row[name] for name in KEPT}
        if not row["study_id"]:
            kept["custodian_id"] = ""
        found.append(kept)
    return found
