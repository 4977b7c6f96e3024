"""What a person says about a study of their institution, and a grant may ask for."""

import uuid
from collections.abc import Iterable

from django.db import transaction

from sharing.access import gate
from sharing.access.principal import Principal
from sharing.access.rules import Action
from sharing.accounts.models import Department
from sharing.audit.actions import record
from sharing.audit.rules import Act
from sharing.kernel.errors import InvalidInputError
from sharing.studies.models import Study, StudyTag
from sharing.studies.rules import fold

MOST_TAGS = 20
LONGEST_TAG = 40


def mark(
    study_id: uuid.UUID, *, department: Department | None, tags: Iterable[str], by: Principal
) -> Study:
    """Say to which department a study belongs, and which tags it carries.

    Whoever may share a study may mark it, because a standing grant may give what is marked.

    Raises
    ------
    InvalidInputError
        A tag is too long, or there are too many; or the department is another institution's.
    """
    study = gate.study(by, Action.SHARE, id=study_id, act=None)
    wanted = _tidy(tags)
    if department is not None and department.institution_id != study.institution_id:
        raise InvalidInputError("This department is not of your institution.")
    with transaction.atomic():
        study.department = department
        study.save(update_fields=["department"])
        there = set(study.tags.values_list("label", flat=True))
        study.tags.filter(label__in=there - wanted).delete()
        StudyTag.objects.bulk_create(
            StudyTag(study=study, label=one) for one in sorted(wanted - there)
        )
        record(
            Act.STUDY_MARKED,
            by=by,
            **gate.facts(study),
            department=str(department.pk) if department else "",
            tags=len(wanted),
        )
    return study


def _tidy(tags: Iterable[str]) -> set[str]:
    """Tags as they are compared: folded, each once."""
    found = {fold(one) for one in tags} - {""}
    if len(found) > MOST_TAGS:
        raise InvalidInputError(f"A study carries at most {MOST_TAGS} tags.")
    if any(len(one) > LONGEST_TAG for one in found):
        raise InvalidInputError(f"A tag has at most {LONGEST_TAG} characters.")
    return found
