"""Projects: made, and their secret destroyed."""

import uuid

from django.db import transaction
from django.utils import timezone

from sharing.access import gate
from sharing.access.principal import Principal
from sharing.audit.actions import record
from sharing.audit.rules import Act
from sharing.deid.keys import new_secret
from sharing.kernel.errors import ConflictError, InvalidInputError, NotThereError
from sharing.research.actions.common import Officer, officer
from sharing.research.models import Item, Project, Pseudonym, ReleaseStudy, Vault
from sharing.research.rules.states import OVER
from sharing.research.work import vault
from sharing.studies.models import Study


def make_project(*, name: str, purpose: str, by: Principal) -> Project:
    """A project with a secret of its own."""
    at = officer(by)
    name = " ".join(name.split())
    with transaction.atomic():
        if Project.objects.filter(institution=at.institution, name__iexact=name).exists():
            raise InvalidInputError(fields={"name": ["There is a project with this name already."]})
        project = Project.objects.create(
            institution=at.institution, name=name, purpose=purpose.strip(), created_by=at.person
        )
        vault.fill(project, new_secret())
        record(Act.PROJECT_MADE, by=by, project=str(project.pk), name=name)
    return project


def destroy_key(project_id: uuid.UUID, *, typed: str, by: Principal) -> Project:
    """Destroy a project's secret: afterwards nobody can be found behind a pseudonym, by nobody.

    With it goes all that says which study became which. What was released stays as it is.

    Parameters
    ----------
    typed
        The project's name, typed by whoever wants this: it cannot be taken back.
    """
    at = officer(by)
    with transaction.atomic():
        held = _held(project_id, at)
        project = held.project
        if held.is_destroyed:
            raise vault.KeyDestroyedError
        if " ".join(typed.split()) != project.name:
            raise InvalidInputError(fields={"typed": ["This is not the project's name."]})
        if project.releases.exclude(state__in=OVER).exists():
            raise ConflictError(
                "A release of this project is still under way. Release it or drop it first."
            )
        held.sealed, held.destroyed_at, held.destroyed_by = b"", timezone.now(), at.person
        held.save(update_fields=["sealed", "destroyed_at", "destroyed_by"])
        held.pseudonyms.all().delete()
        Item.objects.filter(release__project=project).update(source=None)
        ReleaseStudy.objects.filter(release__project=project).update(source=None, known=b"")
        record(
            Act.PROJECT_KEY_DESTROYED,
            by=by,
            project=str(project.pk),
            name=project.name,
            commitment=bytes(held.commitment).hex(),
        )
    return project


def behind(project_id: uuid.UUID, pseudonym: str, *, by: Principal) -> Study | None:
    """A study of whoever is behind a pseudonym; None where nobody of this project is.

    Raises
    ------
    KeyDestroyedError
        Nobody can say any more.
    """
    at = officer(by)
    with transaction.atomic():
        held = _held(project_id, at)
        secret = vault.secret_of(held)
        record(Act.PSEUDONYM_OPENED, by=by, project=str(project_id), name=held.project.name)
        row = Pseudonym.objects.filter(vault=held, pseudonym=pseudonym.strip()).first()
        if row is None:
            return None
        patient = uuid.UUID(bytes=vault.opened(secret, bytes(row.sealed), about=project_id))
    theirs = gate.own_studies(by).filter(patient=patient).select_related("patient")
    return theirs.order_by("-last_arrived_at").first()


def _held(project_id: uuid.UUID, at: Officer) -> Vault:
    found = Vault.objects.filter(project=project_id, project__institution=at.institution)
    held = found.select_for_update(of=("self",)).select_related("project").first()
    if held is None:
        raise NotThereError
    return held
