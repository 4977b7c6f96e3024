"""A study's page."""

import datetime
import uuid

import pytest
import time_machine
from django.utils import timezone

from sharing.audit.models import AuditEvent
from sharing.links import actions as links
from sharing.studies.models import Study
from tests import factories as f

pytestmark = pytest.mark.django_db


def page(who: str, study: Study, **headers: str) -> str:
    return f.browser(who).get(f"/studies/{study.pk}/", headers=headers).content.decode()


def test_the_banner_says_who_what_and_when():
    f.upload(
        f.principal("Ben"),
        f.image(
            *(1, 1, 1),
            PatientName="Weiß^Änne^^Dr.",
            PatientBirthDate="19500315",
            PatientSex="F",
            StudyDate="20260314",
            StudyTime="101500",
            ReferringPhysicianName="Weber^Hans",
            InstitutionName="Praxis am See",
        ),
    )
    said = page("Rosa", Study.objects.get())
    for words in (
        *("Weiß, Dr. Änne", "15 Mar 1950", "75 y at the time", "female", "14 Mar 2026, 10:15"),
        *("A1", "P1", "Weber, Hans", "Praxis am See", "CT Thorax"),
    ):
        assert words in said, words


def test_a_conflict_is_said_in_words():
    ben = f.principal("Ben")
    f.upload(ben, f.image(1), f.image(1, ImageComments="other bytes"))
    said = page("Rosa", Study.objects.get())
    assert "Some images came in two versions" in said
    assert "1 file carries the number" in said
    assert "1 in conflict" in said


def test_each_person_sees_what_they_may_do():
    study = f.study(f.principal("Ben"), series=2)
    share, look = f"/share/?study={study.pk}", f"/studies/{study.pk}/viewer/"
    assert share in page("Ben", study)
    assert look in page("Ben", study)
    assert share not in page("Rosa", study)
    assert look in page("Rosa", study)
    assert look not in page("Dora", study)
    assert "/thumbnail" not in page("Dora", study)


def test_dora_and_ben_see_who_looked_and_rosa_does_not():
    study = f.study(f.principal("Ben"))
    links.create_link(items=[(study, None)], by=f.principal("Ben"), recipient_name="Dr. Who")
    page("Rosa", study)
    for who in ("Dora", "Ben"):
        said = page(who, study)
        assert "opened the page of this study" in said
        assert "Dr. Who" in said
    assert "Dr. Who" not in page("Rosa", study)
    assert "Nobody has looked" not in page("Rosa", study)


def test_the_receipt_of_what_brought_it_is_one_click_away():
    upload = f.upload(f.principal("Ben"), f.image())
    assert f"/uploads/{upload.pk}/" in page("Rosa", Study.objects.get())


def test_a_page_of_a_study_that_still_arrives_renews_its_series_without_a_row_each_time():
    study = f.study(f.principal("Ben"), series=1)
    f.arriving(f.principal("Ben"), f.image(number=9))
    rosa, address = f.browser("Rosa"), f"/studies/{study.pk}/"
    assert b'hx-trigger="every 2s"' in rosa.get(address).content
    rows = AuditEvent.objects.filter(action="study.opened")
    before = rows.count()
    for _ in range(5):
        part = rosa.get(address, headers={"HX-Request": "true"})
    assert b"<html" not in part.content
    assert rows.count() == before + 1
    with time_machine.travel(timezone.now() + datetime.timedelta(minutes=3)):
        assert "every 2s" not in page("Rosa", study)


def test_another_houses_study_is_as_much_there_as_one_that_is_not():
    study = f.study(f.principal("Ben"))
    matteo = f.browser("Matteo")
    theirs = matteo.get(f"/studies/{study.pk}/")
    none = matteo.get(f"/studies/{uuid.uuid4()}/")
    assert (theirs.status_code, none.status_code) == (404, 404)
    assert "Probe" not in theirs.content.decode()
