"""Patients who withdraw consent."""

import pytest

from sharing.audit.models import AuditEvent
from sharing.audit.rules import Act
from sharing.kernel.errors import InvalidInputError, NotAllowedError, NotThereError
from sharing.research.actions import releases
from sharing.research.actions.consent import withdraw
from sharing.research.models import Withdrawal
from sharing.research.queries.consent import releases_with
from sharing.research.queries.releases import outputs, progress
from sharing.research.rules.states import ReleaseState
from sharing.storage.objects import store
from tests import factories as f
from tests.research.making import drafted, made, project, released, work

pytestmark = pytest.mark.django_db


def test_who_withdrew_is_in_no_later_release() -> None:
    ben = f.principal("Ben")
    hers, his = f.study(ben), f.study(ben, number=2)
    withdraw(hers.pk, by=f.principal("Ada"))
    release = released(hers, his)
    assert outputs(release).count() == 1
    with pytest.raises(InvalidInputError):
        drafted(hers, within=release.project)
    assert AuditEvent.objects.get(action=Act.CONSENT_WITHDRAWN).study_id == hers.pk


def test_who_withdraws_between_choosing_and_starting_is_left_out() -> None:
    ben, ada = f.principal("Ben"), f.principal("Ada")
    hers, his = f.study(ben), f.study(ben, number=2)
    release = drafted(hers, his)
    withdraw(hers.pk, by=ada)
    releases.start(release.pk, by=ada)
    work()
    assert progress(release).made == 2


def test_who_withdraws_while_a_release_is_under_way_is_taken_out_of_it() -> None:
    ben, ada = f.principal("Ben"), f.principal("Ada")
    hers, his = f.study(ben), f.study(ben, number=2)
    release = made(hers, his)
    withdraw(hers.pk, by=ada)
    far = progress(release)
    assert (far.made, far.dropped) == (2, 2)
    releases.let_out(release.pk, by=ada)
    work()
    assert outputs(release).count() == 1


def test_who_withdraws_while_it_is_being_filed_is_left_out_too(
    django_capture_on_commit_callbacks: object,
) -> None:
    ben, ada = f.principal("Ben"), f.principal("Ada")
    hers, his = f.study(ben), f.study(ben, number=2)
    release = made(hers, his)
    releases.let_out(release.pk, by=ada)
    withdraw(hers.pk, by=ada)
    work()
    release.refresh_from_db()
    assert release.state == ReleaseState.RELEASED
    assert outputs(release).count() == 1


def test_the_same_number_is_the_same_person_however_the_name_is_spelt() -> None:
    ben = f.principal("Ben")
    f.upload(ben, f.image(1, PatientID="P1"), f.image(2, PatientID="P1", PatientName="Prob^P"))
    from sharing.studies.models import Study

    one, two = Study.objects.order_by("uid")
    assert one.patient_id != two.patient_id
    withdraw(one.pk, by=f.principal("Ada"))
    with pytest.raises(InvalidInputError):
        drafted(two)


def test_earlier_releases_are_listed_until_their_key_is_destroyed() -> None:
    hers = f.study(f.principal("Ben"))
    release = released(hers)
    withdraw(hers.pk, by=f.principal("Ada"))
    assert list(releases_with(hers.patient)) == [release]
    assert outputs(release).count() == 1  # what is out stays out
    from sharing.research.actions.projects import destroy_key

    destroy_key(release.project_id, typed=release.project.name, by=f.principal("Ada"))
    assert not releases_with(hers.patient).exists()


def test_a_withdrawal_is_noted_once_and_only_at_home() -> None:
    hers = f.study(f.principal("Ben"))
    withdraw(hers.pk, by=f.principal("Ada"))
    withdraw(hers.pk, by=f.principal("Dana"))
    assert Withdrawal.objects.count() == 1
    with pytest.raises(NotThereError):
        withdraw(hers.pk, by=f.principal("Matteo"))
    with pytest.raises(NotAllowedError):
        withdraw(hers.pk, by=f.principal("Dora"))


def test_what_was_made_of_them_goes_from_the_store(
    django_capture_on_commit_callbacks: "object",
) -> None:
    hers = f.study(f.principal("Ben"))
    release = made(hers, within=project("Other"))
    assert list(store().listed(f"research/{release.pk.hex}"))
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        withdraw(hers.pk, by=f.principal("Ada"))
    assert not list(store().listed(f"research/{release.pk.hex}"))
