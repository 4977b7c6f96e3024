"""What a program gets: studies, one study, the activity, and the description of it all."""

import datetime
from typing import Any

import pytest
from django.test import Client

from sharing.credentials.actions import create_token
from sharing.studies.models import Study
from tests import factories as f

pytestmark = pytest.mark.django_db


def program(who: str = "Ben") -> Client:
    made = create_token(
        membership=f.member(who), lifetime=datetime.timedelta(hours=1), by=f.principal(who)
    )
    return Client(headers={"Authorization": f"Bearer {made.text}"})


def _asked(query: dict[str, Any], cursor: str | None) -> dict[str, Any]:
    return query | {"cursor": cursor} if cursor else query


def test_a_program_walks_through_all_studies_and_back():
    for number in range(1, 6):
        f.study(f.principal("Ben"), number=number, images=1)
    api, seen, cursor = program(), [], None
    while True:
        asked = _asked({"page_size": 2, "sort": "patient"}, cursor)
        page = api.get("/api/studies/", asked).json()
        seen += [study["patient"]["patient_id"] for study in page["results"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == ["P1", "P2", "P3", "P4", "P5"]
    back = api.get(
        "/api/studies/", {"page_size": 2, "sort": "patient", "cursor": page["previous"]}
    ).json()
    assert [study["patient"]["patient_id"] for study in back["results"]] == ["P3", "P4"]


def test_filters_are_those_of_the_page():
    f.study(f.principal("Ben"), number=1)
    f.study(f.principal("Ben"), number=2)
    api = program()

    def found(**asked: str) -> list[str]:
        page = api.get("/api/studies/", asked).json()
        return sorted(study["uid"][-1] for study in page["results"])

    assert found(search="petra2") == ["2"]
    assert found(patient_id="P1") == ["1"]
    assert found(status="arriving") == []
    f.arriving(f.principal("Ben"), f.image(2, number=9))
    assert found(status="arriving") == ["2"]
    assert found(status="conflict") == found(status="shared") == []


def test_one_study_comes_with_its_series():
    study = f.study(f.principal("Ben"), series=2)
    got = program().get(f"/api/studies/{study.pk}/").json()
    assert got["uid"] == study.uid
    assert got["modalities"] == ["CT"]
    assert [series["number"] for series in got["series"]] == [1, 2]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"cursor": "garbage!"}, "cursor"),
        ({"cursor": "YWZ0ZXI6eA"}, "cursor"),
        ({"page_size": "0"}, "page_size"),
        ({"since": "yesterday"}, "since"),
        ({"sort": "name"}, "sort"),
    ],
)
def test_what_cannot_be_read_is_named(query: dict[str, str], field: str):
    answer = program().get("/api/studies/", query)
    assert answer.status_code == 422
    assert answer["Content-Type"] == "application/problem+json"
    assert list(answer.json()["fields"]) == [field]


def test_activity_needs_the_right_to_review():
    study = f.study(f.principal("Ben"))
    assert program("Ben").get("/api/activity/").status_code == 403
    program("Rosa").get(f"/api/studies/{study.pk}/")
    rows = program("Dora").get("/api/activity/", {"study": str(study.pk)}).json()["results"]
    assert "study.opened" in [row["action"] for row in rows]
    assert {row["study_id"] for row in rows} == {str(study.pk)}
    assert "Petra" not in str(rows)


def test_activity_pages_end():
    f.study(f.principal("Ben"))
    dora, seen, cursor = program("Dora"), [], None
    while True:
        page = dora.get(
            "/api/activity/",
            _asked({"page_size": 2, "action": "upload.stored"}, cursor),
        ).json()
        seen += [row["uid"] for row in page["results"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) > 0


def test_without_a_token_the_answer_says_how_to_get_in():
    answer = Client().get("/api/studies/")
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert answer["Content-Type"] == "application/problem+json"


def test_a_session_writes_only_with_its_own_token_against_forgery():
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(
        f.member("Ben").user, backend="allauth.account.auth_backends.AuthenticationBackend"
    )
    assert browser.get("/api/studies/").status_code == 200
    refused = browser.post("/api/uploads/", {}, content_type="application/json")
    assert refused.status_code == 403


def test_the_description_is_openapi_31_and_every_operation_is_on_the_page():
    schema = Client().get("/api/schema/", {"format": "json"}).json()
    assert schema["openapi"].startswith("3.1")
    page = Client().get("/api/docs/").content.decode()
    operations = [
        operation["operationId"]
        for item in schema["paths"].values()
        for name, operation in item.items()
        if name in ("get", "post", "patch", "delete", "put", "head")
    ]
    assert len(operations) > 10
    for operation in operations:
        assert f'id="{operation}"' in page


def test_studies_of_others_are_not_listed():
    f.study(f.principal("Ben"))
    assert program("Matteo").get("/api/studies/").json()["results"] == []
    hidden = Study.objects.get()
    assert program("Matteo").get(f"/api/studies/{hidden.pk}/").status_code == 404
