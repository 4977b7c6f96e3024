"""What no database can hold is refused in words, wherever somebody sends it."""

import collections
import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http.multipartparser import MultiPartParser
from django.test import Client
from drf_spectacular.generators import SchemaGenerator

from sharing.ingest import actions as ingest
from sharing.links import actions as links
from tests import factories as f

pytestmark = pytest.mark.django_db

NO_TEXT = {"half": "ab\ud800cd", "other-half": "\udfff", "nul": "ab\0cd"}


def schema() -> dict[str, Any]:
    found: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    return found


def written(what: dict[str, Any], parts: dict[str, Any], text: str) -> Iterator[Any]:
    """Bodies like `what` that hold `text` in one place each, deep ones too."""
    if "$ref" in what:
        what = parts[what["$ref"].rpartition("/")[2]]
    if "allOf" in what:
        what = {**what, **what["allOf"][0]}
        yield from written({key: what[key] for key in what if key != "allOf"}, parts, text)
    elif "properties" in what:
        for name, inner in what["properties"].items():
            yield from ({name: one} for one in written(inner, parts, text))
        yield {text: "a name that nobody knows"}
    elif "items" in what:
        yield from ([one] for one in written(what["items"], parts, text))
    else:
        yield text


def posts() -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    found = schema()
    for route, operations in found["paths"].items():
        for method in ("post", "put", "patch"):
            kinds = operations.get(method, {}).get("requestBody", {}).get("content", {})
            if "application/json" in kinds:
                yield route, kinds["application/json"]["schema"], found["components"]["schemas"]


@pytest.mark.parametrize("text", NO_TEXT.values(), ids=NO_TEXT)
def test_a_program_that_sends_no_text_is_told_so_by_every_route(text: str) -> None:
    ada, seen, by = f.browser("Ada"), 0, f.principal("Ada")
    link = links.create_link(items=[(f.study(by), None)], by=by).link
    there = {"upload_id": ingest.start_upload(by=by).pk, "link_id": link.pk}
    for route, body, parts in posts():
        address = route.format_map(collections.defaultdict(uuid.uuid4, there))
        for sent in written(body, parts, text):
            answer = ada.post(address, json.dumps(sent), content_type="application/json")
            assert answer.status_code == 400, (route, sent, answer.content)
            assert answer["Content-Type"] == "application/problem+json"
            assert "no text" in answer.json()["detail"]
            seen += 1
    assert seen > 20


@pytest.mark.parametrize("text", NO_TEXT.values(), ids=NO_TEXT)
def test_a_link_that_is_no_text_opens_nothing(text: str) -> None:
    for field in ("link", "passcode", "code"):
        sent = json.dumps({"link": "x", field: text})
        answer = f.browser().post(
            "/s", sent, content_type="application/json", headers={"Accept": "application/json"}
        )
        assert answer.status_code in (400, 422)
        assert answer.json()["detail"]


@pytest.mark.parametrize(
    "address",
    [
        "/?q=%00",
        "/?%00=1",
        "/?patient_id=a%00b",
        "/activity/?person=%00",
        "/links/?state=%00",
        "/upload/?resume=%00",
        "/api/studies/?q=%00",
        "/api/studies/?cursor=%00",
        "/api/links/?study=%00",
        "/dicom-web/studies?PatientID=%00",
        "/dicom-web/studies/1.2%00/series",
        "/static/%00",
    ],
)
def test_an_address_that_is_no_text_is_a_bad_request(address: str) -> None:
    answer = f.browser("Ada").get(address)
    assert answer.status_code == 400
    assert b"no text" in answer.content


def test_halves_of_characters_in_an_address_harm_nobody() -> None:
    for address in ("/?q=%ED%A0%80", "/dicom-web/studies?PatientID=%ED%A0%80", "/%ED%A0%80"):
        assert f.browser("Ada").get(address).status_code in (200, 404)


@pytest.mark.parametrize(
    ("address", "field"),
    [
        ("/account/", "name"),
        ("/account/tokens/", "name"),
        ("/people/", "email"),
        ("/share/", "note"),
        ("/switch/", "membership"),
        ("/accounts/login/", "login"),
    ],
)
def test_a_form_that_holds_a_nul_is_a_bad_request(address: str, field: str) -> None:
    ada = f.browser("Ada")
    answers = [
        ada.post(address, {field: "a\0b"}),
        ada.post(address, f"{field}=a%00b", content_type="application/x-www-form-urlencoded"),
    ]
    for answer in answers:
        assert answer.status_code == 400
        assert b"no text" in answer.content


def test_a_cookie_that_holds_a_nul_is_a_bad_request() -> None:
    for cookie in ("session", "claim", "csrf"):
        answer = f.browser().get("/", headers={"Cookie": f'{cookie}="abcdefgh\\000"'})
        assert answer.status_code == 400


def test_json_that_is_nested_without_end_is_a_bad_request() -> None:
    deep = "[" * 100_000
    answer = f.browser("Ada").post("/api/links/", deep, content_type="application/json")
    assert answer.status_code == 400
    assert answer.json()["detail"] == "The JSON is nested too deep."


@pytest.mark.parametrize("place", ["/api/uploads/{}/batch/", "/api/uploads/{}/files/", "/s"])
def test_nobody_fills_the_disk_with_a_form_before_we_know_who_they_are(
    settings: Any, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10_000
    monkeypatch.setattr(MultiPartParser, "parse", lambda _: pytest.fail("the form was read"))
    large = SimpleUploadedFile("large.bin", bytes(20_000))
    answer = Client().post(place.format(uuid.uuid4()), {"file": large})
    assert answer.status_code == 413
