"""From an invitation's mail to a membership."""

import datetime
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.utils import timezone

from sharing.accounts import actions
from sharing.accounts.models import Invitation, Membership, User
from sharing.accounts.rules import MembershipState, Role
from sharing.audit.models import AuditEvent
from sharing.jobs.models import Job
from sharing.kernel.errors import ConflictError, InvalidInputError, NotThereError
from sharing.mails.models import Mail
from sharing.mails.rules import State
from tests import factories as f
from tests.accounts.making import invitation, invite, link, secret, send_mails, with_an_app

pytestmark = pytest.mark.django_db
NEW: dict[str, Any] = {"name": "Nora Lind", "password": "a quiet lake at dawn"}


def take_up(url: str, client=None, **fields: str):
    client = client or f.browser()
    return client.post("/join", {"link": url, "step": "join", **fields})


def test_ada_invites_nora_who_reads_the_mail_and_works_there():
    invite()
    url = link()
    assert mail.outbox[0].to == ["nora@general.example"]
    nora = f.browser()
    offer = nora.post("/join", {"link": url}).content.decode()
    assert "Join General" in offer
    assert "Ada" in offer
    assert take_up(url, nora, **NEW)["Location"] == "/account/protect"
    with_an_app("nora@general.example")
    member = Membership.objects.get(user__email="nora@general.example")
    assert (member.role, member.user.name) == (Role.READER, "Nora Lind")
    assert nora.get("/").status_code == 200
    joined = AuditEvent.objects.get(action="member.joined")
    assert (joined.actor_name, joined.custodian_id) == (
        "nora@general.example",
        member.institution_id,
    )


def test_the_secret_waits_nowhere_but_in_the_mail():
    invite()
    url = link()
    assert not Job.objects.filter(args__icontains=secret(url)).exists()
    kept = bytes(invitation().secret_digest or b"")
    assert len(kept) == 32
    assert secret(url).encode() not in kept
    assert not AuditEvent.objects.filter(detail__icontains=secret(url)).exists()


def test_before_its_mail_is_sent_an_invitation_opens_to_nobody():
    made = invite()
    with pytest.raises(actions.InvitationOverError):
        actions.accept_invitation(made.pk, "", origin=f.principal("Ada").origin, **NEW)


def test_an_invitation_works_once():
    invite()
    url = link()
    assert take_up(url, **NEW).status_code == 302
    assert take_up(url, name="Mallory", password="another long password").status_code == 404
    assert User.objects.filter(name="Mallory").count() == 0


@pytest.mark.parametrize("minutes", [30, 60, 1440])
def test_an_invitation_ends_after_the_time_that_ada_chose(minutes: int):
    f.browser("Ada").post(
        "/people/", {"email": "nora@general.example", "role": "reader", "lifetime": minutes}
    )
    url = link()
    at_last = invitation().expires_at
    with time_machine.travel(at_last + datetime.timedelta(seconds=1)):
        assert take_up(url, **NEW).status_code == 404
    with time_machine.travel(at_last - datetime.timedelta(seconds=5)):
        assert take_up(url, **NEW).status_code == 302


def test_an_invitation_is_good_for_a_day_when_nothing_is_said():
    made = invite()
    assert made.expires_at - made.created_at > datetime.timedelta(hours=23, minutes=59)
    link()
    assert "for 24 hours" in str(mail.outbox[0].body)


@pytest.mark.parametrize("minutes", [29, 1441, 4320], ids=["too-short", "too-long", "days"])
def test_an_invitation_lasts_from_half_an_hour_to_a_day(minutes: int):
    with pytest.raises(InvalidInputError):
        actions.invite(
            email="nora@general.example",
            role=Role.READER,
            lifetime=datetime.timedelta(minutes=minutes),
            by=f.principal("Ada"),
        )
    assert not Invitation.objects.exists()


def test_sent_again_an_invitation_has_its_full_time_anew():
    made = actions.invite(
        email="nora@general.example",
        role=Role.READER,
        lifetime=datetime.timedelta(minutes=30),
        by=f.principal("Ada"),
    )
    with time_machine.travel(made.expires_at + datetime.timedelta(hours=1)):
        f.browser("Ada").post(f"/invitations/{made.pk}/resend")
        again = invitation()
        assert timezone.now() < again.expires_at < timezone.now() + datetime.timedelta(minutes=31)


def test_a_scanner_that_follows_the_link_uses_nothing_up():
    invite()
    url = link()
    before = Invitation.objects.values().get()
    scanner = f.browser()
    for address in (url, url.partition("#")[0], f"/join?link={url.partition('#')[2]}&step=join"):
        for method in (scanner.get, scanner.head):
            assert method(address).status_code == 200
    assert Invitation.objects.values().get() == before
    assert not User.objects.filter(email="nora@general.example").exists()
    assert take_up(url, **NEW).status_code == 302


def test_a_withdrawn_invitation_is_over_at_once():
    invite()
    url = link()
    assert f.browser("Ada").post(f"/invitations/{invitation().pk}/withdraw").status_code == 302
    assert take_up(url, **NEW).status_code == 404


def test_sent_again_the_earlier_link_ends_and_the_later_works():
    invite()
    first = link()
    f.browser("Ada").post(f"/invitations/{invitation().pk}/resend")
    second = link()
    assert second != first
    assert len(mail.outbox) == 2
    assert take_up(first, **NEW).status_code == 404
    assert take_up(second, **NEW).status_code == 302


def test_a_mail_goes_out_once_however_often_its_job_runs():
    invite()
    link()
    Job.objects.update(state="queued", finished_at=None)
    send_mails()
    assert len(mail.outbox) == 1


def test_a_mail_whose_job_broke_off_is_shown_and_not_sent_again():
    made = invite()
    url = link()
    # The server died before it had written down that the mail was taken.
    Invitation.objects.update(sent_at=None)
    Mail.objects.update(state=State.HANDING)
    Job.objects.update(state="queued", finished_at=None)
    send_mails()
    assert len(mail.outbox) == 1
    ada = f.browser("Ada")
    assert "Perhaps sent" in ada.get("/people/").content.decode()
    ada.post(f"/invitations/{made.pk}/resend")
    second = link()
    assert "Perhaps sent" not in ada.get("/people/").content.decode()
    assert take_up(url, **NEW).status_code == 404
    assert take_up(second, **NEW).status_code == 302


def test_the_page_is_the_same_for_every_visitor():
    invite()
    link()
    pages = {f.browser(name).get("/join").content for name in ("", "Ada", "Ben", "Matteo")}
    assert len(pages) == 1
    assert f.browser().get("/join").cookies == {}


@pytest.mark.parametrize(
    "wrong",
    ["", "hello", "#short.secret", "https://x.example/join", f"#{'A' * 21}B.{'A' * 43}"],
)
def test_what_is_no_invitation_is_said_to_be_none(wrong: str):
    answer = take_up(wrong, **NEW)
    assert answer.status_code == 422
    assert not User.objects.exists()


def test_a_wrong_secret_says_no_more_than_an_unknown_invitation():
    invite()
    url = link()
    wrong = url[:-4] + ("AAAA" if not url.endswith("AAAA") else "BBBB")
    unknown = url.replace(url.split("#")[1][:8], "AAAAAAAA")
    answers = [take_up(one, **NEW) for one in (wrong, unknown)]
    assert [answer.status_code for answer in answers] == [404, 404]
    bodies = {
        answer.content.replace(u.encode(), b"")
        for answer, u in zip(answers, (wrong, unknown), strict=True)
    }
    assert len(bodies) == 1


@pytest.mark.parametrize(
    ("name", "password"),
    [("", "a quiet lake at dawn"), ("Nora", "fourteen chars"), ("Nora", "nora@general.example")],
)
def test_without_a_name_or_a_good_password_the_invitation_stays_open(name: str, password: str):
    invite()
    url = link()
    assert take_up(url, name=name, password=password).status_code == 422
    assert not User.objects.filter(email="nora@general.example").exists()
    assert take_up(url, **NEW).status_code == 302


def test_ada_joins_mercy_too_with_the_account_that_she_has():
    f.member("Matteo")
    invite("ada@general.example", Role.UPLOADER, by="Matteo")
    f.member("Ada")
    url = link()
    assert take_up(url).status_code == 409
    ada = f.browser("Ada")
    assert take_up(url, ada).status_code == 302
    assert Membership.objects.filter(user__email="ada@general.example").count() == 2
    assert ada.get("/")["Location"] == "/account/protect"
    with_an_app("ada@general.example")
    assert "Mercy" in ada.get("/account/").content.decode()


def test_somebody_else_who_is_signed_in_cannot_take_it_up():
    invite()
    url = link()
    assert take_up(url, f.browser("Ben"), **NEW).status_code == 409
    assert Invitation.objects.get().accepted_at is None


def test_a_form_on_another_site_is_refused():
    invite()
    answer = f.browser().post(
        "/join", {"link": link(), "step": "join", **NEW}, headers={"Origin": "https://evil.example"}
    )
    assert answer.status_code == 403


def test_nobody_is_invited_twice_or_over_a_suspension():
    invite()
    with pytest.raises(ConflictError):
        invite("NORA@general.example")
    f.member("Ben")
    with pytest.raises(ConflictError):
        invite("ben@general.example")
    Membership.objects.filter(user__email="ben@general.example").update(
        state=MembershipState.SUSPENDED
    )
    with pytest.raises(ConflictError, match="back in"):
        invite("ben@general.example")


def test_matteo_cannot_touch_the_invitations_of_general():
    made = invite()
    with pytest.raises(NotThereError):
        actions.withdraw_invitation(made.pk, by=f.principal("Matteo"))
    with pytest.raises(NotThereError):
        actions.resend_invitation(made.pk, by=f.principal("Matteo"))


def test_a_withdrawn_invitations_mail_is_not_sent_any_more():
    made = invite()
    actions.withdraw_invitation(made.pk, by=f.principal("Ada"))
    send_mails()
    assert mail.outbox == []
