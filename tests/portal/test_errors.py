"""One handler answers every error: a page for a person, problem+json for a program."""

import json
from typing import Any

import pytest
from django.http import HttpRequest
from django.test import Client, RequestFactory
from rest_framework import exceptions as drf

from portal import errors
from sharing.kernel.errors import (
    ConflictError,
    InvalidInputError,
    NotThereError,
    SharingError,
    SignInNeededError,
)
from tests import factories as f

pytestmark = pytest.mark.django_db
PROBLEM = "application/problem+json"


def asked(path: str = "/", accept: str = "text/html") -> HttpRequest:
    return RequestFactory().get(path, headers={"Accept": accept})


@pytest.mark.parametrize(
    ("path", "accept", "kind"),
    [
        ("/studies/1/", "text/html,application/xhtml+xml", "text/html"),
        ("/studies/1/", "*/*", "text/html"),
        ("/studies/1/", "application/json", PROBLEM),
        ("/api/studies/", "text/html", PROBLEM),
        ("/dicom-web/studies", "multipart/related", PROBLEM),
        ("/c/7/dicom-web/studies", "*/*", PROBLEM),
    ],
)
def test_each_gets_the_form_that_they_read(path: str, accept: str, kind: str) -> None:
    answer = errors.answer(asked(path, accept), NotThereError())
    assert answer.status_code == 404
    assert answer["Content-Type"].partition(";")[0] == kind
    assert answer["Cache-Control"] == "no-store"


def test_a_person_who_has_not_signed_in_is_led_there_and_back() -> None:
    answer = errors.answer(asked("/links/?state=open"), SignInNeededError())
    assert answer.status_code == 302
    assert answer["Location"] == "/accounts/login/?next=/links/%3Fstate%3Dopen"


def test_a_program_that_has_not_signed_in_is_told_how() -> None:
    answer = Client().get("/api/studies/")
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == 'Bearer realm="Handover"'
    told = answer.json()
    assert (told["type"], told["status"]) == ("urn:handover:problem:sign-in-needed", 401)
    assert told["detail"].endswith(".")


def test_what_is_wrong_with_a_field_is_said_by_its_name() -> None:
    body = json.dumps({"items": [{"study": "none"}], "days": 7})
    answer = f.browser("Ada").post("/api/links/", body, content_type="application/json")
    assert answer.status_code == 422
    assert answer.json()["fields"] == {"items[0].study": ["Must be a valid UUID."]}


@pytest.mark.parametrize(
    ("detail", "fields"),
    [
        ({"note": ["Too long."]}, {"note": ["Too long."]}),
        (["Not like this."], {"request": ["Not like this."]}),
        ({"a": {"b": ["No."]}}, {"a.b": ["No."]}),
        ({"a": [{}, {"b": ["No."]}]}, {"a[1].b": ["No."]}),
        ({"a": {1: {"b": ["No."]}}}, {"a[1].b": ["No."]}),
    ],
)
def test_however_deep_a_mistake_lies_its_place_is_named(detail: Any, fields: Any) -> None:
    made: Any = errors.api_problem(drf.ValidationError(detail), {})
    assert json.loads(made.content)["fields"] == fields


@pytest.mark.parametrize(
    ("error", "status", "title"),
    [
        (drf.ParseError(), 400, "That request could not be read"),
        (drf.MethodNotAllowed("PUT"), 405, "This address does not do that"),
        (drf.UnsupportedMediaType("text/plain"), 415, "That kind of content is not read here"),
        (drf.Throttled(), 429, "Too many requests"),
        (drf.PermissionDenied(), 403, "Not allowed"),
        (drf.NotAuthenticated(), 401, "Please sign in"),
    ],
)
def test_what_the_framework_refuses_is_said_in_our_words(
    error: drf.APIException, status: int, title: str
) -> None:
    made: Any = errors.api_problem(error, {})
    told = json.loads(made.content)
    assert made.status_code == told["status"] == status
    assert told["title"] == title


def test_what_is_nobodys_fault_but_ours_is_left_to_be_noted() -> None:
    assert errors.api_problem(ZeroDivisionError(), {}) is None


@pytest.mark.parametrize(("path", "kind"), [("/", "text/html"), ("/api/studies/", PROBLEM)])
def test_a_failure_of_ours_tells_nothing_of_its_cause(
    path: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even while the very thing is broken that every page asks for."""
    ada = f.browser("Ada", raise_request_exception=False)

    def breaks(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("Probe^Petra")

    monkeypatch.setattr("portal.principals.current_membership", breaks)
    answer = ada.get(path, headers={"Accept": "text/html" if path == "/" else "application/json"})
    said = answer.content.decode()
    assert answer.status_code == 500
    assert answer["Content-Type"].startswith(kind)
    assert "broke" in said
    assert "Petra" not in said


@pytest.mark.parametrize("error", [ConflictError("It is there already."), SharingError("Not so.")])
def test_what_is_not_our_failure_is_not_called_so(error: SharingError) -> None:
    answer: Any = errors.answer(asked(), error)
    said = answer.content.decode()
    assert answer.status_code == error.status < 500
    assert error.detail in said
    assert "our fault" not in said


def test_a_page_that_is_out_of_date_says_so() -> None:
    browser = f.browser("Ada", enforce_csrf_checks=True)
    answer = browser.post("/links/")
    assert answer.status_code == 403
    assert "out of date" in answer.content.decode()


def test_wrong_fields_of_a_form_are_part_of_the_problem() -> None:
    made = errors.problem(InvalidInputError(fields={"name": ["Say how you are called."]}))
    assert json.loads(made.content)["fields"] == {"name": ["Say how you are called."]}
