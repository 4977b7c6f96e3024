"""The worklist: what each person finds in it."""

import pytest

from tests import factories as f

pytestmark = pytest.mark.django_db


def test_ben_finds_a_study_by_half_a_name_without_accents():
    f.upload(f.principal("Ben"), f.image(PatientName="Müller^Ändrea", PatientID="M-77"))
    page = f.browser("Ben").get("/", {"q": "mulle andr"})
    assert "Müller, Ändrea" in page.content.decode()
