"""Projects and their vaults."""

import uuid

from django.db.models import Count, Q, QuerySet

from sharing.access.principal import Principal
from sharing.kernel.errors import NotThereError
from sharing.research.models import Project
from sharing.research.rules.states import ReleaseState


def projects(by: Principal) -> QuerySet[Project]:
    """The institution's projects, the newest first, with how many releases are out and open."""
    out = Q(releases__state=ReleaseState.RELEASED)
    under_way = Q(releases__isnull=False) & ~Q(
        releases__state__in=(ReleaseState.RELEASED, ReleaseState.DROPPED)
    )
    return (
        Project.objects.filter(institution=by.actor.institution_id)
        .select_related("vault", "created_by")
        .annotate(
            out=Count("releases", filter=out, distinct=True),
            under_way=Count("releases", filter=under_way, distinct=True),
        )
    )


def project(by: Principal, project_id: uuid.UUID) -> Project:
    """One of them; NotThereError where it is not."""
    found = projects(by).filter(pk=project_id).first()
    if found is None:
        raise NotThereError
    return found
