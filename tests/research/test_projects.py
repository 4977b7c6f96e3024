"""A project's key: what it is good for, and that nobody finds anybody once it is destroyed."""

import uuid
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from django.apps import apps
from django.db import IntegrityError, transaction

from sharing.audit.models import AuditEvent
from sharing.audit.rules import Act
from sharing.deid.keys import Keys, patient_key
from sharing.kernel.errors import ConflictError, InvalidInputError, NotAllowedError, NotThereError
from sharing.research.actions import projects, releases
from sharing.research.models import Item, Project, Pseudonym, Release, ReleaseStudy, Vault
from sharing.research.queries.releases import outputs
from sharing.research.work import vault
from sharing.storage.objects import store
from sharing.studies.models import Study
from tests import factories as f
from tests.research.making import drafted, made, project, released

pytestmark = pytest.mark.django_db


def destroyed(release: Release) -> Project:
    one = release.project
    return projects.destroy_key(one.pk, typed=one.name, by=f.principal("Ada"))


def test_the_secret_is_sealed_and_opens_for_its_own_project_alone() -> None:
    one, two = project(), project("Livers")
    secret = vault.secret_of(one.vault)
    assert len(secret) == 32
    assert secret not in bytes(one.vault.sealed)
    assert secret != vault.secret_of(two.vault)
    Vault.objects.filter(pk=two.pk).update(sealed=one.vault.sealed)
    with pytest.raises(InvalidTag):
        vault.secret_of(Vault.objects.get(pk=two.pk))


def test_who_is_behind_a_pseudonym_is_found_as_long_as_there_is_a_key() -> None:
    study = f.study(f.principal("Ben"))
    release = released(study)
    pseudonym = outputs(release).get().patient.patient_id
    assert projects.behind(release.project_id, pseudonym, by=f.principal("Ada")) == study
    assert projects.behind(release.project_id, "P-NOBODY", by=f.principal("Ada")) is None
    assert AuditEvent.objects.filter(action=Act.PSEUDONYM_OPENED).count() == 2
    with pytest.raises(NotAllowedError):
        projects.behind(release.project_id, pseudonym, by=f.principal("Dora"))
    with pytest.raises(NotThereError):
        projects.behind(release.project_id, pseudonym, by=f.principal("Matteo"))


def test_a_destroyed_key_is_gone_and_with_it_every_way_back() -> None:
    study = f.study(f.principal("Ben"))
    release = released(study)
    secret = vault.secret_of(release.project.vault)
    copy = outputs(release).get()
    destroyed(release)

    kept = Vault.objects.get()
    assert bytes(kept.sealed) == b""
    assert kept.destroyed_by == f.member("Ada").user
    with pytest.raises(vault.KeyDestroyedError):
        vault.secret_of(kept)
    with pytest.raises(vault.KeyDestroyedError):
        projects.behind(release.project_id, copy.patient.patient_id, by=f.principal("Ada"))
    assert not Pseudonym.objects.exists()
    assert not Item.objects.exclude(source=None).exists()
    assert not ReleaseStudy.objects.exclude(source=None).exists()
    # The copy stays, and still says by which release it came.
    assert outputs(release).get() == copy
    # Whoever finds the secret elsewhere can be shown that it is the one.
    assert bytes(kept.commitment) == vault.commitment(release.project_id, secret)


def test_no_row_and_no_object_names_both_sides_once_the_key_is_destroyed() -> None:
    """All tables of this app and all objects are searched for what is the original's."""
    study = f.study(f.principal("Ben"))
    release = released(study)
    theirs = _names(study)
    assert [one for one in _rows() if any(name in one for name in theirs)]
    destroyed(release)
    assert not [one for one in _rows() if any(name in one for name in theirs)]
    for one in store().listed(f"research/{release.pk.hex}"):
        data = b"".join(store().stream(one.key))
        assert not any(name.encode() in data for name in theirs)


def test_without_the_key_a_pseudonym_is_not_derived_again() -> None:
    study = f.study(f.principal("Ben"))
    release = released(study)
    pseudonym = outputs(release).get().patient.patient_id
    whom = patient_key(study.patient.issuer, study.patient.patient_id)
    secret = vault.secret_of(release.project.vault)
    assert Keys(secret).pseudonym(whom) == pseudonym
    destroyed(release)
    kept = Vault.objects.get()
    for one in (bytes(kept.sealed), bytes(kept.commitment), bytes(32)):
        assert Keys(one.ljust(32, b"\0")).pseudonym(whom) != pseudonym


def _names(study: Study) -> set[str]:
    """What names the original: our ids, its UIDs, its patient."""
    found = {study.pk, study.patient_id, study.uid, study.patient.patient_id}
    for series in study.series.all():
        found |= {series.pk, series.uid}
        for instance in series.instances.all():
            found |= {instance.pk, instance.uid, instance.key, bytes(instance.sha256).hex()}
    plain = {str(one) for one in found}
    return {one for one in plain | {one.replace("-", "") for one in plain} if len(one) > 4}


def _rows() -> list[str]:
    return [
        repr([_plain(value) for value in row])
        for model in apps.get_app_config("research").get_models()
        for row in model._default_manager.values_list()
    ]


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, uuid.UUID) else value


def test_a_key_is_destroyed_by_typing_the_projects_name_and_by_nobody_else() -> None:
    one = project()
    with pytest.raises(InvalidInputError):
        projects.destroy_key(one.pk, typed="Lung", by=f.principal("Ada"))
    with pytest.raises(NotAllowedError):
        projects.destroy_key(one.pk, typed=one.name, by=f.principal("Dora"))
    with pytest.raises(NotThereError):
        projects.destroy_key(one.pk, typed=one.name, by=f.principal("Matteo"))
    projects.destroy_key(one.pk, typed=f" {one.name} ", by=f.principal("Ada"))
    with pytest.raises(vault.KeyDestroyedError):
        projects.destroy_key(one.pk, typed=one.name, by=f.principal("Ada"))


def test_a_key_stays_while_a_release_is_under_way() -> None:
    release = made(f.study(f.principal("Ben")))
    with pytest.raises(ConflictError):
        destroyed(release)
    releases.drop(release.pk, by=f.principal("Ada"))
    destroyed(release)


def test_nothing_is_made_in_a_project_without_a_key() -> None:
    study, one = f.study(f.principal("Ben")), project()
    waiting = drafted(study, within=one)
    releases.drop(waiting.pk, by=f.principal("Ada"))
    projects.destroy_key(one.pk, typed=one.name, by=f.principal("Ada"))
    with pytest.raises(vault.KeyDestroyedError):
        drafted(study, within=one)


def test_the_database_keeps_no_sealed_secret_that_is_said_to_be_destroyed() -> None:
    one = project()
    with pytest.raises(IntegrityError), transaction.atomic():
        Vault.objects.filter(pk=one.pk).update(sealed=b"")


def test_two_projects_have_two_names() -> None:
    project()
    with pytest.raises(InvalidInputError):
        project("LUNG  nodules")
