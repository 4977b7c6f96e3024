"""Who does not want to be in research any more, and where they are already."""

import uuid

from django.db.models import Exists, OuterRef, Q, QuerySet

from sharing.research.models import Release, ReleaseStudy, Withdrawal
from sharing.research.rules.states import ReleaseState
from sharing.studies.models import Patient, Study


def wanted(found: QuerySet[Study]) -> QuerySet[Study]:
    """Those of `found` whose patients have not withdrawn their consent."""
    said = Withdrawal.objects.filter(institution=OuterRef("institution"))
    itself = Exists(said.filter(patient=OuterRef("patient")))
    numbered = Exists(
        said.exclude(patient__patient_id="").filter(
            patient__patient_id=OuterRef("patient__patient_id"),
            patient__issuer=OuterRef("patient__issuer"),
        )
    )
    return found.exclude(itself | numbered)


def one_person(patient: Patient) -> QuerySet[Patient]:
    """The row itself, and others of the institution with the same number of the same issuer.

    Whether a name was spelt otherwise does not matter here: who takes out too much does no harm.
    """
    same = Q(pk=patient.pk)
    if patient.patient_id:
        same |= Q(patient_id=patient.patient_id, issuer=patient.issuer)
    return Patient.objects.filter(same, institution=patient.institution_id)


def releases_with(patient: Patient) -> QuerySet[Release]:
    """Releases that are out and have images of this person, the newest first.

    Of projects whose key was destroyed none can be named: nothing says any more who is in them.
    """
    theirs = ReleaseStudy.objects.filter(
        release=OuterRef("pk"), source__patient__in=one_person(patient), output__isnull=False
    )
    return (
        Release.objects.filter(Exists(theirs), state=ReleaseState.RELEASED)
        .select_related("project")
        .order_by("-released_at")
    )


def withdrawals(institution_id: uuid.UUID | None) -> QuerySet[Withdrawal]:
    found = Withdrawal.objects.filter(institution=institution_id)
    return found.select_related("patient", "created_by")
