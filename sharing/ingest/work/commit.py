"""Arrivals become objects and rows: everything that waits is stored and committed together.

Whoever finds the way free does it for all who wait, so that four files at a time cost one fsync
of their folder and one transaction, and each sender is answered only after its own bytes and
rows are durable (DESIGN 4.4).
"""

import logging
import threading
import uuid
from collections import OrderedDict, defaultdict
from collections.abc import Iterable
from functools import partial
from operator import attrgetter
from typing import Any

from django.db import DataError, IntegrityError, OperationalError, transaction
from django.utils import timezone

from sharing.accounts.models import Department, Membership
from sharing.audit.actions import Asking, patient_reference, record
from sharing.audit.rules import Act
from sharing.dicom import names
from sharing.ingest.models import Upload, UploadFile
from sharing.ingest.rules import ARRIVED, FileState
from sharing.ingest.work import spool
from sharing.ingest.work.check import Arrival
from sharing.ingest.work.rows import add_to, insert, known
from sharing.kernel import wall
from sharing.storage.objects import Put, store
from sharing.studies.models import Instance, InstanceHeader, Patient, Series, Study
from sharing.studies.rules import fold, joined_modalities, search_text

log = logging.getLogger(__name__)
MOST_AT_ONCE = 64
ATTEMPTS = 4
# What a database says of a value that it will not take, however often it is asked.
CANNOT_BE_FILED = (DataError, IntegrityError, ValueError)


class _Waiting:
    """One arrival and its sender, who waits for the commit."""

    def __init__(self, arrival: Arrival, by: Asking, *, kept: bool = False) -> None:
        self.arrival, self.by = arrival, by
        self.kept = kept
        self.error: BaseException | None = None
        self.done = False


class Committer:
    """One a process. `commit` returns when the arrival's rows are durable, or raises."""

    def __init__(self) -> None:
        self._queue: list[_Waiting] = []
        self._queue_lock = threading.Lock()
        self._turn = threading.Lock()

    def commit(self, arrival: Arrival, by: Asking) -> UploadFile:
        (error,) = self._wait_for([_Waiting(arrival, by)])
        if error is not None:
            raise error
        return arrival.file

    def commit_all(self, arrivals: list[Arrival], by: Asking) -> list[BaseException | None]:
        """Commit what came in one request; for each arrival, why it could not be filed.

        Their bytes are brought into the store here, beside the others' commits: they are enough
        to share one sync of a folder among themselves.
        """
        keep([(one, by) for one in arrivals])
        return self._wait_for([_Waiting(one, by, kept=True) for one in arrivals])

    def _wait_for(self, mine: list[_Waiting]) -> list[BaseException | None]:
        with self._queue_lock:
            self._queue += mine
        while not all(one.done for one in mine):
            with self._turn:
                if not all(one.done for one in mine):
                    self._commit_waiting()
        return [one.error for one in mine]

    def _commit_waiting(self) -> None:
        with self._queue_lock:
            batch, self._queue = self._queue[:MOST_AT_ONCE], self._queue[MOST_AT_ONCE:]
        try:
            keep([(one.arrival, one.by) for one in batch if not one.kept])
            self._write(batch)
        except BaseException as error:  # noqa: BLE001 each sender is told; the leader's thread raises its own
            for one in batch:
                one.error = error
        finally:
            for one in batch:
                one.done = True

    @staticmethod
    def _write(batch: list[_Waiting]) -> None:
        """All in one transaction; where the database refuses somebody's, each in its own.

        Else a file that cannot be filed would take other people's with it, also those of
        another institution.
        """
        try:
            write([(one.arrival, one.by) for one in batch])
        except CANNOT_BE_FILED:
            if len(batch) == 1:
                raise
            log.warning("ingest.batch-parted files=%d", len(batch))
            for one in batch:
                try:
                    write([(one.arrival, one.by)])
                except Exception as error:  # noqa: BLE001 its own sender is told
                    one.error = error


committer = Committer()


def keep(batch: list[tuple[Arrival, Asking]]) -> None:
    """Bring the bytes of arrivals into the store."""
    puts = [
        Put(arrival.key, arrival.spooled, bytes(arrival.file.sha256 or b"").hex(), is_synced=True)
        for arrival, _ in _once(batch)
        if arrival.spooled is not None
    ]
    if puts:
        store().put_files(puts)


def write(batch: list[tuple[Arrival, Asking]]) -> None:
    """Commit arrivals in one transaction; those that met on a row try again."""
    for attempt in range(ATTEMPTS):
        try:
            # Whoever leads commits for others as well, also of another institution.
            with wall.acting_for(*_institutions(batch)), transaction.atomic():
                _Batch(batch).write()
            return
        except (IntegrityError, OperationalError):  # met on a row, or in a deadlock
            places.clear()
            if attempt == ATTEMPTS - 1:
                raise


def _institutions(batch: list[tuple[Arrival, Asking]]) -> set[uuid.UUID]:
    return {arrival.institution_id for arrival, _ in batch}


def _once(batch: list[tuple[Arrival, Asking]]) -> list[tuple[Arrival, Asking]]:
    """The arrivals, of the same bytes only one; the spooled files of the others go."""
    first: dict[str, tuple[Arrival, Asking]] = {}
    for arrival, by in batch:
        if arrival.key and arrival.key in first and arrival.spooled is not None:
            spool.drop(arrival.spooled)
        elif arrival.key:
            first[arrival.key] = (arrival, by)
    return list(first.values())


class Places:
    """Which rows a study's and a series' UIDs stand for, so that a batch need not ask."""

    def __init__(self, most: int = 512) -> None:
        self._known: OrderedDict[tuple[Any, ...], tuple[uuid.UUID, uuid.UUID]] = OrderedDict()
        self._most, self._lock = most, threading.Lock()

    def get(self, key: tuple[Any, ...]) -> tuple[uuid.UUID, uuid.UUID] | None:
        with self._lock:
            return self._known.get(key)

    def keep(self, found: dict[tuple[Any, ...], tuple[uuid.UUID, uuid.UUID]]) -> None:
        with self._lock:
            self._known |= found
            while len(self._known) > self._most:
                self._known.popitem(last=False)

    def clear(self) -> None:
        with self._lock:
            self._known.clear()


places = Places()


class _Batch:
    def __init__(self, batch: list[tuple[Arrival, Asking]]) -> None:
        self.batch = batch
        self.now = timezone.now()
        self.arrivals = [arrival for arrival, _ in batch]
        self.images = sorted(
            (one for one in self.arrivals if one.header is not None), key=attrgetter("place")
        )

    def write(self) -> None:
        if self.images:
            self._place()
            self._add_instances()
        self._write_files()
        self._note_uploads()

    # -- studies and series --

    def _place(self) -> None:
        """Find or make the patient, study and series of every image."""
        self.place: dict[tuple[Any, ...], tuple[uuid.UUID, uuid.UUID]] = {}
        fresh: dict[tuple[Any, ...], tuple[uuid.UUID, uuid.UUID]] = {}
        for one in self.images:
            key = one.place
            if key not in self.place:
                known = places.get(key)
                self.place[key] = known or _find_or_make(one, self.now)
                if known is None:
                    fresh[key] = self.place[key]
        transaction.on_commit(lambda: places.keep(fresh))

    # -- instances --

    def _add_instances(self) -> None:
        there, variants = self._known()
        self.added: list[tuple[Arrival, Instance]] = []
        for one in self.images:
            identity = (one.institution_id, bytes(one.file.sha256 or b""))
            already = there.get(identity)
            if already is not None:
                one.file.state, one.file.instance_id = FileState.DUPLICATE, already
                one.file.reason = one.file.reason_code = ""  # of a try that met another's row
                continue
            instance = self._instance(one, variants)
            there[identity] = instance.pk
            self.added.append((one, instance))
        insert([instance for _, instance in self.added])
        insert([_header_row(one, instance) for one, instance in self.added])
        self._count_in()

    def _known(
        self,
    ) -> tuple[dict[tuple[uuid.UUID, bytes], uuid.UUID], dict[tuple[uuid.UUID, str], int]]:
        """Which bytes are there already, and the last variant of each SOP Instance UID."""
        bytes_there: dict[tuple[uuid.UUID, bytes], uuid.UUID] = {}
        variants: dict[tuple[uuid.UUID, str], int] = {}
        for institution, ones in self._by_institution():
            hashes = [bytes(one.file.sha256 or b"") for one in ones]
            uids = [_header(one).sop_instance_uid for one in ones]
            for pk, sha256, uid, variant in known(institution, hashes, uids):
                bytes_there[institution, sha256] = pk
                variants[institution, uid] = max(variant, variants.get((institution, uid), -1))
        return bytes_there, variants

    def _by_institution(self) -> Iterable[tuple[uuid.UUID, list[Arrival]]]:
        groups: dict[uuid.UUID, list[Arrival]] = defaultdict(list)
        for one in self.images:
            groups[one.institution_id].append(one)
        return groups.items()

    def _instance(self, one: Arrival, variants: dict[tuple[uuid.UUID, str], int]) -> Instance:
        header, file = _header(one), one.file
        found = header.attributes
        uid_key = (one.institution_id, header.sop_instance_uid)
        variant = variants.get(uid_key, -1) + 1
        variants[uid_key] = variant
        instance = Instance(
            institution_id=one.institution_id,
            series_id=self.place[one.place][1],
            uid=header.sop_instance_uid,
            variant=variant,
            sop_class_uid=header.sop_class_uid,
            transfer_syntax_uid=header.transfer_syntax,
            number=found.instance_number,
            rows=found.rows,
            columns=found.columns,
            frame_count=found.number_of_frames if found.rows and found.columns else 0,
            sha256=file.sha256,
            crc32=one.crc32,
            size=file.size,
            key=one.key,
            dataset_offset=header.dataset_offset,
            has_preamble=header.has_preamble,
            has_meta=header.has_meta,
            arrived_at=self.now,
        )
        file.state = FileState.CONFLICT if variant else FileState.STORED
        if variant:
            file.reason_code = "conflict"
            file.reason = (
                "Another file with the same image number but other content is there already. "
                "Both are kept."
            )
        file.instance_id = instance.pk
        return instance

    def _count_in(self) -> None:
        """Add what came to the counts of its series and studies, in one order for everybody."""
        by_series: dict[uuid.UUID, list[Instance]] = defaultdict(list)
        by_study: dict[uuid.UUID, list[tuple[Arrival, Instance]]] = defaultdict(list)
        for one, instance in self.added:
            study_id, series_id = self.place[one.place]
            by_series[series_id].append(instance)
            by_study[study_id].append((one, instance))
        for study_id in sorted(by_study):
            came = [instance for _, instance in by_study[study_id]]
            add_to(
                Study,
                study_id,
                self.now,
                instance_count=len(came),
                conflict_count=sum(i.variant > 0 for i in came),
                size=sum(i.size for i in came),
            )
        for series_id in sorted(by_series):
            came = by_series[series_id]
            add_to(
                Series,
                series_id,
                self.now,
                instance_count=len(came),
                frame_count=sum(i.frame_count for i in came),
                size=sum(i.size for i in came),
            )
        self._record(by_study)

    def _record(self, by_study: dict[uuid.UUID, list[tuple[Arrival, Instance]]]) -> None:
        asking = {id(arrival): by for arrival, by in self.batch}
        for study_id, came in by_study.items():
            groups: dict[uuid.UUID, list[tuple[Arrival, Instance]]] = defaultdict(list)
            for one, instance in came:
                groups[one.file.upload_id].append((one, instance))
            for upload_id, ones in groups.items():
                first = ones[0][0]
                record(
                    Act.INSTANCES_STORED,
                    by=asking[id(first)],
                    custodian_id=first.institution_id,
                    study_id=study_id,
                    upload_id=upload_id,
                    patient_ref=patient_reference(first.institution_id, first.place[1]),
                    instances=len(ones),
                    bytes=sum(instance.size for _, instance in ones),
                )

    # -- the upload's own rows --

    def _write_files(self) -> None:
        fresh = [one.file for one in self.arrivals if one.fresh]
        known = [one.file for one in self.arrivals if not one.fresh]
        insert([file for file in fresh if not self._was_sent_before(file)])
        for file in known:
            file.save(
                update_fields=["state", "sha256", "reason", "reason_code", "instance", "size"]
            )

    @staticmethod
    def _was_sent_before(file: UploadFile) -> bool:
        """Whether this is the same file of the same upload, sent again since an answer was lost.

        Then it is that file, and what became of it then: nobody should read that an image was
        "already there" for no more than a cut line.
        """
        if file.state != FileState.DUPLICATE:
            return False
        same = UploadFile.objects.filter(
            upload=file.upload_id, parent=file.parent_id, path=file.path, sha256=file.sha256
        )
        earlier = same.filter(state__in=ARRIVED).values("pk", "state", "reason").first()
        if earlier is None:
            return False
        file.pk, file.state, file.reason = earlier["pk"], earlier["state"], earlier["reason"]
        return True

    def _note_uploads(self) -> None:
        uploads = sorted({one.file.upload_id for one in self.arrivals})
        Upload.objects.filter(pk__in=uploads).update(last_received_at=self.now)


def _header_row(one: Arrival, instance: Instance) -> InstanceHeader:
    return InstanceHeader(
        instance=instance,
        attributes=one.attributes,
        metadata=one.metadata,
        frames=one.frames,
    )


def _header(one: Arrival) -> Any:
    assert one.header is not None  # only images are placed
    return one.header


def _find_or_make(one: Arrival, now: Any) -> tuple[uuid.UUID, uuid.UUID]:
    """The ids of the study and the series of an image; concurrent makers meet on the constraint."""
    header = _header(one)
    found = header.attributes
    patient, _ = Patient.objects.get_or_create(
        institution_id=one.institution_id,
        identity=one.place[1],
        defaults={
            "patient_id": found.patient_id[:128],
            "issuer": found.issuer_of_patient_id[:128],
            "name": found.patient_name[:400],
            "display_name": names.display(found.patient_name)[:400],
            "birth_date": found.patient_birth_date[:8],
            "sex": found.patient_sex[:16],
        },
    )
    # The department is asked for only when the study is made.
    facts = {**_study_facts(found, now), "department": partial(_department_of, one)}
    study, _ = Study.objects.get_or_create(
        institution_id=one.institution_id,
        patient=patient,
        uid=header.study_uid,
        defaults=facts,
    )
    series, made_series = Series.objects.get_or_create(
        study=study, uid=header.series_uid, defaults=_series_facts(found)
    )
    if made_series:
        _describe(study.pk)
    return study.pk, series.pk


def _department_of(one: Arrival) -> Department | None:
    """Where the sender works, if that still takes something new."""
    sender = Membership.objects.filter(
        institution=one.institution_id, user=one.file.upload.created_by_id
    )
    found = sender.select_related("department").first()
    if found is None or found.department is None or found.department.closed_at is not None:
        return None
    return found.department


def _describe(study_id: uuid.UUID) -> None:
    """Sum up a study's series again; its row's lock makes those who add series take turns."""
    study = Study.objects.select_for_update().get(pk=study_id)
    modalities = study.series.values_list("modality", flat=True)
    study.series_count = len(modalities)
    study.modalities = joined_modalities(*modalities)
    study.save(update_fields=["series_count", "modalities"])


def _study_facts(found: Any, now: Any) -> dict[str, Any]:
    return {
        "date": found.study_date[:8],
        "time": found.study_time[:16],
        "accession_number": found.accession_number[:64],
        "study_id": found.study_id[:64],
        "description": found.study_description[:256],
        "referring_physician": found.referring_physician[:400],
        "referrer": fold(found.referring_physician)[:400],
        "source_institution": found.institution_name[:256],
        "modalities": found.modality[:16],
        "search_text": search_text(found),
        "first_arrived_at": now,
        "last_arrived_at": now,
    }


def _series_facts(found: Any) -> dict[str, Any]:
    return {
        "modality": found.modality[:16],
        "number": found.series_number,
        "description": found.series_description[:256],
        "body_part": found.body_part[:64],
        "laterality": found.laterality[:16],
        "protocol_name": found.protocol_name[:256],
        "manufacturer": found.manufacturer[:256],
        "date": found.series_date[:8],
        "time": found.series_time[:16],
    }
