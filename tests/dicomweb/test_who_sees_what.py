"""A visitor sees what the link gives, in the way that it gives it, and nothing else."""

import pytest
from pydicom.dataset import Dataset

from sharing.audit.models import AuditEvent
from sharing.audit.rules import Act, Outcome
from sharing.links import actions as links
from tests import factories as make
from tests.dicom.making import ct, saved
from tests.dicomweb import visiting
from tests.dicomweb.visiting import OCTETS, body, path

pytestmark = pytest.mark.django_db


def everything_raw(instance: object) -> list[tuple[str, str]]:
    return [
        (f"{path(instance)}", "application/dicom"),  # type: ignore[arg-type]
        (f"{path(instance)}/frames/1", OCTETS),  # type: ignore[arg-type]
        (f"{path(instance)}/frames/1", "*/*"),  # type: ignore[arg-type]
        (f"{path(instance)}/rendered", "application/pdf"),  # type: ignore[arg-type]
    ]


def test_a_view_only_visitor_never_gets_stored_pixels_or_files() -> None:
    study = make.study(make.principal("Ben"))
    visitor = visiting.visitor(study)
    for address, accept in everything_raw(make.first_instance(study)):
        answer = visitor.get(address, accept)
        assert answer.status_code == 404, address
        assert b"PROBE" not in answer.content.upper()


def test_a_view_only_visitor_sees_pictures_and_headers() -> None:
    study = make.study(make.principal("Ben"))
    visitor, instance = visiting.visitor(study), make.first_instance(study)
    assert visitor.pixels(instance).shape == (4, 4)
    assert visitor.get(f"{path(instance)}/thumbnail")["Content-Type"] == "image/jpeg"
    assert visitor.get(f"{path(make.first_series(study))}/metadata").status_code == 200


def test_a_visitor_who_may_download_gets_the_file_and_its_frames() -> None:
    study = make.study(make.principal("Ben"))
    visitor = visiting.visitor(study, may_download=True)
    instance = make.first_instance(study)
    assert body(visitor.get(path(instance), "application/dicom"))[128:132] == b"DICM"
    assert visitor.get(f"{path(instance)}/frames/1", OCTETS).content == bytes(range(32))


def test_a_visitor_cannot_reach_the_other_study_of_the_same_patient() -> None:
    ben = make.principal("Ben")
    shared = make.study(ben, number=1)
    make.upload(ben, make.image(2, PatientName="Probe^Petra1", PatientID="P1"))
    other = shared.patient.studies.exclude(pk=shared.pk).get()
    visitor = visiting.visitor(shared)
    hidden = make.first_instance(other)
    for address in (path(other) + "/series", path(other) + "/metadata", path(hidden) + "/rendered"):
        assert visitor.get(address).status_code == 404, address
    assert visitor.page(other).status_code == 404
    assert [one["0020000D"]["Value"] for one in visitor.get("studies").json()] == [[shared.uid]]


def test_a_visitor_with_one_series_does_not_learn_of_the_others() -> None:
    study = make.study(make.principal("Ben"), series=3)
    given, hidden, _ = study.series.order_by("number")
    visitor = visiting.visitor(study, given)
    listed = visitor.get(f"{path(study)}/series").json()
    assert [one["0020000E"]["Value"] for one in listed] == [[given.uid]]
    assert len(visitor.get(f"{path(study)}/instances").json()) == 2
    whole = visiting.headers(visitor, study)
    assert {one["0020000E"]["Value"][0] for one in whole} == {given.uid}
    assert visitor.get(f"{path(hidden)}/metadata").status_code == 404
    assert hidden.uid not in visitor.page(study).content.decode()


def test_what_is_counted_and_searched_of_a_study_is_what_was_given_of_it() -> None:
    ben = make.principal("Ben")
    make.upload(ben, make.image(series=1), make.image(series=2, Modality="SR"))
    study = make.upload(ben, make.image(series=1, number=2)).institution.studies.get()
    visitor = visiting.visitor(study, make.first_series(study))
    (shown,) = visitor.get("studies").json()
    told = [shown[tag]["Value"] for tag in ("00080061", "00201206", "00201208")]
    assert told == [["CT"], [1], [2]]
    assert visitor.get("studies", ModalitiesInStudy="SR").json() == []
    assert len(visitor.get("studies", ModalitiesInStudy="CT").json()) == 1
    landing = visitor.client.get(f"{visitor.prefix}/").content
    assert b"CT images" in landing
    assert b"reports" not in landing


def test_the_headers_of_a_view_only_visitor_hold_no_binary_and_nothing_private() -> None:
    icon = Dataset()
    icon.Rows = icon.Columns = 2
    icon.BitsAllocated, icon.PixelData = 8, b"ICON"
    image = ct(IconImageSequence=[icon], StudyInstanceUID="1.2.9")
    image.add_new(0x60003000, "OW", b"OVER")
    image.private_block(0x0009, "SCANNER", create=True).add_new(1, "LO", "Nurse^Nora")
    instance = visiting.stored(saved(image))
    study, tags = (
        instance.series.study,
        {"00880200", "60003000", "00090010", "00091001"},
    )
    (taken,) = visiting.headers(visiting.visitor(study, may_download=True), instance)
    assert tags <= set(taken)
    (looked,) = visiting.headers(visiting.visitor(study), instance)
    assert set(taken) - set(looked) == tags
    assert looked["00100010"] == taken["00100010"]


def test_general_and_mercy_do_not_see_each_other() -> None:
    study = make.study(make.principal("Ben"))
    for name in ("Cleo", "Matteo"):
        assert visiting.member(name).get(f"{path(study)}/series").status_code == 404
        assert visiting.member(name).get("studies").json() == []


def test_dora_may_review_but_not_look() -> None:
    study = make.study(make.principal("Ben"))
    dora = visiting.member("Dora")
    assert dora.get(f"{path(make.first_instance(study))}/rendered").status_code == 403
    assert dora.page(study).status_code == 403


def test_nobody_is_asked_to_sign_in() -> None:
    study = make.study(make.principal("Ben"))
    answer = visiting.Reader(make.browser()).get(f"{path(study)}/series")
    assert answer.status_code == 401
    assert answer["Content-Type"] == "application/problem+json"


def test_a_revoked_visitor_gets_nothing_more() -> None:
    study = make.study(make.principal("Ben"))
    visitor, instance = visiting.visitor(study), make.first_instance(study)
    assert visitor.get(f"{path(instance)}/rendered").status_code == 200
    assert visitor.link is not None
    links.revoke_link(visitor.link.pk, by=make.principal("Ada"))
    for address in ("studies", f"{path(instance)}/rendered", f"{path(study)}/metadata"):
        assert visitor.get(address).status_code == 404
    assert visitor.page(study).status_code == 404


def test_a_download_breaks_off_when_the_link_is_revoked(monkeypatch: pytest.MonkeyPatch) -> None:
    study = make.study(make.principal("Ben"))
    visitor = visiting.visitor(study, may_download=True)
    clock = iter(range(1000))
    monkeypatch.setattr("sharing.access.gate.time.monotonic", lambda: next(clock))
    answer = visitor.get(path(make.first_instance(study)), "application/dicom")
    pieces = iter(answer.streaming_content)
    assert len(next(pieces)) == 128
    assert visitor.link is not None
    links.revoke_link(visitor.link.pk, by=make.principal("Ada"))
    with pytest.raises(ConnectionAbortedError):
        next(pieces)


def test_what_a_visitor_saw_stays_in_no_cache_and_a_members_for_minutes() -> None:
    study = make.study(make.principal("Ben"))
    address = f"{path(make.first_instance(study))}/rendered"
    assert visiting.visitor(study).get(address)["Cache-Control"] == "private, no-store"
    assert visiting.member().get(address)["Cache-Control"] == "private, max-age=300"


def test_looking_leaves_one_row_and_a_refusal_leaves_its_own() -> None:
    study = make.study(make.principal("Ben"))
    visitor, instance = visiting.visitor(study), make.first_instance(study)
    for _ in range(3):
        visitor.get(f"{path(instance)}/rendered")
    visitor.get(f"{path(instance)}/frames/1", OCTETS)
    seen = AuditEvent.objects.filter(action=Act.IMAGES_VIEWED, actor_kind="link")
    assert seen.count() == 1
    assert seen.get().study_id == study.pk
    refused = AuditEvent.objects.filter(action=Act.ACCESS_REFUSED, actor_kind="link")
    assert refused.get().outcome == Outcome.REFUSED
