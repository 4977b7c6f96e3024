"""The grants of an institution, and what stands in the way of using one."""

import uuid

from django.db.models import Q, QuerySet

from sharing.accounts.models import Department
from sharing.grants.models import Grant, GrantVersion
from sharing.grants.rules.states import APPROVERS
from sharing.grants.rules.terms import Filter, sentence


def of_institution(institution_id: uuid.UUID | None) -> QuerySet[Grant]:
    """The grants of which an institution is a side."""
    found = Grant.objects.filter(Q(custodian=institution_id) | Q(recipient=institution_id))
    return found.select_related("custodian", "recipient", "version")


def waiting(grant: Grant) -> GrantVersion | None:
    """The version that both sides are asked about."""
    return grant.versions.filter(agreed_at=None, dropped_at=None).first()


def still_to_agree(version: GrantVersion, institution_id: uuid.UUID) -> int:
    """How many more persons of one side must agree."""
    given = version.approvals.filter(institution=institution_id).count()
    return max(0, APPROVERS - given)


def written(wanted: Filter) -> str:
    """What a filter matches, as a sentence."""
    names = Department.objects.filter(pk__in=wanted.departments).values_list("pk", "name")
    return sentence(wanted, dict(names) if wanted.departments else {})
