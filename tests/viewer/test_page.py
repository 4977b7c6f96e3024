"""The viewing page shows a picture, the note and the series before any script runs."""

import re

import pytest

from tests import factories as make
from tests.dicomweb import visiting

pytestmark = pytest.mark.django_db


def first_picture(html: str) -> str:
    found = re.search(r'<img class="vw-first" id="first-frame" src="([^"]+)"', html)
    assert found, html
    return found[1].replace("&amp;", "&")


def test_a_visitor_finds_the_first_picture_in_the_page() -> None:
    study = make.study(make.principal("Ben"))
    visitor = visiting.visitor(study)
    html = visitor.page(study).content.decode()
    picture = visitor.client.get(first_picture(html))
    assert picture.status_code == 200
    assert picture["Content-Type"] == "image/jpeg"


def test_a_visitor_reads_the_senders_note_and_who_wrote_it() -> None:
    study = make.study(make.principal("Ben"))
    html = visiting.visitor(study).page(study).content.decode()
    assert "Is this nodule new?" in html
    assert "Ada, General" in html
    assert "Probe, Petra1" in html


def test_the_page_says_that_a_link_is_for_viewing_only() -> None:
    study = make.study(make.principal("Ben"))
    viewing = visiting.visitor(study).page(study).content.decode()
    full = visiting.visitor(study, may_download=True).page(study).content.decode()
    assert 'data-rendered-only="true"' in viewing
    assert "View only" in viewing
    assert 'data-rendered-only="false"' in full
    assert "View only" not in full


def test_a_stack_of_slices_begins_in_its_middle_and_a_short_series_with_its_first() -> None:
    ben = make.principal("Ben")
    long, short = make.study(ben, number=1, images=12), make.study(ben, number=2, images=3)
    rosa = visiting.member()
    assert 'data-index="6"' in rosa.page(long).content.decode()
    assert 'data-index="1"' in rosa.page(short).content.decode()


def test_without_scripts_one_walks_from_image_to_image() -> None:
    study = make.study(make.principal("Ben"), images=3)
    rosa, series = visiting.member(), make.first_series(study)
    html = rosa.page(study, series=series.uid, image="2").content.decode()
    assert f"?series={series.uid}&amp;image=1" in html
    assert f"?series={series.uid}&amp;image=3" in html
    assert f"instances/{series.uid}.2/frames/1/rendered" in html
    last = rosa.page(study, series=series.uid, image="99").content.decode()
    assert "Next image" not in last


def test_the_page_is_kept_nowhere_and_says_nothing_inline() -> None:
    study = make.study(make.principal("Ben"))
    answer = visiting.visitor(study).page(study)
    assert answer["Cache-Control"] == "private, no-store"
    html = answer.content.decode()
    assert not re.search(r"<script(?![^>]*\ssrc=)|\sstyle=|\son\w+=", html)


def test_ben_at_general_reads_it_and_cleo_at_mercy_does_not() -> None:
    study = make.study(make.principal("Ben"))
    assert visiting.member("Ben").page(study).status_code == 200
    assert visiting.member("Cleo").page(study).status_code == 404
