"""Both sides hear in good time that an agreement ends, and each distance once."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from sharing.accounts.models import Membership
from sharing.accounts.rules import MembershipState
from sharing.grants import actions
from sharing.grants.models import Grant, GrantReminder, GrantVersion
from sharing.grants.work.reminders import remind
from sharing.jobs.models import Job
from sharing.jobs.work import claim, execute, kind
from sharing.mails.models import Mail
from sharing.mails.rules import Kind
from tests import factories as f
from tests.grants.making import agreed, grant, terms

pytestmark = pytest.mark.django_db
SPEAKERS = {"ada@general.example", "dora@general.example"} | {
    "matteo@mercy.example",
    "nora@mercy.example",
}


def ending(*, days: float, agreed_before: float = 200) -> Grant:
    """An agreement that ends in so many days and was made long ago."""
    made = grant()
    end = timezone.now() + datetime.timedelta(days=days)
    begun = timezone.now() - datetime.timedelta(days=agreed_before)
    GrantVersion.objects.filter(grant=made).update(
        valid_from=begun, agreed_at=begun, valid_until=end
    )
    return made


def queued() -> set[str]:
    return set(Mail.objects.filter(kind=Kind.GRANT_ENDS).values_list("to", flat=True))


def deliver_all() -> None:
    for one in Job.objects.filter(kind="grants.mail-reminder"):
        lease = claim(one.pk)
        if lease is not None:
            execute(lease)


def test_those_who_agree_for_either_side_are_told_and_nobody_else() -> None:
    for name in ("Ben", "Rosa", "Cleo"):
        f.member(name)
    ending(days=29)
    assert remind() == 1
    assert queued() == SPEAKERS


def test_each_distance_goes_out_once() -> None:
    ending(days=29)
    assert [remind() for _ in range(3)] == [1, 0, 0]
    GrantVersion.objects.update(valid_until=timezone.now() + datetime.timedelta(days=6))
    assert [remind() for _ in range(2)] == [1, 0]
    GrantVersion.objects.update(valid_until=timezone.now() + datetime.timedelta(hours=20))
    assert [remind() for _ in range(2)] == [1, 0]
    assert sorted(GrantReminder.objects.values_list("days", flat=True)) == [1, 7, 30]


def test_after_a_pause_only_the_nearest_goes_out() -> None:
    ending(days=0.5)
    assert remind() == 1
    assert [one.days for one in GrantReminder.objects.all()] == [1]
    assert Mail.objects.count() == len(SPEAKERS)


@pytest.mark.parametrize("days", [30.5, -0.5], ids=["too early", "over"])
def test_nobody_is_told_before_or_after(days: float) -> None:
    ending(days=days)
    assert remind() == 0


def test_what_was_agreed_for_a_few_days_is_not_announced_at_once() -> None:
    ending(days=5, agreed_before=0)
    assert remind() == 0


def test_an_agreement_that_has_ended_reminds_of_nothing() -> None:
    actions.end(ending(days=5).pk, by=f.principal("Ada"))
    assert remind() == 0


def _renewed(made: Grant) -> None:
    actions.propose_version(made.pk, terms=terms(days=300), by=f.principal("Ada"))
    agreed(made)


def _ended(made: Grant) -> None:
    actions.end(made.pk, by=f.principal("Matteo"))


def _suspended(made: Grant) -> None:
    Membership.objects.update(state=MembershipState.SUSPENDED)


@pytest.mark.parametrize("then", [_renewed, _ended, _suspended], ids=lambda one: one.__name__[1:])
def test_what_happened_meanwhile_is_heeded(then: Callable[[Grant], Any]) -> None:
    made = ending(days=5)
    remind()
    then(made)
    deliver_all()
    assert mail.outbox == []


def test_the_mail_says_what_ends_and_names_no_patient() -> None:
    f.study(f.principal("Ben"))
    made = ending(days=5)
    remind()
    deliver_all()
    by_address = {one.to[0]: one for one in mail.outbox}
    assert set(by_address) == SPEAKERS
    for address, said in (
        ("ada@general.example", "Mercy sees studies of your institution"),
        ("nora@mercy.example", "your institution sees studies of General"),
    ):
        body = " ".join(str(by_address[address].body).split())
        assert said in body
        assert f"/partners/{made.pk}/" in body
        assert "Petra" not in body


def test_the_job_comes_back_each_hour() -> None:
    assert kind("grants.reminders").every == datetime.timedelta(hours=1)
