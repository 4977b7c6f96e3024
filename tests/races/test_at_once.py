"""Fifty at the same moment, each on a connection of its own: what counts once is given once.

`ROUNDS=200 pytest tests/races` on PostgreSQL is the full measure; the suite runs a few.
"""

import datetime
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
import time_machine
from django.conf import settings

from sharing.access.principal import Principal
from sharing.accounts.models import User
from sharing.audit.models import AuditEvent
from sharing.audit.rules import Act
from sharing.credentials.models import MachineToken, UsedAssertion
from sharing.credentials.rules import limits as rules
from sharing.credentials.work import limits
from sharing.kernel.errors import NotThereError
from sharing.links import actions
from sharing.links.actions import TooManyCodesError, WrongPasscodeError
from sharing.links.models import Claim, MailboxCode, ShareLink
from sharing.links.rules import Factor, LinkState, code_digest
from sharing.studies.models import Study
from tests import factories as make
from tests.credentials import machine as m
from tests.credentials.making import PAIR, machine
from tests.links import making
from tests.races.together import ROUNDS, Row, at_once

pytestmark = pytest.mark.django_db(transaction=True)
Told = Callable[[Row], None]
MANY = 50
NOON = datetime.datetime(2030, 1, 1, 12, tzinfo=datetime.UTC)


@pytest.fixture
def ben() -> Principal:
    return make.principal("Ben")


@pytest.fixture
def study(ben: Principal) -> Study:
    return make.study(ben)


def outcome(do: Callable[[], object]) -> str:
    try:
        return type(do()).__name__
    except (NotThereError, WrongPasscodeError, TooManyCodesError) as error:
        return type(error).__name__


# ---- Share links -------------------------------------------------------------------------------


def test_a_link_for_one_use_opens_once(ben: Principal, study: Study, told: Told) -> None:
    claims = []
    for _ in range(ROUNDS):
        made = making.link(ben, study, max_uses=1)
        came = at_once(MANY, lambda made: outcome(lambda: making.opened(made)), made)
        claims.append(Claim.objects.filter(link=made.link).count())
        assert came.count("Claimed") == claims[-1]
        assert ShareLink.objects.get(pk=made.link.pk).uses == 1
    told(Row("50 open a link for one use", "opened", claims))
    assert set(claims) == {1}


def test_wrong_passcodes_at_once_are_five_tries(ben: Principal, study: Study, told: Told) -> None:
    tries = []
    for _ in range(ROUNDS):
        made = making.link(ben, study)
        came = at_once(
            MANY, lambda made: outcome(lambda: making.opened(made, passcode="WRONG234")), made
        )
        link = ShareLink.objects.get(pk=made.link.pk)
        tries.append(came.count("WrongPasscodeError"))
        assert (link.tries, link.state) == (5, LinkState.LOCKED)
        assert came.count("NotThereError") == MANY - tries[-1]
    told(Row("50 type a wrong passcode", "looked at", tries))
    assert set(tries) == {5}


@pytest.fixture
def mailed(ben: Principal, study: Study) -> Callable[[], actions.NewLink]:
    def make_one() -> actions.NewLink:
        return making.link(
            ben, study, factor=Factor.MAILBOX, recipient_email="cleo@mercy.example", max_uses=50
        )

    return make_one


def code_of(made: actions.NewLink) -> MailboxCode:
    """A code that was mailed: 12345678."""
    now = datetime.datetime.now(datetime.UTC)
    code = MailboxCode(link=made.link, expires_at=now + datetime.timedelta(minutes=10))
    code.code_digest = code_digest(settings.SECRET_KEY, code.pk, "12345678")
    code.save()
    return code


def test_wrong_codes_at_once_are_five_tries(mailed: Any, told: Told) -> None:
    tries, looked_at = [], []
    for _ in range(ROUNDS):
        made = mailed()
        code = code_of(made)
        came = at_once(MANY, said, made, "87654321")
        code.refresh_from_db()
        tries.append(code.tries)
        looked_at.append(sum("does not match" in one for one in came))
        assert sum("any more" in one for one in came) == MANY - 5
        assert ShareLink.objects.get(pk=made.link.pk).uses == 0
    told(Row("50 type a wrong mailbox code", "tries counted", tries))
    told(Row("50 type a wrong mailbox code", "looked at", looked_at))
    assert set(tries) == set(looked_at) == {5}


def said(made: actions.NewLink, code: str) -> str:
    try:
        return type(making.opened(made, passcode="", code=code)).__name__
    except WrongPasscodeError as error:
        return error.detail


def test_the_right_code_at_once_opens_once(mailed: Any, told: Told) -> None:
    claims = []
    for _ in range(ROUNDS):
        made = mailed()
        code_of(made)
        came = at_once(MANY, said, made, "12345678")
        claims.append(came.count("Claimed"))
        assert Claim.objects.filter(link=made.link).count() == claims[-1]
    told(Row("50 type the right mailbox code", "opened", claims))
    assert set(claims) == {1}


def test_at_most_five_codes_are_mailed_within_an_hour(mailed: Any, told: Told) -> None:
    mails = []
    for _ in range(ROUNDS):
        made = mailed()
        link_id, secret = making.parts(made)

        def send(link_id: Any = link_id, secret: str = secret) -> str:
            return outcome(lambda: actions.send_code(link_id, secret, origin=making.VISITOR))

        came = at_once(MANY, send)
        mails.append(came.count("Asked"))
        assert MailboxCode.objects.filter(link=made.link).count() == mails[-1]
    told(Row("50 have a mailbox code mailed", "mailed", mails))
    assert set(mails) == {5}


# ---- Accounts ----------------------------------------------------------------------------------


def guess(email: str, address: str) -> None:
    form = {"login": email, "password": "wrong, and long enough"}
    make.browser(REMOTE_ADDR=address).post("/accounts/login/", form)


def looked_at() -> int:
    """How many passwords were compared: each leaves its row."""
    return AuditEvent.objects.filter(action=Act.SIGN_IN_FAILED).count()


def one_more() -> None:
    """A guess by somebody else, when nobody is in the way, is looked at: so the count counts.

    Of those who guess at once, whoever waits long for the count is refused: it may be less.
    """
    before = looked_at()
    guess("somebody.else@x.example", "203.0.113.200")
    assert looked_at() == before + 1


def test_guesses_at_one_persons_password_are_five(told: Told) -> None:
    compared = []
    for number in range(ROUNDS):
        before, addresses = looked_at(), count(1)
        email = f"person{number}@general.example"
        User.objects.create_user(email, password=make.PASSWORD)
        at_once(MANY, lambda email, who: guess(email, f"198.51.100.{next(who)}"), email, addresses)
        compared.append(looked_at() - before)
    told(Row("50 guess one person's password, each from elsewhere", "compared", compared))
    assert max(compared) <= 5
    one_more()


def test_guesses_from_one_address_are_ten_within_a_minute(told: Told) -> None:
    compared = []
    for number in range(ROUNDS):
        before, people = looked_at(), count(1)
        address = f"10.1.{number // 250}.{number % 250}"
        at_once(
            MANY,
            lambda address, who: guess(f"nobody{next(who)}@x.example", address),
            address,
            people,
        )
        compared.append(looked_at() - before)
    told(Row("50 guess passwords of many people from one address", "compared", compared))
    assert max(compared) <= 10
    one_more()


# ---- Machines ----------------------------------------------------------------------------------


@pytest.fixture
def as_often_as_they_like(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "LIMITS", {"token": rules.Limit(100_000, 100_000)})


@pytest.mark.usefixtures("as_often_as_they_like")
def test_an_assertion_counts_once(told: Told) -> None:
    pacs, tokens = machine(), []
    for _ in range(ROUNDS):
        before = MachineToken.objects.count()
        assertion = pacs.assertion()
        came = at_once(MANY, statuses, pacs, assertion)
        tokens.append(MachineToken.objects.count() - before)
        assert sorted(came) == [200, *[400] * (MANY - 1)]
    told(Row("50 sign in by one assertion (jti)", "tokens given", tokens))
    assert set(tokens) == {1}
    assert UsedAssertion.objects.count() == ROUNDS


def statuses(pacs: m.Machine, assertion: str, address: str = "192.0.2.1") -> int:
    web = m.InProcess(REMOTE_ADDR=address)
    one = m.Machine(web, pacs.home, pacs.client_id, PAIR)
    return int(one.ask(assertion).status_code)


def test_an_address_is_not_let_in_more_often_by_asking_at_once(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "LIMITS", {"token": rules.Limit(3, 5)})
    passed = []
    for number in range(ROUNDS):
        with time_machine.travel(NOON + datetime.timedelta(minutes=number), tick=False):
            came = at_once(MANY, stranger)
            passed.append(came.count(400))
            assert came.count(429) == MANY - passed[-1]
    told(Row("50 requests for a token from one address, limit 5", "passed", passed))
    assert set(passed) == {5}


def stranger() -> int:
    web = m.InProcess(REMOTE_ADDR="192.0.2.1")
    return int(web.request("POST", "/oauth/token", data={"grant_type": "x"}).status_code)


def test_nor_is_a_machine(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "LIMITS", {"token": rules.Limit(3, 100)})
    pacs, given = machine(), []
    for number in range(ROUNDS):
        with time_machine.travel(NOON + datetime.timedelta(minutes=number), tick=False):
            before = MachineToken.objects.count()
            came = at_once(MANY, lambda: statuses(pacs, pacs.assertion()))
            given.append(MachineToken.objects.count() - before)
            assert sorted(came) == [200] * 3 + [429] * (MANY - 3)
    told(Row("50 sign-ins of one machine, limit 3", "tokens given", given))
    assert set(given) == {3}


def test_introspection_is_not_asked_more_often_either(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "LIMITS", {"introspect": rules.Limit(3, 5)})
    passed = []
    for number in range(ROUNDS):
        with time_machine.travel(NOON + datetime.timedelta(minutes=number), tick=False):
            came = at_once(MANY, curious)
            passed.append(came.count(200))
            assert came.count(429) == MANY - passed[-1]
    told(Row("50 introspections from one address, limit 5", "passed", passed))
    assert set(passed) == {5}


def curious() -> int:
    web = m.InProcess(REMOTE_ADDR="192.0.2.1")
    return int(web.request("POST", "/oauth/introspect", data={"token": "x"}).status_code)
