"""A grant by a clock that goes wrong: what is decided two days off, and a second off, each edge."""

import datetime
import uuid
from collections.abc import Iterator

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from sharing.access import gate
from sharing.access.rules import Action
from sharing.credentials.actions import create_token
from sharing.grants import actions
from sharing.grants.models import Grant
from sharing.grants.principal import widened
from sharing.grants.work import tick
from tests import factories as f
from tests.credentials.making import EVERYTHING, machine
from tests.grants.making import grant

pytestmark = pytest.mark.django_db
DAYS = 10
SHIFTS = {
    "48 h back": datetime.timedelta(hours=-48),
    "a second back": datetime.timedelta(seconds=-1),
    "on time": datetime.timedelta(0),
    "a second on": datetime.timedelta(seconds=1),
    "48 h on": datetime.timedelta(hours=48),
}
# The edge that the clock is shifted around; what has to be decided at each shift; done how.
IN_FORCE, SHUT = True, False
DECISIONS: dict[str, dict[str, bool]] = {
    "first moment": {
        "48 h back": SHUT,
        "a second back": SHUT,
        "on time": IN_FORCE,
        "a second on": IN_FORCE,
        "48 h on": IN_FORCE,
    },
    "last moment": {
        "48 h back": IN_FORCE,
        "a second back": IN_FORCE,
        "on time": SHUT,
        "a second on": SHUT,
        "48 h on": SHUT,
    },
    # A switch is no matter of time: whatever a clock says, it is off.
    "stopped": dict.fromkeys(SHIFTS, SHUT),
    "ended": dict.fromkeys(SHIFTS, SHUT),
    # Stopped and taken back within its time: as if nothing had been.
    "resumed": dict.fromkeys(SHIFTS, IN_FORCE),
}


@pytest.fixture
def now() -> Iterator[datetime.datetime]:
    """The moment at which all of a case begins; the clock stands still."""
    start = timezone.now().replace(microsecond=0)
    with time_machine.travel(start, tick=False):
        yield start


def edge_of(case: str, made: Grant, start: datetime.datetime) -> datetime.datetime:
    """Make the case so; the moment around which the clock is shifted."""
    assert made.version is not None
    match case:
        case "first moment":
            return made.version.valid_from
        case "last moment":
            return made.version.valid_until
        case "ended":
            actions.end(made.pk, by=f.principal("Ada"))
        case "stopped":
            actions.stop(made.pk, by=f.principal("Nora"))
        case "resumed":
            actions.stop(made.pk, by=f.principal("Nora"))
            actions.resume(made.pk, by=f.principal("Nora"))
    return start + datetime.timedelta(days=4)


@pytest.mark.parametrize("ticks", [True, False], ids=["clock job runs", "clock job is late"])
@pytest.mark.parametrize("shift", SHIFTS)
@pytest.mark.parametrize("case", DECISIONS)
def test_no_clock_makes_a_wrong_decision(
    case: str, shift: str, ticks: bool, now: datetime.datetime
) -> None:
    study = f.study(f.principal("Ben"))
    begins = 3 if case == "first moment" else 0
    made = grant(days=DAYS, begins=begins)
    if case == "first moment":
        with time_machine.travel(now + datetime.timedelta(days=begins, seconds=1), tick=False):
            tick()  # its state says "in force"; what counts are its times
    edge = edge_of(case, Grant.objects.get(pk=made.pk), now)
    pacs = machine(by="Matteo", name="PACS")
    actions_of_machine = uuid.UUID(pacs.client_id)
    if case != "ended":
        actions.name_machine(made.pk, actions_of_machine, by=f.principal("Matteo"))
    own = create_token(
        membership=f.member("Cleo"), lifetime=datetime.timedelta(days=30), by=f.principal("Cleo")
    )
    moment = edge + SHIFTS[shift]
    with time_machine.travel(moment, tick=False):
        if ticks:
            tick()
        pacs.sign_in(*EVERYTHING)
        wanted = DECISIONS[case][shift]
        ways = {
            "page": f.browser("Cleo"),
            "token": Client(headers={"Authorization": f"Bearer {own.text}"}),
            "machine": Client(headers={"Authorization": f"Bearer {pacs.token}"}),
        }
        found = {
            name: client.get(f"/dicom-web/studies/{study.uid}/series").status_code == 200
            for name, client in ways.items()
        }
    assert found == dict.fromkeys(ways, wanted)


def test_what_is_on_its_way_ends_with_the_last_moment(now: datetime.datetime) -> None:
    study = f.study(f.principal("Ben"))
    grant(days=DAYS)
    with time_machine.travel(now, tick=False) as clock:
        cleo = widened(f.principal("Cleo"))
        gate.study(cleo, Action.DOWNLOAD, id=study.pk)
        clock.move_to(now + datetime.timedelta(days=DAYS, seconds=-1))
        assert cleo.holds()
        clock.shift(1)
        assert not cleo.holds()


def test_what_ended_does_not_come_alive_by_a_clock_that_jumps_back(
    now: datetime.datetime,
) -> None:
    study = f.study(f.principal("Ben"))
    grant(days=DAYS)
    with time_machine.travel(now + datetime.timedelta(days=DAYS, hours=1), tick=False) as clock:
        assert tick() == (0, 1)
        clock.shift(datetime.timedelta(hours=-48))
        assert tick() == (0, 0)
        assert f.browser("Cleo").get(f"/studies/{study.pk}/").status_code == 404
