"""From chosen studies to de-identified copies that stand in the worklist."""

import hashlib
from pathlib import Path
from typing import Any

import pydicom
import pytest

import sharing.research
from sharing.access import gate
from sharing.access.rules import Action
from sharing.audit.models import AuditEvent
from sharing.audit.rules import Act
from sharing.kernel.errors import ConflictError, InvalidInputError, NotAllowedError, NotThereError
from sharing.research.actions import holds, releases
from sharing.research.models import Item, Release
from sharing.research.queries.releases import open_holds, outputs, progress, releases_of
from sharing.research.rules.states import (
    ITEM_MOVES,
    MOVES,
    OVER,
    ItemState,
    Move,
    ReleaseState,
    diagram,
)
from sharing.research.work import certificate, filing
from sharing.storage.objects import store
from sharing.studies.models import Instance, Study
from tests import factories as f
from tests.research.making import approved, drafted, made, project, released, work

pytestmark = pytest.mark.django_db


def waiting_in_the_store(release: Release) -> list[str]:
    return [one.key for one in store().listed(f"research/{release.pk.hex}")]


def test_the_diagram_in_the_readme_is_the_table() -> None:
    readme = Path(sharing.research.__file__ or "").with_name("README.md").read_text()
    assert f"```mermaid\n{diagram()}\n```" in readme


def test_every_state_is_reached_and_every_open_one_can_be_dropped_but_while_it_is_filed() -> None:
    assert {ReleaseState.DRAFT, *MOVES.values()} == set(ReleaseState)
    for state in ReleaseState:
        can = (state, Move.DROP) in MOVES
        assert can == (state not in (*OVER, ReleaseState.RELEASING))
    assert not [state for state, _ in MOVES if state in OVER]
    assert set(ITEM_MOVES) == set(ItemState)


def test_a_release_becomes_studies_that_nobody_sees_before() -> None:
    study = f.study(f.principal("Ben"), images=3)
    release = made(study)
    assert release.state == ReleaseState.READY
    assert Study.objects.count() == 1
    assert len(waiting_in_the_store(release)) == 6  # each with its ledger

    releases.let_out(release.pk, by=f.principal("Ada"))
    assert Study.objects.count() == 1
    work()
    release.refresh_from_db()
    assert release.state == ReleaseState.RELEASED
    copy = outputs(release).get()
    assert copy.instance_count == 3
    assert copy.patient.patient_id.startswith("P-")
    assert copy.patient.display_name != study.patient.display_name
    assert {key.rpartition(".")[2] for key in waiting_in_the_store(release)} == {"ledger"}
    assert gate.study(f.principal("Rosa"), Action.VIEW, id=copy.pk) == copy
    assert releases_of(copy) == [release]
    assert releases_of(study) == []


def test_what_is_released_says_nothing_of_the_patient() -> None:
    release = released(f.study(f.principal("Ben")))
    for instance in Instance.objects.filter(series__study__in=outputs(release)):
        data = b"".join(store().stream(instance.key))
        assert b"Petra" not in data
        assert b"Probe" not in data
        header = pydicom.dcmread(pydicom.filebase.DicomBytesIO(data), stop_before_pixels=True)
        assert header.PatientIdentityRemoved == "YES"


def test_one_patient_has_one_pseudonym_in_a_project_and_another_elsewhere() -> None:
    ben = f.principal("Ben")
    same: dict[str, Any] = {"PatientName": "Probe^Petra", "PatientID": "P1"}
    f.upload(ben, f.image(1, **same), f.image(2, **same))
    one, two = Study.objects.order_by("uid")
    lungs = project()
    first, second = released(one, within=lungs), released(two, within=lungs, title="Second")
    elsewhere = released(one, within=project("Livers"), title="Third")
    names = [outputs(release).get().patient.patient_id for release in (first, second, elsewhere)]
    assert names[0] == names[1] != names[2]


def test_what_was_released_by_the_same_profile_is_not_made_again() -> None:
    ben, lungs = f.principal("Ben"), project()
    one, two = f.study(ben), f.study(ben, number=2)
    released(one, within=lungs)
    second = made(one, two, within=lungs, title="Second batch")
    assert progress(second).earlier == 2
    releases.let_out(second.pk, by=f.principal("Ada"))
    work()
    assert Study.objects.count() == 4
    assert outputs(second).count() == 2
    assert not Study.objects.filter(conflict_count__gt=0).exists()


def test_what_was_released_by_another_profile_is_refused_in_words() -> None:
    study, lungs = f.study(f.principal("Ben")), project()
    released(study, within=lungs)
    again = drafted(study, within=lungs, profile="research", title="Again")
    with pytest.raises(ConflictError, match="another profile"):
        releases.start(again.pk, by=f.principal("Ada"))


def test_a_copy_is_not_released_again() -> None:
    release = released(f.study(f.principal("Ben")))
    with pytest.raises(InvalidInputError):
        drafted(outputs(release).get(), within=release.project, title="Again")


def test_a_paused_release_goes_on_where_it_was() -> None:
    study = f.study(f.principal("Ben"), images=4)
    ada = f.principal("Ada")
    release = drafted(study)
    releases.start(release.pk, by=ada)
    releases.pause(release.pk, by=ada)
    work()
    assert progress(release).made == 0
    releases.resume(release.pk, by=ada)
    work()
    release.refresh_from_db()
    assert release.state == ReleaseState.READY
    assert progress(release).made == 4


def test_a_dropped_release_leaves_nothing_behind(
    django_capture_on_commit_callbacks: Any,
) -> None:
    release = made(f.study(f.principal("Ben")))
    with django_capture_on_commit_callbacks(execute=True):
        releases.drop(release.pk, by=f.principal("Ada"))
    assert waiting_in_the_store(release) == []
    assert Study.objects.count() == 1
    with pytest.raises(ConflictError):
        releases.let_out(release.pk, by=f.principal("Ada"))


def test_what_a_kill_left_in_the_store_is_cleared_up() -> None:
    release = released(f.study(f.principal("Ben")))
    there = waiting_in_the_store(release)
    for clear in (
        lambda: filing.file(release.pk, check=lambda: None),
        lambda: filing.tidy(lambda: None),
    ):
        store().put_bytes(f"research/{release.pk.hex}/left.dcm", b"half")
        clear()
        assert sorted(waiting_in_the_store(release)) == sorted(there)


def in_doubt() -> Release:
    """A release of two files; the header of the second says that something is burned in."""
    ben = f.principal("Ben")
    f.upload(ben, f.image(number=1), f.image(number=2, BurnedInAnnotation="YES"))
    return made(Study.objects.get())


def test_doubt_holds_until_a_person_decides() -> None:
    release = in_doubt()
    assert release.state == ReleaseState.HELD
    with pytest.raises(ConflictError):
        releases.let_out(release.pk, by=f.principal("Ada"))
    assert approved(release).state == ReleaseState.READY


def test_a_file_that_a_reviewer_leaves_out_is_not_released() -> None:
    release = in_doubt()
    hold = open_holds(release).first()
    assert hold is not None
    holds.leave_out(release.pk, hold.pk, by=f.principal("Ada"))
    releases.let_out(release.pk, by=f.principal("Ada"))
    work()
    assert outputs(release).get().instance_count == 1
    with pytest.raises(ConflictError):
        holds.approve(release.pk, hold.pk, by=f.principal("Ada"))


def test_the_certificate_says_what_went_out() -> None:
    release = released(f.study(f.principal("Ben"), images=2))
    body = bytes(release.certificate.body)
    facts = certificate.read(body)
    assert hashlib.sha256(body).hexdigest() == release.certificate.digest
    whole = hashlib.sha256()
    for instance in sorted(
        bytes(one.sha256) for one in Instance.objects.filter(series__study__in=outputs(release))
    ):
        whole.update(instance)
    assert facts["outputs_sha256"] == whole.hexdigest()
    assert facts["files"]["released"] == 2
    assert facts["profile"]["sha256"] == release.profile_digest
    assert facts["attributes_by_action"]


@pytest.mark.parametrize("name", ["Ben", "Rosa", "Dora"])
def test_only_who_may_release_begins_one(name: str) -> None:
    with pytest.raises(NotAllowedError):
        project(by=name)


def test_a_data_officer_releases() -> None:
    study = f.study(f.principal("Ben"))
    assert released(study, by="Dana").state == ReleaseState.RELEASED


def test_another_institutions_release_is_not_there() -> None:
    release = made(f.study(f.principal("Ben")))
    for act in (releases.let_out, releases.drop, releases.pause):
        with pytest.raises(NotThereError):
            act(release.pk, by=f.principal("Matteo"))


def test_everything_is_written_down() -> None:
    study = f.study(f.principal("Ben"))
    released(study)
    acts = set(AuditEvent.objects.values_list("action", flat=True))
    wanted = {Act.PROJECT_MADE, Act.RELEASE_DRAFTED, Act.RELEASE_STARTED, Act.RELEASE_ORDERED}
    assert acts >= {*wanted, Act.RELEASE_FILED, Act.STUDY_DEIDENTIFIED, Act.INSTANCES_STORED}
    row = AuditEvent.objects.get(action=Act.STUDY_DEIDENTIFIED)
    assert row.study_id == study.pk


def test_two_runs_of_one_file_count_once() -> None:
    release = drafted(f.study(f.principal("Ben"), images=1))
    releases.start(release.pk, by=f.principal("Ada"))
    from sharing.research.work import making

    item = Item.objects.select_related("source").get()
    bench = making._bench(item.study, lambda: None)
    making.make([item], bench, lambda: None)
    first = Item.objects.get()
    making.make([item], bench, lambda: None)  # the same, by a worker whose lease ran out
    again = Item.objects.get()
    assert (again.output_key, again.sha256) == (first.output_key, first.sha256)
    assert sorted(waiting_in_the_store(release)) == sorted([first.output_key, first.ledger_key])
