"""Invitations as the tests need them: their mail, and the link in it."""

import re
from typing import Any

from allauth.mfa.models import Authenticator
from django.core import mail

from sharing.accounts import actions
from sharing.accounts.models import Invitation, User
from sharing.accounts.rules import Role
from sharing.jobs.work import claim_next, execute
from tests import factories as f


def invite(email: str = "nora@general.example", role: Role = Role.READER, by: str = "Ada") -> Any:
    return actions.invite(email=email, role=role, by=f.principal(by))


def send_mails() -> None:
    """Do what waits in the queue."""
    while claimed := claim_next():
        execute(claimed)


def link() -> str:
    """The link in the latest mail."""
    send_mails()
    found = re.search(r"https?://\S+/join#\S+", str(mail.outbox[-1].body))
    assert found, mail.outbox[-1].body
    return found[0]


def secret(url: str) -> str:
    return url.rpartition(".")[2]


def invitation() -> Invitation:
    return Invitation.objects.latest("created_at")


def with_an_app(email: str) -> None:
    """Somebody set up an app that shows codes."""
    user = User.objects.get(email=email)
    Authenticator.objects.create(user=user, type=Authenticator.Type.TOTP, data={"secret": "x"})


def with_a_passkey(email: str, *, alone: bool = True) -> None:
    """Somebody added a passkey, which signs in by itself or only beside a password."""
    extensions = {"clientExtensionResults": {"credProps": {"rk": alone}}}
    Authenticator.objects.create(
        user=User.objects.get(email=email),
        type=Authenticator.Type.WEBAUTHN,
        data={"name": "Laptop", "credential": extensions},
    )
