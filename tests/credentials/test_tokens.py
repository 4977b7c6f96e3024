"""Tokens for programs: made once, shown once, never more than their person."""

import datetime
import io

import pytest
import time_machine
from django.core.management import CommandError, call_command

from sharing.access.rules import ROLE_ACTIONS, Action
from sharing.accounts.models import Membership
from sharing.accounts.rules import MembershipState, Role
from sharing.audit.models import AuditEvent
from sharing.audit.rules import Act, ActorKind
from sharing.credentials.actions import create_token, revoke_token
from sharing.credentials.models import ApiToken
from sharing.credentials.principal import bearer
from sharing.kernel.errors import InvalidInputError, NotAllowedError, NotThereError
from sharing.kernel.requests import Origin
from tests import factories

pytestmark = pytest.mark.django_db
HOUR = datetime.timedelta(hours=1)
WHERE = Origin("192.0.2.9", "curl", "api")


def token(name: str = "Ben", **wishes):
    wishes = {"lifetime": HOUR, **wishes}
    by = factories.principal(name)
    return create_token(membership=factories.member(name), by=by, **wishes)


def printed(**options: str) -> str:
    out = io.StringIO()
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    call_command("token", *words, stdout=out)
    return out.getvalue().strip()


def test_a_token_acts_for_its_person_as_far_as_the_role_goes():
    found = bearer(token("Rosa").text, WHERE)
    assert found is not None
    assert found.user == factories.member("Rosa").user
    assert found.actor.credential == "token"
    assert found.actions == {Action.SEARCH, Action.VIEW, Action.DOWNLOAD}


def test_an_administrators_token_does_not_administer():
    found = bearer(token("Ada").text, WHERE)
    assert found is not None
    assert not found.may(Action.ADMINISTER)
    assert found.may(Action.REVIEW)


def test_a_token_of_fewer_scopes_does_less():
    found = bearer(token(scopes=[Action.UPLOAD]).text, WHERE)
    assert found is not None
    assert found.actions == {Action.UPLOAD}


def test_only_a_digest_is_kept():
    made = token()
    kept = str(ApiToken.objects.values().get())
    assert made.text[26:] not in kept


@pytest.mark.parametrize("change", ["revoked", "expired", "suspended", "left", "altered"])
def test_a_token_ends(change):
    made = token()
    principal = bearer(made.text, WHERE)
    assert principal is not None
    later = datetime.timedelta(0)
    text = made.text
    if change == "revoked":
        revoke_token(made.token.pk, by=factories.principal("Ben"))
    elif change == "expired":
        later = HOUR
    elif change == "suspended":
        Membership.objects.update(state=MembershipState.SUSPENDED)
    elif change == "left":
        factories.member("Ben").user.__class__.objects.update(is_active=False)
    else:
        text = made.text[:-1] + ("a" if made.text[-1] != "a" else "b")
    with time_machine.travel(made.token.created_at + later, tick=False):
        assert bearer(text, WHERE) is None
        if change != "altered":
            assert not principal.still_allowed()


def test_what_a_token_began_breaks_off_when_its_persons_role_changes():
    principal = bearer(token().text, WHERE)
    assert principal is not None
    assert principal.still_allowed()
    Membership.objects.update(role=Role.COMPLIANCE)
    assert not principal.still_allowed()


@pytest.mark.parametrize(
    "text", ["", "hv", "hv_", "hv_x_y", "xx_" + "a" * 22 + "_b", "hv_" + "é" * 30]
)
def test_nonsense_is_no_token(text):
    assert bearer(text, WHERE) is None


def test_no_longer_than_ninety_days_and_no_more_than_the_role():
    with pytest.raises(InvalidInputError):
        token(lifetime=datetime.timedelta(days=91))
    with pytest.raises(InvalidInputError):
        token("Rosa", scopes=[Action.UPLOAD])
    with pytest.raises(InvalidInputError):
        token("Ada", scopes=[Action.ADMINISTER])
    with pytest.raises(InvalidInputError):
        token(scopes=[])
    assert not ApiToken.objects.exists()


def test_a_token_makes_no_token():
    found = bearer(token().text, WHERE)
    assert found is not None
    with pytest.raises(NotAllowedError):
        create_token(membership=factories.member("Ben"), lifetime=HOUR, by=found)


def test_nobody_makes_or_revokes_anothers_token():
    made = token()
    cleo = factories.principal("Cleo")
    with pytest.raises(NotThereError):
        create_token(membership=factories.member("Ben"), lifetime=HOUR, by=cleo)
    with pytest.raises(NotThereError):
        revoke_token(made.token.pk, by=cleo)
    assert bearer(made.text, WHERE) is not None


def test_making_and_revoking_are_written_down_once():
    made = token()
    ben = factories.principal("Ben")
    revoke_token(made.token.pk, by=ben)
    revoke_token(made.token.pk, by=ben)
    acts = [row.action for row in AuditEvent.objects.order_by("pk")]
    assert acts == [Act.TOKEN_CREATED, Act.TOKEN_REVOKED]


class TestTheCommand:
    def test_it_prints_a_token_and_nothing_else(self):
        factories.member("Ben")
        text = printed(user="BEN@general.example", expires="1h", label="nightly")
        found = bearer(text, WHERE)
        assert found is not None
        assert found.actions == ROLE_ACTIONS[Role.UPLOADER]
        assert ApiToken.objects.get().label == "nightly"
        assert AuditEvent.objects.get().actor_kind == ActorKind.OPERATOR

    def test_scopes(self):
        factories.member("Ben")
        found = bearer(printed(user="ben@general.example", scopes="search, view"), WHERE)
        assert found is not None
        assert found.actions == {Action.SEARCH, Action.VIEW}

    @pytest.mark.parametrize(
        "options",
        [
            {"user": "nobody@general.example"},
            {"user": "ben@general.example", "expires": "91d"},
            {"user": "ben@general.example", "expires": "soon"},
            {"user": "ben@general.example", "scopes": "everything"},
            {"user": "ben@general.example", "scopes": "administer"},
        ],
    )
    def test_what_cannot_be_is_said(self, options):
        factories.member("Ben")
        with pytest.raises(CommandError):
            printed(**options)

    def test_of_two_institutions_it_asks_which(self):
        ben, mercy = factories.member("Ben"), factories.member("Cleo").institution
        Membership.objects.create(user=ben.user, institution=mercy, role="reader")
        with pytest.raises(CommandError, match="General, Mercy"):
            printed(user=ben.user.email)
        found = bearer(printed(user=ben.user.email, institution="mercy"), WHERE)
        assert found is not None
        assert found.membership is not None
        assert found.membership.institution == mercy
