"""Administrators are told 30, 7 and 1 days before keys, certificates and tokens end, once each."""

import datetime
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine

from sharing.credentials.actions import create_token
from sharing.credentials.actions.machines import change_keys, move
from sharing.credentials.rules.machines import MachineState
from sharing.credentials.work.endings import warn
from sharing.jobs.models import Job
from sharing.mails.models import Mail
from tests import factories as make
from tests.credentials import certificates as c
from tests.credentials import machine as m
from tests.credentials.making import PAIR, client, machine

pytestmark = pytest.mark.django_db
NOON = datetime.datetime(2030, 1, 1, 12, tzinfo=datetime.UTC)
DAY, HOUR = datetime.timedelta(days=1), datetime.timedelta(hours=1)
RUN: Any = SimpleNamespace(check=lambda: None)


def warned(*left: float, end: datetime.datetime) -> list[int]:
    """How many mails are queued after the hourly look at each of these days before the end."""
    counts = []
    for days in left:
        with time_machine.travel(end - days * DAY, tick=False):
            for _ in range(2):
                warn(RUN)
        counts.append(Mail.objects.count())
    return counts


DAYS = (31, 30, 20, 7, 2, 1, 0.5, 0, -1)
EACH_ONCE = [0, 1, 1, 2, 2, 3, 3, 3, 3]


def test_keys_are_warned_of_three_times() -> None:
    make.member("Matteo")
    with time_machine.travel(NOON, tick=False):
        machine(keys_end_at=NOON + 90 * DAY)
    assert warned(*DAYS, end=NOON + 90 * DAY) == EACH_ONCE
    assert set(Mail.objects.values_list("to", flat=True)) == {"ada@general.example"}


def test_certificates_are_warned_of_three_times() -> None:
    with time_machine.travel(NOON, tick=False):
        machine(pem=c.certificate(ends=90 * DAY).pem)
    assert warned(*DAYS, end=client().certificates.get().ends_at) == EACH_ONCE


def test_tokens_are_warned_of_but_not_when_they_are_short_anyway() -> None:
    make.member("Ada")
    ben, person = make.principal("Ben"), make.member("Ben")
    with time_machine.travel(NOON, tick=False):
        create_token(membership=person, lifetime=90 * DAY, by=ben)
        short = NOON + 7 * DAY
        create_token(membership=person, lifetime=7 * DAY, by=ben)
    assert warned(7, 2, 1, end=short) == [1, 1, 2]  # the first is Ben's own, of the long one
    kinds = Mail.objects.exclude(kind="token-ends")
    assert kinds.count() == 1
    assert warned(*DAYS, end=NOON + 90 * DAY)[-1] == 2 + 3


def test_what_was_renewed_or_ended_meanwhile_is_not_mailed(mailoutbox: list[Any]) -> None:
    with time_machine.travel(NOON, tick=False):
        machine(keys_end_at=NOON + 40 * DAY)
    with time_machine.travel(NOON + 20 * DAY, tick=False):
        warn(RUN)
        ada = make.principal("Ada")
        change_keys(client().pk, by=ada, jwks=m.key_set(PAIR), keys_end_at=NOON + 400 * DAY)
        _send()
        assert not mailoutbox
        change_keys(client().pk, by=ada, jwks=m.key_set(PAIR), keys_end_at=NOON + 45 * DAY)
        warn(RUN)
        _send()
        assert len(mailoutbox) == 1
        assert "PACS of Ada" in mailoutbox[0].body
        move(client().pk, MachineState.SUSPENDED, by=ada)
    assert warned(7, 1, end=NOON + 45 * DAY) == [2, 2]


def _send() -> None:
    from sharing.credentials.work.endings import mail_ending

    for job in Job.objects.filter(kind="credentials.mail-ending"):
        mail_ending(SimpleNamespace(job_id=job.pk, attempt=1, attempts=1), **job.args)
