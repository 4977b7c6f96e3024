"""Searches find what is within reach by the words that DICOM gives them."""

import pytest

from tests import factories as make
from tests.dicomweb import visiting
from tests.dicomweb.visiting import path

pytestmark = pytest.mark.django_db


def found(**query: str) -> list[str]:
    answer = visiting.member().get("studies", **query)
    assert answer.status_code == 200, answer.content
    assert answer["Content-Type"] == "application/dicom+json"
    return sorted(one["0020000D"]["Value"][0] for one in answer.json())


@pytest.mark.parametrize(
    "query",
    [
        {"PatientName": "probe^petra2"},
        {"PatientName": "Petra2*"},
        {"00100020": "P2"},
        {"PatientID": "P2"},
        {"AccessionNumber": "A2"},
        {"StudyInstanceUID": "1.2.826.0.1.2"},
        {"StudyDate": "20240301-20240331"},
        {"StudyDate": "20240305"},
        {"StudyDate": "20240301-"},
        {"ModalitiesInStudy": "CT", "PatientID": "P2"},
    ],
)
def test_a_study_is_found_by(query: dict[str, str]) -> None:
    make.study(make.principal("Ben"), number=1)
    make.upload(make.principal("Ben"), make.image(2, StudyDate="20240305"))
    assert found(**query) == ["1.2.826.0.1.2"]


def test_pages_of_a_long_list_do_not_overlap() -> None:
    ben = make.principal("Ben")
    make.upload(ben, *[make.image(number) for number in range(1, 6)])
    pages = [found(limit="2", offset=str(offset)) for offset in (0, 2, 4)]
    assert [len(page) for page in pages] == [2, 2, 1]
    assert len({uid for page in pages for uid in page}) == 5


@pytest.mark.parametrize(
    "query",
    [
        {"StudyDate": "yesterday"},
        {"StudyInstanceUID": "../etc"},
        {"limit": "many"},
        {"PatientID": "P1\0"},
    ],
)
def test_a_question_that_cannot_be_read_is_told_so(query: dict[str, str]) -> None:
    assert visiting.member().get("studies", **query).status_code == 400


def test_series_and_instances_are_found_inside_a_study() -> None:
    study = make.study(make.principal("Ben"), series=2, images=3)
    rosa = visiting.member()
    second = rosa.get(f"{path(study)}/series", SeriesNumber="2").json()
    assert [one["00200011"]["Value"] for one in second] == [[2]]
    inside = rosa.get(f"{path(make.first_series(study))}/instances", InstanceNumber="3").json()
    assert [one["00080018"]["Value"] for one in inside] == [["1.2.826.0.1.1.1.3"]]


def test_what_is_only_to_be_had_as_json_is_not_given_as_xml() -> None:
    answer = visiting.member().get("studies", "application/dicom+xml")
    assert answer.status_code == 406
