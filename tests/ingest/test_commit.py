"""What arrives is filed under the right patient, counted once, and never overwritten."""

import re
import threading
import time
import uuid
from typing import Any

import pytest
from django.db import DataError, IntegrityError, connection

from sharing.access.principal import Principal
from sharing.audit.models import AuditEvent
from sharing.audit.rules import Act
from sharing.ingest import actions, queries
from sharing.ingest.rules import FileState
from sharing.ingest.work import commit, spool, unpack
from sharing.ingest.work.rows import known_sql
from sharing.kernel.errors import ConflictError
from sharing.storage.objects import store
from sharing.studies.models import Instance, Patient, Series, Study
from sharing.studies.queries import arriving, is_arriving
from tests import factories as make
from tests.roles import owner

pytestmark = pytest.mark.django_db


def test_ben_uploads_a_study_and_its_bytes_are_kept_as_they_were() -> None:
    ben, data = make.principal("Ben"), make.image()
    make.upload(ben, data)
    kept = Instance.objects.get()
    assert store().read(kept.key, 0, kept.size) == data
    assert (bytes(kept.sha256), kept.crc32) == make.digests(data)
    assert Study.objects.get().patient.display_name == "Probe, Petra1"


def test_a_study_knows_its_counts_while_more_arrives() -> None:
    ben = make.principal("Ben")
    upload = actions.start_upload(by=ben)
    for number in (1, 2):
        make.receive(upload, make.image(series=number), by=ben)
        study = Study.objects.get()
        assert (study.series_count, study.instance_count) == (number, number)
    assert study.size == sum(one.size for one in Instance.objects.all())


def test_the_same_file_twice_is_stored_once_and_said_to_be_there_already() -> None:
    ben, data = make.principal("Ben"), make.image()
    receipt = queries.receipt(make.upload(ben, data, data))
    assert (receipt["stored"], receipt["duplicates"]) == (1, 1)
    assert Instance.objects.count() == 1


def test_a_file_that_is_sent_again_after_a_cut_line_is_not_counted_twice() -> None:
    ben, data = make.principal("Ben"), make.image()
    upload = actions.start_upload(by=ben)
    first, again, copy = (
        make.receive(upload, data, by=ben, path=path) for path in ("IM1", "IM1", "IM2")
    )
    assert (first.pk, first.state) == (again.pk, again.state)
    assert copy.state == FileState.DUPLICATE
    receipt = queries.receipt(upload)
    assert (receipt["stored"], receipt["duplicates"]) == (1, 1)


def test_the_same_number_with_other_content_is_kept_beside_and_surfaced() -> None:
    ben = make.principal("Ben")
    first, second = make.image(), make.image(SeriesDescription="Changed")
    receipt = queries.receipt(make.upload(ben, first, second))
    assert (receipt["stored"], receipt["conflicts"]) == (1, 1)
    assert Study.objects.get().conflict_count == 1
    kept = Instance.objects.order_by("variant")
    assert [store().read(one.key, 0, one.size) for one in kept] == [first, second]


def test_the_same_bytes_at_two_institutions_stay_apart() -> None:
    data = make.image()
    for name in ("Ben", "Cleo"):
        receipt = queries.receipt(make.upload(make.principal(name), data))
        assert receipt["stored"] == 1
    one, other = Instance.objects.all()
    assert one.key != other.key


def test_one_number_and_two_names_are_two_patients() -> None:
    ben = make.principal("Ben")
    make.upload(
        ben,
        make.image(study=1, PatientID="12345"),
        make.image(study=2, PatientID="12345"),
    )
    assert Patient.objects.count() == 2
    assert {study.patient.display_name for study in Study.objects.all()} == {
        "Probe, Petra1",
        "Probe, Petra2",
    }


def test_one_study_number_on_two_patients_is_never_mixed() -> None:
    ben = make.principal("Ben")
    make.upload(ben, make.image(number=1), make.image(number=2, PatientName="Other^Olga"))
    assert Study.objects.count() == 2
    assert all(study.instance_count == 1 for study in Study.objects.all())


def test_every_stored_image_is_in_the_audit_without_the_patient() -> None:
    make.upload(make.principal("Ben"), make.image(), make.image(number=2))
    rows = AuditEvent.objects.filter(action=Act.INSTANCES_STORED)
    assert sum(row.detail["instances"] for row in rows) == 2
    assert all(row.patient_ref and row.study_id for row in rows)
    assert "Probe" not in str(list(AuditEvent.objects.values()))


def test_nothing_is_left_in_the_spool() -> None:
    upload = make.upload(make.principal("Ben"), make.image(), b"no image at all")
    assert not list(spool.folder(upload.pk).iterdir())


def test_what_is_no_image_is_named_with_its_reason() -> None:
    ben = make.principal("Ben")
    upload = actions.start_upload(by=ben)
    file = make.receive(upload, b"MZ a viewer program", by=ben, path="AUTORUN/VIEWER.EXE")
    assert file.state == FileState.SKIPPED
    (skipped,) = queries.receipt(upload)["skipped"]
    assert skipped["path"] == "AUTORUN/VIEWER.EXE"
    assert "not a medical image" in skipped["reason"]


def test_a_damaged_image_is_refused_and_says_what_to_do() -> None:
    ben = make.principal("Ben")
    upload = actions.start_upload(by=ben)
    make.receive(upload, make.image()[:-10], by=ben, path="IM1")
    (refused,) = queries.receipt(upload)["rejected"]
    assert refused["path"] == "IM1"
    assert refused["reason"]
    assert not Instance.objects.exists()


def test_an_image_that_its_list_names_and_that_never_came_is_named() -> None:
    ben = make.principal("Ben")
    upload, data = actions.start_upload(by=ben), make.image()
    make.receive(upload, data, by=ben, path="IM1")
    listed = {"path": "IM1", "size": len(data), "sha256": make.digests(data)[0].hex()}
    lost = {"path": "IM2", "size": 9, "sha256": "0" * 64, "sop_instance_uid": "1.2.3"}
    actions.finish_upload(upload, manifest=[listed, lost], by=ben)
    (missing,) = queries.receipt(upload)["missing"]
    assert (missing["path"], missing["sop_instance_uid"]) == ("IM2", "1.2.3")


def test_a_study_is_arriving_until_its_sender_has_sent_everything() -> None:
    ben = make.principal("Ben")
    upload = actions.start_upload(by=ben)
    make.receive(upload, make.image(), by=ben)
    assert is_arriving(Study.objects.get())
    assert list(arriving(Study.objects.all()))
    actions.finish_upload(upload, manifest=[], by=ben)
    assert not is_arriving(Study.objects.get())
    assert not list(arriving(Study.objects.all()))
    make.receive(actions.start_upload(by=ben), make.image(number=2), by=ben)
    assert is_arriving(Study.objects.get())


def test_a_cancelled_upload_takes_nothing_more() -> None:
    ben = make.principal("Ben")
    upload = actions.start_upload(by=ben)
    actions.cancel_upload(upload, by=ben)
    with pytest.raises(ConflictError):
        actions.create_file(upload, path="IM1", size=10)


@pytest.mark.django_db(transaction=True)
def test_many_senders_at_once_lose_and_double_nothing() -> None:
    ben, cleo = make.principal("Ben"), make.principal("Cleo")
    uploads = {by.actor.name: actions.start_upload(by=by) for by in (ben, cleo)}
    errors: list[BaseException] = []

    def send(by: Principal, numbers: range) -> None:
        try:
            for number in numbers:
                data = make.image(series=number % 3, number=number)
                make.receive(uploads[by.actor.name], data, by=by)
        except Exception as error:  # noqa: BLE001 told by the thread that waits
            errors.append(error)
        finally:
            connection.close()

    # Overlapping, so that the same bytes race each other.
    ranges = (range(1, 21), range(11, 31), range(1, 31))
    threads = [
        threading.Thread(target=send, args=(by, numbers))
        for by in (ben, cleo)
        for numbers in ranges
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    for by in (ben, cleo):
        receipt = queries.receipt(uploads[by.actor.name])
        assert (receipt["stored"], receipt["duplicates"]) == (30, 40)
        study = Study.objects.get(institution=by.actor.institution_id)
        assert (study.series_count, study.instance_count) == (3, 30)
        assert sum(one.instance_count for one in Series.objects.filter(study=study)) == 30


@pytest.mark.django_db(transaction=True)
def test_a_file_that_cannot_be_filed_takes_nobody_elses_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ben's file waits for the same commit as Cleo's, and the database refuses a value of his."""
    ben, cleo = make.principal("Ben"), make.principal("Cleo")
    begun = {who: actions.start_upload(by=who) for who in (ben, cleo)}
    describe = commit._study_facts

    def refused(found: Any, now: Any) -> dict[str, Any]:
        if found.patient_id == "P1":
            raise DataError("value too long")
        return describe(found, now)

    monkeypatch.setattr(commit, "_study_facts", refused)
    told: dict[str, str] = {}

    def send(name: str, who: Principal, data: bytes) -> None:
        try:
            told[name] = make.receive(begun[who], data, by=who).state
        except DataError:
            told[name] = "refused"
        finally:
            connection.close()

    with commit.committer._turn:  # so that both wait for the one commit
        senders = [
            threading.Thread(target=send, args=("Ben", ben, make.image(1))),
            threading.Thread(target=send, args=("Cleo", cleo, make.image(2))),
        ]
        for one in senders:
            one.start()
        while len(commit.committer._queue) < 2:
            time.sleep(0.01)
    for one in senders:
        one.join()
    assert told == {"Ben": "refused", "Cleo": FileState.STORED}
    assert Study.objects.get().institution_id == cleo.actor.institution_id


def test_a_receipt_stays_in_no_browsers_cache() -> None:
    sent = make.upload(make.principal("Ben"), make.image())
    page = make.browser("Ben").get(f"/uploads/{sent.pk}/")
    assert b"Petra1" in page.content
    assert page["Cache-Control"] == "no-store"


def crowd(kept: Instance, count: int) -> None:
    """Many more images in the institution of `kept`."""
    facts = {f.attname: getattr(kept, f.attname) for f in kept._meta.concrete_fields[1:]}
    more = (
        Instance(**facts | {"uid": f"1.2.{n}", "sha256": n.to_bytes(32, "big")})
        for n in range(count)
    )
    Instance.objects.bulk_create(more)


@pytest.mark.django_db(transaction=True)  # the owner looks at what there is
def test_what_is_there_already_is_found_by_indexes_however_much_there_is() -> None:
    """A plan that reads an institution's every image would make each file slower than the last."""
    make.upload(make.principal("Ben"), make.image())
    crowd(Instance.objects.get(), 3000)
    institution = make.member("Ben").institution.pk
    values: list[Any] = [institution, b"a", b"b", institution, "1", "2"]
    with owner() as cursor:
        cursor.execute("ANALYZE")
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            values = [one.hex if isinstance(one, uuid.UUID) else one for one in values]
        explain = "EXPLAIN QUERY PLAN" if connection.vendor == "sqlite" else "EXPLAIN"
        cursor.execute(f"{explain} {known_sql(2, 2)}", values)
        plan = "\n".join(str(row[-1]) for row in cursor.fetchall())
    by_hash, by_uid = re.findall(r"(?:SEARCH .*|Index Cond:.*)", plan)
    assert "sha256" in by_hash, plan
    assert re.search(r"\buid\b", by_uid), plan


def test_whoever_meets_another_in_the_same_row_is_not_told_of_a_conflict_that_is_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ben, changed = make.principal("Ben"), make.image(SeriesDescription="Changed")
    make.upload(ben, make.image())
    upload, first = actions.start_upload(by=ben), commit._Batch._add_instances

    def other() -> None:
        monkeypatch.setattr(unpack, "committer", commit.Committer())
        make.upload(ben, changed)

    def beaten(batch: commit._Batch) -> None:
        """Another process files the same bytes between our look and our row."""
        monkeypatch.setattr(commit._Batch, "_add_instances", first)
        first(batch)
        raise IntegrityError("its row is there already")

    monkeypatch.setattr(commit._Batch, "_add_instances", beaten)
    monkeypatch.setattr(commit.places, "clear", other)
    file = make.receive(upload, changed, by=ben)
    assert (file.state, file.reason, file.reason_code) == (FileState.DUPLICATE, "", "")
