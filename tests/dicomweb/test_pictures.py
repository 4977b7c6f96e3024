"""Pictures are drawn as they were asked for, and a bad file takes nothing down."""

import io

import numpy as np
import pytest
from PIL import Image

from sharing.dicom import guard
from sharing.dicom.places import Places
from sharing.storage.objects import store
from tests import factories as make
from tests.dicom.making import DEFLATED, ct, saved
from tests.dicomweb import visiting
from tests.dicomweb.visiting import OCTETS, path, stored

pytestmark = pytest.mark.django_db

STEPS = np.array([[0, 1024], [1064, 3000]], dtype="<u2").repeat(2, 0).repeat(2, 1)


def test_a_window_that_is_asked_for_is_the_one_drawn() -> None:
    instance = stored(saved(ct(PixelData=STEPS.tobytes())))  # HU -1024, 0, 40, 1976
    drawn = visiting.visitor(instance.series.study).pixels(instance, window="40,80,linear")
    assert drawn[0, 0] == 0
    assert drawn[3, 3] == 255
    assert abs(int(drawn[3, 0]) - 128) <= 2
    assert drawn[0, 3] < 4


def test_a_viewport_bounds_the_picture() -> None:
    instance = stored(make.image())
    answer = visiting.member().get(f"{path(instance)}/rendered", viewport="64,32")
    assert Image.open(io.BytesIO(answer.content)).size == (32, 32)


@pytest.mark.parametrize(
    "query",
    [
        {"window": "40"},
        {"window": "nan,nan"},
        {"window": "40,0"},
        {"window": "40,400,magic"},
        {"viewport": "0,0"},
        {"viewport": "1"},
        {"viewport": "99999,99999"},
        {"viewport": "nan,1"},
        {"viewport": "inf,1"},
        {"quality": "101"},
    ],
)
def test_a_view_that_makes_no_sense_is_a_bad_request(query: dict[str, str]) -> None:
    instance = stored(make.image())
    answer = visiting.member().get(f"{path(instance)}/rendered", **query)
    assert answer.status_code == 400
    assert answer.json()["detail"]


def test_a_thumbnail_is_drawn_once() -> None:
    study = make.study(make.principal("Ben"), images=3)
    rosa, address = visiting.member(), f"{path(make.first_series(study))}/thumbnail"
    first = rosa.get(address)
    middle = make.first_series(study).instances.order_by("number")[1]
    store().delete(middle.key)
    assert rosa.get(address).content == first.content


def test_thumbnails_of_any_other_size_do_not_fill_the_store() -> None:
    instance = stored(make.image())
    rosa, kept = visiting.member(), f"thumbnails/{instance.pk.hex}/1-{{}}.jpg"
    for size in ("33,44", "144,144"):
        assert rosa.get(f"{path(instance)}/thumbnail", viewport=size).status_code == 200
    assert not store().exists(kept.format("33x44"))
    assert store().exists(kept.format("144x144"))


def test_a_report_has_no_thumbnail() -> None:
    gone = dict.fromkeys(("PixelData", "Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit"))
    instance = stored(saved(ct(SOPClassUID="1.2.840.10008.5.1.4.1.1.88.11", Modality="SR", **gone)))
    assert visiting.member().get(f"{path(instance.series)}/thumbnail").status_code == 404
    answer = visiting.member().get(f"{path(instance)}/rendered")
    assert answer.status_code == 406
    assert answer.json()["detail"] == "This object is a written report, not an image."


def test_a_reader_who_holds_their_share_is_told_to_come_back_and_nobody_else_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(guard._holder, "places", Places(2))
    monkeypatch.setattr("sharing.dicom.places.PATIENCE", 0.05)
    instance = stored(make.image())
    rosa, visitor = visiting.member(), visiting.visitor(instance.series.study)
    with guard.place(make.principal("Rosa").asker):
        answer = rosa.get(f"{path(instance)}/rendered")
        assert (answer.status_code, answer["Retry-After"]) == (503, "2")
        assert answer.json()["type"] == "urn:handover:problem:busy"
        assert rosa.get(f"{path(instance)}/thumbnail").status_code == 503
        assert visitor.get(f"{path(instance)}/rendered").status_code == 200
    assert rosa.get(f"{path(instance)}/rendered").status_code == 200


def test_inflating_a_clip_takes_a_place_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard._holder, "places", Places(2))
    monkeypatch.setattr("sharing.dicom.places.PATIENCE", 0.05)
    clip = np.arange(48, dtype="<u2").reshape(3, 4, 4)
    instance = stored(saved(ct(PixelData=clip.tobytes(), NumberOfFrames=3), DEFLATED))
    rosa = visiting.member()
    with guard.place(make.principal("Rosa").asker):
        assert rosa.get(f"{path(instance)}/frames/2", OCTETS).status_code == 503
    assert rosa.get(f"{path(instance)}/frames/2", OCTETS).content == clip[1].tobytes()
