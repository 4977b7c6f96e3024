"""Releases: what was chosen, what became of each file, what is in doubt, and the certificate."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from sharing.accounts.models import Institution, User
from sharing.ingest.models import Upload
from sharing.kernel.ids import new_id
from sharing.research.models.projects import Project
from sharing.research.rules.states import Decision, ItemState, ReleaseState
from sharing.studies.models import Instance, Study


class Release(models.Model):
    """De-identified copies of some studies, made by one profile, for one project.

    The profile stands here whole, so that the evidence needs no other row.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="releases")
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="releases")
    title = models.CharField(max_length=120)
    state = models.CharField(
        max_length=10, choices=ReleaseState.choices, default=ReleaseState.DRAFT
    )
    query = models.JSONField(default=dict)  # the search that chose the studies, if one did
    profile_name = models.CharField(max_length=80)
    profile_version = models.CharField(max_length=40)
    profile_digest = models.CharField(max_length=64)
    profile_text = models.TextField()
    runs = models.PositiveIntegerField(default=0)  # how often its jobs were queued
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True)
    # Who pressed "Release", and when it stood.
    released_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    released_at = models.DateTimeField(null=True)
    upload = models.ForeignKey(Upload, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering: ClassVar = ["-created_at"]
        constraints = (
            models.CheckConstraint(
                condition=Q(state__in=ReleaseState.values), name="a_release_is_in_a_known_state"
            ),
            models.CheckConstraint(
                condition=Q(state=ReleaseState.RELEASED, released_at__isnull=False)
                | (~Q(state=ReleaseState.RELEASED) & Q(released_at=None)),
                name="a_release_that_is_out_says_when",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=(ReleaseState.RELEASING, ReleaseState.RELEASED))
                | Q(released_by__isnull=False),
                name="a_release_that_goes_out_says_by_whom",
            ),
            models.CheckConstraint(
                condition=Q(state__in=(ReleaseState.DRAFT, ReleaseState.DROPPED))
                | Q(started_at__isnull=False),
                name="a_release_at_work_says_since_when",
            ),
        )
        indexes: ClassVar = [
            models.Index(fields=["institution", "-created_at"], name="releases_of_institution"),
        ]

    def __str__(self) -> str:
        return self.title


class ReleaseStudy(models.Model):
    """A study that was chosen, and the one that came of it.

    `source` goes with the project's secret: afterwards nothing says which study became which.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    release = models.ForeignKey(Release, on_delete=models.CASCADE, related_name="chosen")
    source = models.ForeignKey(Study, on_delete=models.PROTECT, null=True, related_name="+")
    output = models.ForeignKey(
        Study, on_delete=models.PROTECT, null=True, related_name="released_as"
    )
    # What the study's headers say of its patient and people, sealed with the project's secret; it
    # goes when the release is over.
    known = models.BinaryField(default=b"")

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("release", "source"), name="a_study_is_chosen_once_for_a_release"
            ),
        )

    def __str__(self) -> str:
        return f"study of release {self.release_id}"


class Item(models.Model):
    """One file of a release. What was made of it waits in the store, where nobody sees it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    release = models.ForeignKey(
        Release, on_delete=models.CASCADE, related_name="items", db_index=False
    )
    study = models.ForeignKey(ReleaseStudy, on_delete=models.CASCADE, related_name="items")
    source = models.ForeignKey(Instance, on_delete=models.PROTECT, null=True, related_name="+")
    state = models.CharField(max_length=8, choices=ItemState.choices, default=ItemState.WAITING)
    why = models.CharField(max_length=400, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    output_key = models.CharField(max_length=200, blank=True)
    ledger_key = models.CharField(max_length=200, blank=True)
    uid = models.CharField("SOP Instance UID of the output", max_length=64, blank=True)
    sha256 = models.BinaryField(max_length=32, null=True)
    size = models.PositiveBigIntegerField(default=0)
    counts = models.JSONField(default=dict)  # how many attributes by action
    masks = models.PositiveIntegerField(default=0)
    risk = models.FloatField(null=True)  # what is left in the pictures, 0 to 1; None: not looked at

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("release", "source"), name="a_file_is_once_in_a_release"
            ),
            models.CheckConstraint(
                condition=Q(state__in=ItemState.values), name="an_item_is_in_a_known_state"
            ),
            models.CheckConstraint(
                condition=(Q(state=ItemState.MADE) & ~Q(output_key=""))
                | (~Q(state=ItemState.MADE) & Q(output_key="")),
                name="an_output_waits_in_the_store_until_it_is_released_or_left_out",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=(ItemState.MADE, ItemState.RELEASED))
                | (Q(sha256__isnull=False) & ~Q(ledger_key="") & ~Q(uid="")),
                name="an_output_says_what_it_is_and_has_a_ledger",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=(ItemState.REFUSED, ItemState.DROPPED)) | ~Q(why=""),
                name="what_is_left_out_says_why",
            ),
        )
        indexes: ClassVar = [
            models.Index(fields=["release", "state"], name="items_of_release_by_state"),
        ]

    def __str__(self) -> str:
        return f"item {self.id}"


class Hold(models.Model):
    """Something in doubt: a person decides before the file leaves."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    release = models.ForeignKey(Release, on_delete=models.CASCADE, related_name="holds")
    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="holds")
    kind = models.CharField(max_length=20)
    path = models.CharField(max_length=300, blank=True)
    sentence = models.CharField(max_length=500)
    masks = models.PositiveIntegerField(default=0)  # that a reviewer drew
    decision = models.CharField(max_length=8, choices=Decision.choices, blank=True)
    decided_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["id"]
        constraints = (
            models.CheckConstraint(
                condition=Q(decision="", decided_at=None, decided_by=None)
                | Q(
                    decision__in=Decision.values,
                    decided_at__isnull=False,
                    decided_by__isnull=False,
                ),
                name="a_decision_says_by_whom_and_when",
            ),
        )
        indexes: ClassVar = [
            models.Index(fields=["release"], condition=Q(decision=""), name="holds_that_are_open"),
        ]

    def __str__(self) -> str:
        return f"hold {self.id}"


class Certificate(models.Model):
    """What a release was, as it was when it went out; the PDF says the same."""

    release = models.OneToOneField(
        Release, on_delete=models.PROTECT, primary_key=True, related_name="certificate"
    )
    body = models.BinaryField()  # JSON, canonical
    digest = models.CharField(max_length=64)  # SHA-256 of the body, hexadecimal

    def __str__(self) -> str:
        return f"certificate of {self.release_id}"
