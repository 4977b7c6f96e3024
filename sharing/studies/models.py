"""Patients, studies, series and instances, each kept per institution.

Only `studies`, `access` and `ingest` touch these tables; everybody else asks `access.gate`.
"""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from sharing.accounts.models import Department, Institution
from sharing.kernel.ids import new_id


class Patient(models.Model):
    """A patient as one institution's files describe them.

    Outside studies bring numbers that mean nothing here, so two files are of one patient only
    when issuer, number, name, birth date and sex all agree (`identity`, SHA-256 of the five).
    Joining two rows is a person's decision.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="patients")
    identity = models.BinaryField(max_length=32)
    patient_id = models.CharField(max_length=128, blank=True)
    issuer = models.CharField(max_length=128, blank=True)
    name = models.CharField(max_length=400, blank=True)  # DICOM's PN text, all groups
    display_name = models.CharField(max_length=400, blank=True)
    birth_date = models.CharField(max_length=8, blank=True)  # YYYYMMDD, or nothing
    sex = models.CharField(max_length=16, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("institution", "identity"),
                name="a_patient_stands_once_per_institution",
            ),
        )
        indexes: ClassVar = [
            models.Index(fields=["patient_id"], name="patients_by_number"),
        ]

    def __str__(self) -> str:
        return f"patient {self.id}"


SEARCHED = ("search_text", "modalities", "patient")


class PatientKey(models.Func):
    """The beginning of the search text, which is the patient's folded name: orders by patient.

    The length stands in the template, because SQLite uses an index on an expression only where
    the query says the same without a parameter.
    """

    template = "SUBSTR(%(expressions)s, 1, 64)"
    output_field = models.CharField()

    def __init__(self, expression: Any = "search_text", **extra: Any) -> None:
        super().__init__(expression, **extra)


class Study(models.Model):
    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="studies")
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="studies")
    uid = models.CharField("Study Instance UID", max_length=64)
    date = models.CharField(max_length=8, blank=True)
    time = models.CharField(max_length=16, blank=True)
    accession_number = models.CharField(max_length=64, blank=True)
    study_id = models.CharField(max_length=64, blank=True)
    description = models.CharField(max_length=256, blank=True)
    referring_physician = models.CharField(max_length=400, blank=True)
    # The same, folded as a search compares it: a grant may name referrers.
    referrer = models.CharField(max_length=400, blank=True)
    department = models.ForeignKey(
        Department, on_delete=models.PROTECT, null=True, related_name="studies"
    )
    source_institution = models.CharField(max_length=256, blank=True)  # Institution Name, as sent
    modalities = models.CharField(max_length=128, blank=True)  # "CT\\SR", sorted
    # What the worklist searches: folded names, numbers and words (see studies.rules.search_text).
    search_text = models.TextField(blank=True)
    series_count = models.PositiveIntegerField(default=0)
    instance_count = models.PositiveIntegerField(default=0)
    conflict_count = models.PositiveIntegerField(default=0)
    size = models.PositiveBigIntegerField(default=0)  # bytes
    first_arrived_at = models.DateTimeField(default=timezone.now)
    last_arrived_at = models.DateTimeField(default=timezone.now)
    settled_at = models.DateTimeField(null=True)  # when a sender last said that all has been sent

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("institution", "patient", "uid"),
                name="a_study_stands_once_per_patient_and_institution",
            ),
        )
        indexes: ClassVar = [
            # One for each order of the worklist. What a search compares stands in them too, so
            # that looking for something rare reads an index from end to end and no row.
            models.Index(
                fields=["institution", "-last_arrived_at", "-id", *SEARCHED, "date"],
                name="studies_arrived",
            ),
            models.Index(fields=["institution", "-date", "-id", *SEARCHED], name="studies_by_date"),
            models.Index(
                "institution", PatientKey(), "id", *SEARCHED, "date", name="studies_by_patient_name"
            ),
            models.Index(fields=["institution", "uid"], name="studies_by_uid"),
            models.Index(fields=["institution", "accession_number"], name="studies_by_accession"),
            models.Index(
                fields=["institution", "-last_arrived_at", "-id"],
                condition=Q(conflict_count__gt=0),
                name="studies_in_conflict",
            ),
        ]

    def __str__(self) -> str:
        return f"study {self.id}"


class StudyTag(models.Model):
    """A word of the owner's own: a grant may give what carries it."""

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="tags")
    label = models.CharField(max_length=40)  # folded

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("study", "label"), name="a_study_carries_a_tag_once"),
        )
        indexes: ClassVar = [models.Index(fields=["label", "study"], name="studies_by_tag")]

    def __str__(self) -> str:
        return self.label


class Series(models.Model):
    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="series")
    uid = models.CharField("Series Instance UID", max_length=64)
    modality = models.CharField(max_length=16, blank=True)
    number = models.IntegerField(null=True)
    description = models.CharField(max_length=256, blank=True)
    body_part = models.CharField(max_length=64, blank=True)
    laterality = models.CharField(max_length=16, blank=True)
    protocol_name = models.CharField(max_length=256, blank=True)
    manufacturer = models.CharField(max_length=256, blank=True)
    date = models.CharField(max_length=8, blank=True)
    time = models.CharField(max_length=16, blank=True)
    instance_count = models.PositiveIntegerField(default=0)
    frame_count = models.PositiveBigIntegerField(default=0)
    size = models.PositiveBigIntegerField(default=0)

    class Meta:
        verbose_name_plural = "series"
        constraints = (
            models.UniqueConstraint(fields=("study", "uid"), name="a_series_stands_once_per_study"),
        )

    def __str__(self) -> str:
        return f"series {self.id}"


class Instance(models.Model):
    """One stored file. Identity is (institution, SHA-256): nothing is overwritten.

    `variant` is 0 for the first file with a SOP Instance UID; a later one with the same UID and
    other bytes is kept as 1, 2, … and shown as a conflict.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    # Both begin an index below; one of their own would only be written.
    institution = models.ForeignKey(
        Institution, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    series = models.ForeignKey(
        Series, on_delete=models.PROTECT, related_name="instances", db_index=False
    )
    uid = models.CharField("SOP Instance UID", max_length=64)
    variant = models.PositiveIntegerField(default=0)
    sop_class_uid = models.CharField(max_length=64)
    transfer_syntax_uid = models.CharField(max_length=64)
    number = models.IntegerField(null=True)
    rows = models.PositiveIntegerField(null=True)
    columns = models.PositiveIntegerField(null=True)
    frame_count = models.PositiveIntegerField(default=0)  # 0: no pictures in it
    sha256 = models.BinaryField(max_length=32)
    crc32 = models.PositiveBigIntegerField()
    size = models.PositiveBigIntegerField()
    key = models.CharField(max_length=200)  # where the object store keeps it
    dataset_offset = models.PositiveBigIntegerField(default=0)
    has_preamble = models.BooleanField(default=True)
    has_meta = models.BooleanField(default=True)
    arrived_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("institution", "sha256"),
                name="the_same_bytes_stand_once_per_institution",
            ),
            models.UniqueConstraint(
                fields=("institution", "uid", "variant"),
                name="a_variant_of_a_sop_instance_stands_once",
            ),
            models.CheckConstraint(
                condition=Q(frame_count=0) | Q(rows__gt=0, columns__gt=0),
                name="an_instance_with_frames_has_rows_and_columns",
            ),
        )
        indexes: ClassVar = [
            models.Index(fields=["series", "number", "uid"], name="instances_in_order"),
        ]

    def __str__(self) -> str:
        return f"instance {self.id}"


class InstanceHeader(models.Model):
    """What was read from an instance's header when it arrived, so that nobody reads it again.

    `attributes` is the scan's Attributes as zlib-compressed JSON, `metadata` the DICOM JSON model
    (PS3.18 annex F) likewise, `frames` the frame index as `dicom.frames.FrameIndex.to_bytes`.
    """

    instance = models.OneToOneField(
        Instance, on_delete=models.CASCADE, primary_key=True, related_name="header"
    )
    attributes = models.BinaryField()
    metadata = models.BinaryField()
    frames = models.BinaryField(null=True)

    def __str__(self) -> str:
        return f"header of {self.instance_id}"
