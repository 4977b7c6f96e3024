"""The first person of a new server: `manage.py institution General --administrator …`."""

import re
from typing import Any

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import IntegrityError
from django.test import Client
from django.utils import timezone

from sharing.accounts.models import Institution, Invitation, Membership
from sharing.accounts.rules import Role
from sharing.audit.models import AuditEvent
from sharing.jobs.models import Job
from tests import factories as f
from tests.accounts.making import send_mails

pytestmark = pytest.mark.django_db
ADA = "ada@general.example"
NEW = {"name": "Ada Okafor", "password": "a quiet lake at dawn"}


def run(capsys: Any, *words: str, name: str = "General", email: str = ADA) -> str:
    call_command("institution", name, "--administrator", email, *words)
    return str(capsys.readouterr().out)


def link_in(text: str) -> str:
    (found,) = re.findall(r"https?://\S+/join#\S+", text)
    return str(found)


def join(url: str) -> int:
    return Client().post("/join", {"link": url, "step": "join", **NEW}).status_code


def test_without_a_mail_server_ada_joins_by_the_link_that_the_shell_showed(capsys):
    said = run(capsys)
    assert "General is made." in said
    assert "No mail server is set (EMAIL_HOST): mails are kept in" in said
    assert not Job.objects.exists()
    assert join(link_in(said)) == 302
    ada = Membership.objects.get()
    assert (ada.user.email, ada.role, ada.institution.name) == (ADA, Role.ADMINISTRATOR, "General")


def test_the_link_is_shown_once_and_kept_by_its_digest_alone(capsys):
    secret = link_in(run(capsys)).rpartition(".")[2]
    kept = Invitation.objects.get()
    assert len(bytes(kept.secret_digest or b"")) == 32
    assert not AuditEvent.objects.filter(detail__icontains=secret).exists()


def test_with_a_mail_server_the_link_is_in_the_mail_alone(capsys, settings):
    settings.EMAIL_HOST = "mail.general.example"
    said = run(capsys)
    assert f"The invitation goes to {ADA} by mail.general.example" in said
    assert "/join#" not in said
    send_mails()
    (sent,) = mail.outbox
    assert sent.to == [ADA]
    assert "You are invited to General on Handover" in str(sent.body)
    assert join(link_in(str(sent.body))) == 302


def test_a_mail_that_still_waits_does_not_end_the_link_that_was_shown(capsys, settings):
    settings.EMAIL_HOST = "mail.general.example"
    run(capsys)
    url = link_in(run(capsys, "--show-link"))
    send_mails()
    assert not mail.outbox
    assert join(url) == 302


def test_asked_again_the_earlier_link_ends_and_a_fresh_one_works(capsys):
    first = link_in(run(capsys))
    Invitation.objects.update(expires_at=timezone.now())
    said = run(capsys)
    assert "General was there already." in said
    assert Institution.objects.count() == Invitation.objects.count() == 1
    assert join(first) == 404
    assert join(link_in(said)) == 302


def test_the_audit_says_that_it_was_the_operator(capsys):
    run(capsys)
    row = AuditEvent.objects.get()
    assert (row.action, row.actor_kind, row.channel) == ("member.invited", "operator", "shell")
    assert row.custodian_id == Institution.objects.get().pk
    assert row.detail["email"] == ADA


def test_the_offer_and_the_list_of_people_do_not_name_an_inviter_who_is_none(capsys):
    url = link_in(run(capsys, email="max@general.example"))
    offer = Client().post("/join", {"link": url}).content.decode()
    assert "This invitation is for max@general.example." in offer
    people = f.browser("Ada").get("/people/").content.decode()
    assert "the operator" in people
    assert "None" not in people


@pytest.mark.parametrize(
    ("name", "email", "sentence"),
    [
        ("General", "ada", "ada is no e-mail address."),
        (" ", ADA, "An institution's name has from 1 to 120 characters."),
        ("x" * 121, ADA, "An institution's name has from 1 to 120 characters."),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(capsys, name: str, email: str, sentence: str):
    with pytest.raises(CommandError, match=re.escape(sentence)):
        run(capsys, name=name, email=email)
    assert not Institution.objects.exists()


def test_a_member_is_not_invited_again(capsys):
    f.member("Ada")
    with pytest.raises(CommandError, match="a member here already"):
        run(capsys)


def test_only_an_administrator_is_invited_by_nobody():
    general = f.member("Ada").institution
    with pytest.raises(IntegrityError, match="only_an_administrator_is_invited_by_nobody"):
        Invitation.objects.create(
            institution=general, email=ADA, role=Role.READER, expires_at=timezone.now()
        )
