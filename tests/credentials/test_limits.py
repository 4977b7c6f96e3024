"""Machines and strangers ask to be let in as often as a minute allows."""

import datetime
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.test import override_settings

from sharing.credentials.models import Asked, MachineToken, UsedAssertion
from sharing.credentials.rules import limits as rules
from sharing.credentials.tasks import sweep
from sharing.credentials.work import limits
from tests.credentials import machine as m
from tests.credentials.making import machine

NOON = datetime.datetime(2030, 1, 1, 12, 0, 20, tzinfo=datetime.UTC)


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    small = {"token": rules.Limit(3, 5), "introspect": rules.Limit(3, 5)}
    monkeypatch.setattr(limits, "LIMITS", small)
    with time_machine.travel(NOON, tick=False):
        yield


def ask(address: str, **headers: str) -> Any:
    """A stranger's request for a token."""
    web = m.InProcess(REMOTE_ADDR=address)
    return web.request("POST", "/oauth/token", data={"grant_type": "x"}, headers=headers)


def statuses(times: int, address: str, **headers: str) -> list[int]:
    return [ask(address, **headers).status_code for _ in range(times)]


pytestmark = pytest.mark.django_db


def test_a_machine_waits_for_the_next_minute_and_its_assertion_is_still_good() -> None:
    pacs = machine()
    assert [pacs.ask().status_code for _ in range(3)] == [200] * 3
    assertion = pacs.assertion()
    answer = pacs.ask(assertion)
    assert (answer.status_code, answer["Retry-After"]) == (429, "40")
    assert answer.json()["error"] == "temporarily_unavailable"
    assert (MachineToken.objects.count(), UsedAssertion.objects.count()) == (3, 3)
    with time_machine.travel(NOON + datetime.timedelta(seconds=40), tick=False):
        assert pacs.ask(assertion).status_code == 200


def test_one_machine_takes_nothing_from_another_and_a_stranger_nothing_from_either() -> None:
    pacs, other = machine(), machine(by="Matteo")
    pacs.web = m.InProcess(REMOTE_ADDR="192.0.2.1")
    other.web = m.InProcess(REMOTE_ADDR="192.0.2.2")
    stranger = m.Machine(
        m.InProcess(REMOTE_ADDR="192.0.2.3"), pacs.home, pacs.client_id, m.elliptic()
    )
    assert [stranger.ask().status_code for _ in range(6)] == [400] * 5 + [429]
    assert [pacs.ask().status_code for _ in range(4)] == [200] * 3 + [429]
    assert other.ask().status_code == 200


def test_introspection_is_counted_for_itself() -> None:
    pacs = machine()
    pacs.sign_in("studies.search")
    pacs.ask(), pacs.ask()
    assert pacs.ask().status_code == 429
    said = {"data": {"token": "x"}, "headers": {"Authorization": f"Bearer {pacs.token}"}}
    for _ in range(3):
        assert pacs.web.request("POST", "/oauth/introspect", **said).status_code == 200
    answer = pacs.web.request("POST", "/oauth/introspect", **said)
    assert (answer.status_code, answer["Retry-After"]) == (429, "40")
    stranger = m.InProcess(REMOTE_ADDR="192.0.2.3")
    told = [stranger.request("POST", "/oauth/introspect", data={"token": "x"}) for _ in range(6)]
    assert [one.status_code for one in told] == [200] * 5 + [429]


@override_settings(TRUSTED_PROXIES=["203.0.113.0/24"])
def test_what_a_proxy_of_ours_says_of_an_address_counts() -> None:
    assert statuses(6, "203.0.113.9", **{"X-Forwarded-For": "192.0.2.1"}) == [400] * 5 + [429]
    assert statuses(1, "203.0.113.9", **{"X-Forwarded-For": "192.0.2.2"}) == [400]
    # What the visitor wrote before the proxy did is no new address.
    assert statuses(1, "203.0.113.9", **{"X-Forwarded-For": "192.0.2.7, 192.0.2.1"}) == [429]


@override_settings(TRUSTED_PROXIES=["203.0.113.0/24"])
def test_what_anybody_else_says_of_an_address_does_not() -> None:
    made_up = [ask("198.51.100.7", **{"X-Forwarded-For": f"192.0.2.{n}"}) for n in range(6)]
    assert [one.status_code for one in made_up] == [400] * 5 + [429]


def test_a_whole_line_of_ipv6_is_one_address() -> None:
    assert statuses(3, "2001:db8:1:2::1") + statuses(3, "2001:db8:1:2:ffff::1") == [400] * 5 + [429]
    assert statuses(1, "2001:db8:1:3::1") == [400]


def test_the_counts_are_swept_away() -> None:
    ask("192.0.2.1")
    sweep(None)
    assert Asked.objects.count() == 1
    with time_machine.travel(NOON + datetime.timedelta(minutes=20)):
        sweep(None)
    assert not Asked.objects.exists()
