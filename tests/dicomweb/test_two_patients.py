"""One study number on two patients: nobody is shown the one's images for the other's."""

import json

import pytest
from django.urls import reverse

from sharing.studies.models import Study
from tests import factories as f

pytestmark = pytest.mark.django_db
STUDY = "1.2.826.0.1.1"


def _two() -> list[Study]:
    """Petra and Olga, each with one image, under one Study and one Series Instance UID."""
    f.upload(f.principal("Ben"), f.image(), f.image(number=2, PatientName="Other^Olga"))
    return list(Study.objects.order_by("patient__name"))


def test_by_its_number_alone_neither_is_shown():
    _two()
    rosa = f.browser("Rosa")
    for address in ("series", "metadata", f"series/{STUDY}.1/metadata"):
        answer = rosa.get(f"/dicom-web/studies/{STUDY}/{address}")
        assert answer.status_code == 409
        assert "More than one study" in answer.json()["detail"]


def test_in_its_own_place_each_shows_its_own_images():
    for study, number in zip(_two(), (2, 1), strict=True):
        root = f"/studies/{study.pk}/dicom-web/studies/{STUDY}/series/{STUDY}.1"
        rosa = f.browser("Rosa")
        (header,) = json.loads(b"".join(rosa.get(f"{root}/metadata")))
        assert header["00100010"]["Value"][0]["Alphabetic"] == study.patient.name
        there, other = f"{STUDY}.1.{number}", f"{STUDY}.1.{3 - number}"
        assert rosa.get(f"{root}/instances/{there}/frames/1/rendered").status_code == 200
        assert rosa.get(f"{root}/instances/{other}/frames/1/rendered").status_code == 404


def test_the_viewer_asks_in_the_studys_own_place():
    for study in _two():
        page = f.browser("Rosa").get(reverse("viewer", args=[study.pk])).content.decode()
        assert f'data-root="/studies/{study.pk}/dicom-web"' in page
        assert '"/dicom-web' not in page


def test_another_institutions_study_narrows_to_nothing():
    (study, _) = _two()
    cleo = f.browser("Cleo")
    answer = cleo.get(f"/studies/{study.pk}/dicom-web/studies/{STUDY}/series")
    assert answer.status_code == 404
