"""Projects and releases at General, made as people make them."""

import uuid
from typing import Any

from sharing.jobs.work import running
from sharing.research.actions import holds, projects
from sharing.research.actions import releases as actions
from sharing.research.models import (
    Certificate,
    Hold,
    Item,
    ProfileVersion,
    Project,
    Pseudonym,
    Release,
    Withdrawal,
)
from sharing.research.queries import profiles
from sharing.research.queries.releases import open_holds
from sharing.studies.models import Study
from tests import factories as f


def project(name: str = "Lung nodules", *, by: str = "Ada") -> Project:
    return projects.make_project(name=name, purpose="To try things out.", by=f.principal(by))


def drafted(
    *studies: Study,
    within: Project | None = None,
    profile: str = "basic",
    by: str = "Ada",
    **more: Any,
) -> Release:
    """A release of these studies, not begun."""
    asking = f.principal(by)
    return actions.draft(
        (within or project(by=by)).pk,
        title=more.pop("title", "First batch"),
        profile=profiles.profile(asking, profile),
        studies=[one.pk for one in studies],
        by=asking,
        **more,
    )


def prepared(study: Study, *, by: str = "Ada") -> dict[str, uuid.UUID]:
    """A project, and a release that is not begun, with one file in doubt: their ids.

    And a row of everything else that this app keeps.
    """
    release, person = drafted(study, by=by), f.member(by).user
    home = {"institution": release.institution}
    ProfileVersion.objects.create(
        **home, name="ours", version="1", title="Ours", text="-", digest="-", published_by=person
    )
    Pseudonym.objects.create(vault=release.project.vault, pseudonym="P-1", sealed=b"-")
    Withdrawal.objects.create(**home, patient=study.patient, created_by=person)
    Certificate.objects.create(release=release, body=b"{}", digest="-")
    item = Item.objects.create(
        release=release, study=release.chosen.get(), source=f.first_instance(study)
    )
    hold = Hold.objects.create(release=release, item=item, kind="pixels", sentence="Look at it.")
    return {"project_id": release.project_id, "release_id": release.pk, "hold_id": hold.pk}


def work() -> int:
    """Run every job that is due, here and now; how many there were."""
    count = 0
    while claimed := running.claim_next():
        running.execute(claimed)
        count += 1
    return count


def made(*studies: Study, **more: Any) -> Release:
    """A release whose files have all been worked on."""
    release = drafted(*studies, **more)
    actions.start(release.pk, by=f.principal(more.get("by", "Ada")))
    work()
    release.refresh_from_db()
    return release


def approved(release: Release, *, by: str = "Ada") -> Release:
    """The same, with every doubt approved."""
    for hold in list(open_holds(release)):
        holds.approve(release.pk, hold.pk, by=f.principal(by))
    release.refresh_from_db()
    return release


def released(*studies: Study, **more: Any) -> Release:
    """A release that is out."""
    release = approved(made(*studies, **more))
    actions.let_out(release.pk, by=f.principal(more.get("by", "Ada")))
    work()
    release.refresh_from_db()
    return release
