"""Everything that lasts for a time is asked two days and a second before and after each edge.

A row says what it is about, how to ask whether it counts, and from when until when it should.
To add one: a function that makes the thing at `NOON` and returns its row, under `@row`.
"""

import datetime
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
import time_machine
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from sharing.accounts import actions as people
from sharing.accounts.models import Invitation
from sharing.accounts.queries import open_invitation
from sharing.accounts.rules import Role
from sharing.accounts.work.invitations import new_link
from sharing.credentials.actions import create_token, revoke_token
from sharing.credentials.models import MachineCertificate, UsedAssertion
from sharing.credentials.principal import bearer
from sharing.credentials.rules.machines import LEEWAY
from sharing.credentials.tasks import sweep
from sharing.credentials.work import assertions, certificates
from sharing.credentials.work.proofs import ProofRefusedError
from sharing.kernel.durations import OUR_CLOCKS
from sharing.kernel.errors import SharingError
from sharing.kernel.requests import Origin
from sharing.links import actions as links
from sharing.links.models import MailboxCode
from sharing.links.principal import claim
from sharing.links.rules import Factor, code_digest
from tests import factories as make
from tests.credentials import certificates as c
from tests.credentials.making import client, machine
from tests.links import making

pytestmark = pytest.mark.django_db

NOON = datetime.datetime(2030, 1, 1, 12, tzinfo=datetime.UTC)
SECOND, HOUR, DAY = (datetime.timedelta(seconds=one) for one in (1, 3600, 86400))
OFFSETS = (-2 * DAY, -SECOND, datetime.timedelta(0), SECOND, 2 * DAY)
WHERE = Origin("192.0.2.9", "tests", "api")


class Row(NamedTuple):
    """It should count from `begins` on, and at `ends` no more; None: always."""

    counts: Callable[[], object]
    begins: datetime.datetime | None
    ends: datetime.datetime


ROWS: dict[str, Callable[[], Row]] = {}


def row(make_one: Callable[[], Row]) -> Callable[[], Row]:
    ROWS[make_one.__name__] = make_one
    return make_one


# ---- What lasts for a time ---------------------------------------------------------------------


def link(**wishes: object) -> links.NewLink:
    ben = make.principal("Ben")
    return making.link(ben, make.study(ben), **wishes)


@row
def a_link() -> Row:
    made = link(lifetime=DAY)
    return Row(lambda: making.opened(made), NOON - OUR_CLOCKS, NOON + DAY)


@row
def a_claim_of_twelve_hours() -> Row:
    return _claim(link(lifetime=7 * DAY), 12 * HOUR)


@row
def a_claim_that_ends_with_its_link() -> Row:
    return _claim(link(lifetime=HOUR), HOUR)


def _claim(made: links.NewLink, lasts: datetime.timedelta) -> Row:
    opened = making.opened(made)
    assert isinstance(opened, links.Claimed)
    held = opened.claim.pk, opened.secret
    return Row(lambda: claim(*held, WHERE), NOON - OUR_CLOCKS, NOON + lasts)


@row
def a_mailbox_code() -> Row:
    mailed = link(lifetime=7 * DAY, factor=Factor.MAILBOX, recipient_email="c@mercy.example")
    code = MailboxCode(link=mailed.link, expires_at=NOON + 10 * 60 * SECOND)
    code.code_digest = code_digest(settings.SECRET_KEY, code.pk, "12345678")
    code.save()
    return Row(
        lambda: making.opened(mailed, passcode="", code="12345678"),
        NOON - OUR_CLOCKS,
        code.expires_at,
    )


@row
def a_personal_token() -> Row:
    made = create_token(membership=make.member("Ben"), lifetime=DAY, by=make.principal("Ben"))
    return Row(lambda: bearer(made.text, WHERE), NOON - OUR_CLOCKS, NOON + DAY)


@row
def a_stream_by_a_personal_token() -> Row:
    made = create_token(membership=make.member("Ben"), lifetime=DAY, by=make.principal("Ben"))
    found = bearer(made.text, WHERE)
    assert found is not None
    return Row(found.still_allowed, NOON - OUR_CLOCKS, NOON + DAY)


@row
def a_machines_token() -> Row:
    pacs = machine()
    pacs.sign_in("studies.search")
    return Row(lambda: bearer(pacs.token, WHERE), NOON - OUR_CLOCKS, NOON + 300 * SECOND)


def _assertion(**claims: Any) -> Callable[[], object]:
    text = machine().assertion(**claims)
    return lambda: assertions.verify(text, origin=WHERE)


@row
def an_assertions_exp() -> Row:
    end = NOON + 240 * SECOND
    counts = _assertion(exp=int(end.timestamp()))
    return Row(counts, end - 300 * SECOND - LEEWAY, end + LEEWAY)


@row
def an_assertions_nbf() -> Row:
    begin, end = NOON + 60 * SECOND, NOON + 240 * SECOND
    counts = _assertion(exp=int(end.timestamp()), nbf=int(begin.timestamp()))
    return Row(counts, begin - LEEWAY, end + LEEWAY)


@row
def an_assertions_iat() -> Row:
    begin, end = NOON + 60 * SECOND, NOON + 240 * SECOND
    counts = _assertion(exp=int(end.timestamp()), iat=int(begin.timestamp()))
    return Row(counts, begin - LEEWAY, end + LEEWAY)


@row
def a_machines_keys() -> Row:
    pacs = machine(keys_end_at=NOON + DAY)
    return Row(lambda: assertions.verify(pacs.assertion(), origin=WHERE), None, NOON + DAY)


@row
def a_machines_certificate() -> Row:
    shown = c.certificate(begins=HOUR, ends=DAY)
    machine(pem=shown.pem)
    pacs, kept = client(), MachineCertificate.objects.get()
    came = Origin("192.0.2.9", certificate=shown.thumbprint)
    return Row(lambda: certificates.bound_to(pacs, came), kept.begins_at, kept.ends_at)


@row
def a_token_that_is_bound_to_a_certificate() -> Row:
    shown = c.certificate(ends=60 * SECOND)
    machine(pem=shown.pem)
    kept = MachineCertificate.objects.get()
    came = Origin("192.0.2.9", certificate=shown.thumbprint)
    from sharing.credentials.actions.signing_in import Shown, issue_token

    pacs = machine(name="Other", pem=shown.pem)
    issued = issue_token(Shown(pacs.assertion()), "studies.search", origin=came)
    return Row(lambda: bearer(issued.text, came), NOON - OUR_CLOCKS, kept.ends_at)


@row
def an_invitation() -> Row:
    made = people.invite(email="n@x.example", role=Role.READER, by=make.principal("Ada"))
    secret = new_link(Invitation.objects.get()).rpartition(".")[2]
    return Row(lambda: open_invitation(made.pk, secret), None, made.expires_at)


@row
def a_session() -> Row:
    browser = make.browser("Ben")

    def counts() -> bool:
        return bool(browser.get("/account/").status_code == 200)

    age = datetime.timedelta(seconds=settings.SESSION_COOKIE_AGE)
    return Row(counts, None, NOON + age)


# ---- Asked at each edge ------------------------------------------------------------------------


def decided(asked: Row) -> bool:
    """Whether it counts now; what asking did is undone."""
    with transaction.atomic():
        try:
            found = bool(asked.counts())
        except (SharingError, ProofRefusedError):
            found = False
        transaction.set_rollback(True)
    return found


@pytest.mark.parametrize("what", ROWS)
def test_two_days_and_a_second_around_each_edge(what: str) -> None:
    with time_machine.travel(NOON, tick=False):
        asked = ROWS[what]()
    wrong = []
    for edge in filter(None, (asked.begins, asked.ends)):
        for offset in OFFSETS:
            moment = edge + offset
            wanted = (asked.begins is None or asked.begins <= moment) and moment < asked.ends
            with time_machine.travel(moment, tick=False):
                if decided(asked) != wanted:
                    wrong.append((moment, wanted))
    assert wrong == []


# ---- A clock that is set back ------------------------------------------------------------------


@pytest.mark.parametrize("what", ROWS)
def test_what_ended_stays_ended_when_the_clock_is_set_back_two_days(what: str) -> None:
    """It may count again only where its own times say so: from its beginning on."""
    with time_machine.travel(NOON, tick=False):
        asked = ROWS[what]()
    with time_machine.travel(asked.ends, tick=False):
        assert not decided(asked)
    back = asked.ends - 2 * DAY
    with time_machine.travel(back, tick=False):
        had_begun = asked.begins is None or asked.begins <= back
        assert had_begun or not decided(asked)


def test_what_somebody_ended_stays_ended_at_every_clock() -> None:
    with time_machine.travel(NOON, tick=False):
        ben, made = make.principal("Ben"), link(lifetime=7 * DAY)
        first, second = making.opened(made), making.opened(made)
        assert isinstance(first, links.Claimed)
        assert isinstance(second, links.Claimed)
        token = create_token(membership=make.member("Ben"), lifetime=DAY, by=ben)
    with time_machine.travel(NOON + 5 * HOUR, tick=False):
        visitor = claim(first.claim.pk, first.secret, WHERE)
        assert visitor is not None
        links.leave(visitor)
        revoke_token(token.token.pk, by=ben)
        assert claim(second.claim.pk, second.secret, WHERE) is not None
        links.revoke_link(made.link.pk, by=ben)
    for back in (SECOND, HOUR, 4 * HOUR, 5 * HOUR, 2 * DAY):
        with time_machine.travel(NOON + 5 * HOUR - back, tick=False):
            for one in (first, second):
                assert claim(one.claim.pk, one.secret, WHERE) is None
            assert bearer(token.text, WHERE) is None
            assert not decided(Row(lambda: making.opened(made), None, NOON))


def test_an_assertion_that_was_used_is_not_good_again_when_the_clock_is_set_back() -> None:
    with time_machine.travel(NOON, tick=False):
        pacs = machine()
        assertion = pacs.assertion()
        assert pacs.ask(assertion).status_code == 200
    with time_machine.travel(NOON + 2 * DAY, tick=False):
        sweep(None)
    with time_machine.travel(NOON + SECOND, tick=False):
        assert pacs.ask(assertion).status_code == 400
    with time_machine.travel(NOON + 4 * DAY, tick=False):
        sweep(None)
        assert not UsedAssertion.objects.filter(expires_at__lt=timezone.now()).exists()
