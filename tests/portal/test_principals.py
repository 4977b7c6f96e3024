"""From where a request came, and that no route comes without a rule."""

from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from django.urls import path

from portal import checks
from portal.principals import origin


@pytest.mark.parametrize(
    ("peer", "said", "found"),
    [
        ("198.51.100.7", "", "198.51.100.7"),
        # Nobody told us of this peer: what it says about others is its own invention.
        ("198.51.100.7", "203.0.113.9", "198.51.100.7"),
        ("10.0.0.2", "203.0.113.9", "203.0.113.9"),
        # The first address that no proxy of ours wrote; what stands before it, anybody may write.
        ("10.0.0.2", "192.0.2.66, 203.0.113.9, 10.0.0.3", "203.0.113.9"),
        ("10.0.0.2", "", "10.0.0.2"),
        ("10.0.0.2", "10.0.0.3", "10.0.0.2"),
        ("10.0.0.2", " , ", "10.0.0.2"),
        ("10.0.0.2", "2001:db8::7", "2001:db8::7"),
        ("", "203.0.113.9", ""),
    ],
)
def test_a_visitors_address_is_what_our_own_proxy_saw(
    settings: Any, peer: str, said: str, found: str
) -> None:
    settings.TRUSTED_PROXIES = ["10.0.0.0/24"]
    headers = {"X-Forwarded-For": said} if said else {}
    request = RequestFactory().get("/", headers=headers, REMOTE_ADDR=peer)
    assert origin(request).address == found


def test_an_address_of_nonsense_takes_no_more_room_than_an_address(settings: Any) -> None:
    settings.TRUSTED_PROXIES = ["10.0.0.0/24"]
    request = RequestFactory().get(
        "/", headers={"X-Forwarded-For": "x" * 9000}, REMOTE_ADDR="10.0.0.2"
    )
    assert len(origin(request).address) <= 45


@pytest.mark.parametrize(
    ("address", "channel"),
    [
        ("/studies/", "page"),
        ("/api/studies/", "api"),
        ("/dicom-web/studies", "dicomweb"),
        ("/c/7/dicom-web/studies", "dicomweb"),
    ],
)
def test_the_way_in_is_known_by_its_address(address: str, channel: str) -> None:
    assert origin(RequestFactory().get(address)).channel == channel


def _undeclared(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


def test_a_route_that_says_nothing_about_its_users_stops_the_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert checks.every_route_declares_its_rule(None) == []
    there = [*checks.routes(), ("for-everybody/", path("for-everybody/", _undeclared))]
    monkeypatch.setattr(checks, "routes", lambda: iter(there))
    (error,) = checks.every_route_declares_its_rule(None)
    assert error.id == "portal.E001"
    assert "/for-everybody/" in error.msg
    assert error.is_serious()
