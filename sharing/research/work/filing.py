"""Everything of a release is filed at once: before, nobody sees any of it; after, all of it.

The bytes go to where an instance's bytes belong first; without rows they are nothing. Then one
transaction writes all rows, the certificate and the release's state. A kill before it leaves
nothing that can be seen, and the job begins again.
"""

import uuid
from collections import defaultdict
from collections.abc import Callable
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from sharing.access.principal import Principal, member, person
from sharing.accounts.models import Membership
from sharing.audit.actions import record
from sharing.audit.rules import Act
from sharing.ingest.models import Upload
from sharing.ingest.rules import UploadState
from sharing.ingest.work import staged
from sharing.ingest.work.check import Arrival
from sharing.kernel.errors import ConflictError
from sharing.kernel.requests import JOB
from sharing.research.models import Certificate, Item, Pseudonym, Release, ReleaseStudy
from sharing.research.queries.consent import wanted
from sharing.research.rules.states import OVER, ItemState, Move, ReleaseState, after
from sharing.research.work import certificate, vault
from sharing.storage.objects import store
from sharing.studies.models import Series, Study

Check = Callable[[], None]
Brought = list[tuple[Item, Arrival]]
TIDIED = timedelta(days=30)
WITHDRAWN = "The patient has withdrawn consent."


class NotFiledError(ConflictError):
    code = "not-filed"

    def __init__(self) -> None:
        super().__init__(
            "A de-identified file is not one that this portal can file, so nothing was released. "
            "Tell your operator, or drop the release."
        )


def file(release_id: uuid.UUID, *, check: Check) -> None:
    """Let everything be seen that was made, or nothing."""
    release = Release.objects.select_related("project__vault", "institution").get(pk=release_id)
    if release.state == ReleaseState.RELEASED:  # killed after it stood, before it had cleared up
        clear(release)
    if release.state != ReleaseState.RELEASING:
        return
    by = _releaser(release)
    upload = _upload(release)
    brought = _bring(release, upload, by, check)
    check()
    with transaction.atomic():
        locked = Release.objects.select_for_update().get(pk=release_id)
        if locked.state != ReleaseState.RELEASING:
            return
        _file(release, upload, brought, by)
    clear(release)


def _releaser(release: Release) -> Principal:
    """Whoever pressed "Release", as the audit names them."""
    assert release.released_by is not None  # a constraint says so
    found = Membership.objects.filter(
        user=release.released_by, institution=release.institution
    ).select_related("user", "institution")
    one = found.first()
    return member(one, JOB, credential="job") if one else person(release.released_by, JOB)


def _upload(release: Release) -> Upload:
    """The upload as which the studies arrive; one for a release, however often this begins."""
    assert release.released_by is not None
    if release.upload is None:
        with transaction.atomic():
            release.upload = Upload.objects.create(
                institution=release.institution,
                created_by=release.released_by,
                channel="release",
                note=f"De-identified copies: {release.title}",
            )
            release.save(update_fields=["upload"])
    return release.upload


def _bring(release: Release, upload: Upload, by: Principal, check: Check) -> Brought:
    brought: Brought = []
    made = release.items.filter(state=ItemState.MADE).select_related("study").order_by("pk")
    for number, item in enumerate(made, start=1):
        check()
        arrival = staged.bring(upload, item.output_key, name=f"IM{number:06}", by=by)
        if arrival.header is None or arrival.header.sop_instance_uid != item.uid:
            raise NotFiledError
        brought.append((item, arrival))
    return brought


# ---- In one transaction ------------------------------------------------------------------------


def _file(release: Release, upload: Upload, brought: Brought, by: Principal) -> None:
    brought = _without_withdrawn(release, brought)
    staged.file([arrival for _, arrival in brought], by=by)
    _name_outputs(brought)
    _name_earlier(release)
    _fill_vault(release)
    now = timezone.now()
    release.items.filter(pk__in=[item.pk for item, _ in brought]).update(
        state=ItemState.RELEASED, output_key=""
    )
    release.chosen.update(known=b"")
    Upload.objects.filter(pk=upload.pk).update(state=UploadState.FINISHED, finished_at=now)
    came = release.chosen.exclude(output=None).values("output")
    studies = Study.objects.filter(pk__in=came)
    studies.update(settled_at=now)
    release.state, release.released_at = after(release.state, Move.FILE), now
    release.save(update_fields=["state", "released_at"])
    body, digest = certificate.written(release)
    Certificate.objects.create(release=release, body=body, digest=digest)
    record(
        Act.RELEASE_FILED,
        by=by,
        custodian_id=release.institution_id,
        upload_id=upload.pk,
        release=str(release.pk),
        title=release.title,
        studies=studies.count(),
        files=len(brought),
        certificate=digest,
    )


def _without_withdrawn(release: Release, brought: Brought) -> Brought:
    """Consent that was withdrawn while the bytes were on their way counts, too."""
    theirs = Study.objects.filter(pk__in=release.chosen.values("source"))
    kept = set(wanted(theirs).values_list("pk", flat=True))
    out = [item.pk for item, _ in brought if item.study.source_id not in kept]
    release.items.filter(pk__in=out).update(state=ItemState.DROPPED, output_key="", why=WITHDRAWN)
    return [(item, arrival) for item, arrival in brought if item.pk not in set(out)]


def _name_outputs(brought: Brought) -> None:
    """Which study each chosen one became."""
    instances = defaultdict(list)
    for item, arrival in brought:
        instances[item.study_id].append(arrival.file.instance_id)
    for chosen_id, ids in instances.items():
        series = Series.objects.filter(instances=ids[0]).values("study")
        ReleaseStudy.objects.filter(pk=chosen_id).update(output=series[:1])


def _name_earlier(release: Release) -> None:
    """A study all of whose files were released before is the one of then."""
    for chosen in release.chosen.filter(output=None, items__state=ItemState.EARLIER).distinct():
        then = ReleaseStudy.objects.filter(
            source=chosen.source_id, output__isnull=False, release__project=release.project_id
        )
        ReleaseStudy.objects.filter(pk=chosen.pk).update(output=then.values("output")[:1])


def _fill_vault(release: Release) -> None:
    """Who is behind each pseudonym, sealed with the project's secret."""
    project_vault = release.project.vault
    secret = vault.secret_of(project_vault)
    named = release.chosen.exclude(output=None).values_list(
        "output__patient__patient_id", "source__patient_id"
    )
    fresh = [
        Pseudonym(
            vault=project_vault,
            pseudonym=pseudonym[:64],
            sealed=vault.close(secret, patient_id.bytes, about=release.project_id),
        )
        for pseudonym, patient_id in dict(named).items()
        if pseudonym
    ]
    Pseudonym.objects.bulk_create(fresh, ignore_conflicts=True)


def tidy(check: Check) -> None:
    """Clear up after releases that are over: a kill may have come between their end and that."""
    lately = timezone.now() - TIDIED
    for release in Release.objects.filter(state__in=OVER, created_at__gt=lately):
        check()
        clear(release)


def clear(release: Release) -> None:
    """Take what waited out of the store, also what a kill left there; the ledgers stay."""
    out = release.items.filter(state=ItemState.RELEASED)
    kept = set(out.values_list("ledger_key", flat=True))
    for one in store().listed(f"research/{release.pk.hex}"):
        if one.key not in kept:
            store().delete(one.key)
