"""A filter of a grant, asked of the study table."""

import datetime
import functools
import operator

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from sharing.grants.rules.terms import Filter
from sharing.studies.models import Study, StudyTag
from sharing.studies.queries import has_modality
from sharing.studies.rules import fold


def matching(found: QuerySet[Study], wanted: Filter) -> QuerySet[Study]:
    """Those of `found` that the filter names now. A study without a date is in no window."""
    if wanted.modalities:
        found = found.filter(functools.reduce(operator.or_, map(has_modality, wanted.modalities)))
    if wanted.departments:
        found = found.filter(department__in=wanted.departments)
    if wanted.tags:
        tagged = StudyTag.objects.filter(study=OuterRef("pk"), label__in=wanted.tags)
        found = found.filter(Exists(tagged))
    for word in fold(wanted.referrer).split():
        found = found.filter(referrer__contains=word)
    return _within(found, wanted)


def _within(found: QuerySet[Study], wanted: Filter) -> QuerySet[Study]:
    since, until = wanted.since, wanted.until
    if wanted.last_days is not None:
        since = timezone.localdate() - datetime.timedelta(days=wanted.last_days)
    if since:
        found = found.filter(date__gte=f"{since:%Y%m%d}")
    if until:
        found = found.filter(~Q(date=""), date__lte=f"{until:%Y%m%d}")
    return found
