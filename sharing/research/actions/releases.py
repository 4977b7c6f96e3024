"""A release: studies chosen, started, paused, let go on, released, dropped."""

import uuid
from collections.abc import Collection
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from sharing.access import gate
from sharing.access.principal import Principal
from sharing.access.rules import Action
from sharing.audit.actions import record
from sharing.audit.rules import Act
from sharing.jobs.actions import enqueue
from sharing.kernel.errors import ConflictError, InvalidInputError, NotThereError
from sharing.research.actions.common import held, move, note, officer
from sharing.research.models import Hold, Item, Project, Release, ReleaseStudy
from sharing.research.queries.consent import wanted
from sharing.research.queries.profiles import Known
from sharing.research.rules.states import Decision, ItemState, Move
from sharing.research.work import making, vault
from sharing.studies.models import Instance, Study

MOST_STUDIES = 20_000
MOST_FILES = 200_000
AT_ONCE = 2000


def may_be_chosen(by: Principal) -> QuerySet[Study]:
    """The institution's studies that can go into a release.

    Not what is a de-identified copy itself, nor anything of patients who withdrew their consent.
    """
    copies = ReleaseStudy.objects.filter(output=OuterRef("pk"))
    return wanted(gate.own_studies(by, Action.DOWNLOAD)).exclude(Exists(copies))


def draft(
    project_id: uuid.UUID,
    *,
    title: str,
    profile: Known,
    studies: Collection[uuid.UUID],
    query: dict[str, Any] | None = None,
    by: Principal,
) -> Release:
    """Choose studies, a project and a profile; nothing is done yet."""
    at = officer(by)
    project = Project.objects.filter(pk=project_id, institution=at.institution).first()
    if project is None:
        raise NotThereError
    vault.secret_of(project.vault)
    chosen = set(may_be_chosen(by).filter(pk__in=studies).values_list("pk", flat=True))
    if not chosen:
        raise InvalidInputError("Choose at least one study that may be released.")
    if len(chosen) > MOST_STUDIES:
        raise InvalidInputError(f"A release has at most {MOST_STUDIES:,} studies.")
    with transaction.atomic():
        release = Release.objects.create(
            institution=at.institution,
            project=project,
            title=title.strip()[:120],
            query=query or {},
            profile_name=profile.profile.name,
            profile_version=profile.profile.version,
            profile_digest=profile.profile.digest,
            profile_text=profile.text,
            created_by=at.person,
        )
        ReleaseStudy.objects.bulk_create(
            [ReleaseStudy(release=release, source_id=pk) for pk in sorted(chosen)], AT_ONCE
        )
        note(Act.RELEASE_DRAFTED, release, by=by, studies=len(chosen))
    return release


def start(release_id: uuid.UUID, *, by: Principal) -> Release:
    """Begin: every file that the studies have now is to be de-identified."""
    at = officer(by)
    with transaction.atomic():
        release = held(release_id, at)
        move(release, Move.START)
        vault.secret_of(release.project.vault)
        may = set(may_be_chosen(by).values_list("pk", flat=True))
        release.chosen.exclude(source__in=may).delete()
        files = _list_files(release, by)
        release.started_at, release.runs = timezone.now(), 1
        release.save(update_fields=["state", "started_at", "runs"])
        making.queue(release)
        note(Act.RELEASE_STARTED, release, by=by, files=files, profile=release.profile_name)
    making.settle(release.pk)  # where all was released before, no job says so
    release.refresh_from_db(fields=["state"])
    return release


def _list_files(release: Release, by: Principal) -> int:
    """A row for each file; what this project has released by the same profile is not made again."""
    earlier = _earlier(release)
    count = 0
    for chosen in release.chosen.select_related("source__patient").order_by("pk"):
        assert chosen.source is not None
        rows = [
            Item(
                release=release,
                study=chosen,
                source_id=pk,
                state=ItemState.EARLIER if pk in earlier else ItemState.WAITING,
            )
            for pk in _files_of(chosen.source, by)
        ]
        Item.objects.bulk_create(rows, AT_ONCE)
        record(
            Act.STUDY_DEIDENTIFIED,
            by=by,
            **gate.facts(chosen.source),
            release=str(release.pk),
            title=release.title,
            files=len(rows),
        )
        count += len(rows)
    if count > MOST_FILES:
        raise InvalidInputError(f"A release has at most {MOST_FILES:,} files. Make several.")
    return count


def _files_of(study: Study, by: Principal) -> list[uuid.UUID]:
    series = gate.series_of(by, study, Action.DOWNLOAD)
    found = Instance.objects.filter(series__in=series)
    return list(found.order_by("series__number", "number", "pk").values_list("pk", flat=True))


def _earlier(release: Release) -> set[uuid.UUID]:
    """The files that this project has released before, all by this very profile.

    Raises
    ------
    ConflictError
        By another one: one image would have the same new number with other contents.
    """
    before = Item.objects.filter(
        release__project=release.project,
        state=ItemState.RELEASED,
        source__series__study__in=release.chosen.values("source"),
    )
    other = before.exclude(release__profile_digest=release.profile_digest)
    clash = other.select_related("release").first()
    if clash is not None:
        raise ConflictError(
            f"Some of these studies are out already, in “{clash.release.title}” of this project, by "
            "another profile. Leave them out, or make another project for this profile."
        )
    return set(before.values_list("source_id", flat=True))


def pause(release_id: uuid.UUID, *, by: Principal) -> Release:
    """Stop after the files that are just being worked on; what is done stays done."""
    return _moved(release_id, Move.PAUSE, Act.RELEASE_PAUSED, by)


def resume(release_id: uuid.UUID, *, by: Principal) -> Release:
    """Go on, also after jobs that failed for good."""
    at = officer(by)
    with transaction.atomic():
        release = held(release_id, at)
        if release.state != "running":
            move(release, Move.RESUME)
        release.runs += 1
        release.save(update_fields=["state", "runs"])
        release.items.filter(state=ItemState.WAITING).update(attempts=0)
        making.queue(release)
        note(Act.RELEASE_RESUMED, release, by=by)
    making.settle(release.pk)
    release.refresh_from_db(fields=["state"])
    return release


def let_out(release_id: uuid.UUID, *, by: Principal) -> Release:
    """Release what was made: a job files it, all at once. Asked again, it tries again."""
    at = officer(by)
    with transaction.atomic():
        release = held(release_id, at)
        if not release.items.filter(state__in=(ItemState.MADE, ItemState.EARLIER)).exists():
            raise ConflictError("No file is left in this release. Drop it.")
        if release.state != "releasing":
            move(release, Move.RELEASE)
            release.released_by = at.person
            note(Act.RELEASE_ORDERED, release, by=by)
        release.runs += 1
        release.save(update_fields=["state", "runs", "released_by"])
        enqueue(
            "research.file",
            key=f"release:{release.pk}:{release.runs}:file",
            args={"release": str(release.pk)},
        )
    return release


def drop(release_id: uuid.UUID, *, by: Principal) -> Release:
    """Give a release up: what was made of its studies goes, and nobody has seen it."""
    at = officer(by)
    with transaction.atomic():
        release = held(release_id, at)
        move(release, Move.DROP)
        release.save(update_fields=["state"])
        left = (ItemState.WAITING, ItemState.MADE, ItemState.EARLIER)
        for item in release.items.filter(state=ItemState.MADE):
            making.drop_output(item)
        release.items.filter(state__in=left).update(
            state=ItemState.DROPPED, output_key="", why="The release was dropped."
        )
        Hold.objects.filter(release=release, decision="").update(
            decision=Decision.DROPPED, decided_by=at.person, decided_at=timezone.now()
        )
        release.chosen.update(known=b"")
        note(Act.RELEASE_DROPPED, release, by=by)
    return release


def _moved(release_id: uuid.UUID, how: Move, act: Act, by: Principal) -> Release:
    at = officer(by)
    with transaction.atomic():
        release = held(release_id, at)
        move(release, how)
        release.save(update_fields=["state"])
        note(act, release, by=by)
    return release
