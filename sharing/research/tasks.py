"""The jobs of a release: one for each lane of each study, and one that files everything at once."""

import uuid
from datetime import timedelta

from sharing.jobs.work import Run, job
from sharing.kernel import wall
from sharing.research.models import Release, ReleaseStudy
from sharing.research.work import filing, making


@job("research.deidentify", soft=timedelta(hours=2))
def deidentify(run: Run, *, chosen: str, lane: int, lanes: int) -> None:
    """De-identify the files of one lane of a study."""
    found = ReleaseStudy.objects.select_related("release").get(pk=chosen)
    with wall.acting_for(found.release.institution_id):
        making.work_through(found.pk, lane=lane, lanes=lanes, check=run.check)


@job("research.file", soft=timedelta(hours=4))
def file(run: Run, *, release: str) -> None:
    """File what was made, all of a release in one transaction."""
    found = Release.objects.get(pk=release)
    with wall.acting_for(found.institution_id):
        filing.file(uuid.UUID(release), check=run.check)


@job("research.tidy", every=timedelta(days=1), soft=timedelta(hours=1))
def tidy(run: Run) -> None:
    """Clear up after releases that are over."""
    filing.tidy(run.check)
