"""An institution signs up, proves its domain, and is let in by a second person, or is not."""

import datetime
import re
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from sharing.accounts.models import Evidence, Institution, Invitation, Membership, SignUp
from sharing.accounts.queries import evidence_of
from sharing.accounts.rules import SIGN_UP_MOVES, SIGN_UPS_PER_HOUR, SignUpState, states_before
from sharing.audit.models import AuditEvent
from sharing.jobs.actions import enqueue
from tests import factories as f
from tests.accounts.dns import Zone, zone
from tests.accounts.making import send_mails

pytestmark = pytest.mark.django_db
OLGA = "olga@portal.example"
SAID = {
    "name": "Lakeside Clinic",
    "address": "3 Shore Road, Springfield",
    "country": "United States",
    "domain": "lakeside.example",
    "npi": "1234567893",
    "contact_name": "Lena Brandt",
    "contact_role": "head of radiology",
    "contact_email": "lena@lakeside.example",
    "contact_phone": "+1 555 0100",
}


@pytest.fixture
def names(settings: Any) -> Iterator[Zone]:
    with zone() as made:
        settings.DNS_SERVERS = made.servers
        yield made


class Applicant:
    """Somebody who fills the form in, and has what the page showed."""

    def __init__(self, **changes: str) -> None:
        self.client = Client()
        self.answer = self.client.post("/institutions/new", {**SAID, **changes})
        self.page = self.answer.content.decode()

    @property
    def link(self) -> str:
        return re.findall(r"https?://[^\s\"]+/institutions/prove#[^\s\"]+", self.page)[0]

    @property
    def value(self) -> str:
        return re.findall(r"handover-domain=[\w-]+", self.page)[0]

    def step(self, step: str = "", link: str = "") -> Any:
        return self.client.post("/institutions/prove", {"link": link or self.link, "step": step})

    def prove(self, names: Zone) -> None:
        names.texts["_handover-challenge.lakeside.example"] = [self.value]
        assert "is proven" in self.step("check").content.decode()


def mailed_link() -> str:
    send_mails()
    found = re.search(r"https?://\S+/institutions/prove#\S+", str(mail.outbox[-1].body))
    assert found
    return found[0]


def shell(capsys: Any, *words: str) -> str:
    call_command("institution", *words)
    return str(capsys.readouterr().out)


def state() -> str:
    return SignUp.objects.get().state


def test_lakeside_signs_up_proves_its_domain_is_let_in_and_lena_administers_it(
    names: Zone, capsys: Any
) -> None:
    lakeside = Applicant()
    assert "_handover-challenge.lakeside.example" in lakeside.page
    assert not Institution.objects.exists()
    assert "not there yet" in lakeside.step("check").content.decode()
    lakeside.prove(names)
    listed = shell(capsys, "list")
    assert "Lakeside Clinic (waiting for the operator)" in listed
    assert "Domain lakeside.example proven by DNS on" in listed
    assert "NPI 1234567893 (checked for typing errors only)" in listed
    assert not Institution.objects.exists()
    assert not Invitation.objects.exists()
    said = shell(capsys, "approve", "Lakeside", "Clinic", "--by", OLGA)
    assert "Lakeside Clinic is let in." in said
    url = re.findall(r"https?://\S+/join#\S+", said)[0]
    person = {"name": "Lena Brandt", "password": "a quiet lake at dawn"}
    assert Client().post("/join", {"link": url, "step": "join", **person}).status_code == 302
    lena = Membership.objects.get()
    assert (lena.role, lena.institution.name) == ("administrator", "Lakeside Clinic")
    assert lena.institution.contact_phone == "+1 555 0100"
    sentences = [one.sentence.partition(" on ")[0] for one in evidence_of(lena.institution)]
    assert sentences == [
        "Contact named",
        "NPI 1234567893 (checked for typing errors only)",
        "Domain lakeside.example proven by DNS",
        "Approved by the operator",
    ]
    assert "You are let in" in lakeside.step().content.decode()
    acts = AuditEvent.objects.filter(action__startswith="institution.").order_by("id")
    assert [one.action for one in acts] == [
        "institution.applied",
        "institution.evidence",
        "institution.decided",
    ]
    assert acts[2].detail["operator"] == OLGA


def test_the_domain_is_proven_by_a_mail_to_an_address_there_once() -> None:
    lakeside = Applicant()
    url = mailed_link()
    assert mail.outbox[-1].to == ["lena@lakeside.example"]
    assert "Yes, it is our domain" in lakeside.step(link=url).content.decode()
    assert state() == "applied"
    assert "is proven" in lakeside.step("confirm", url).content.decode()
    assert state() == "proven"
    assert lakeside.step("confirm", url).status_code == 404
    (shown,) = (one.sentence for one in evidence_of(SignUp.objects.get()) if "mail" in one.sentence)
    assert shown.startswith("Domain lakeside.example proven by a mail to an address there on")


def test_the_operator_is_told_once_and_of_nothing_that_a_stranger_chose(
    names: Zone, settings: Any
) -> None:
    settings.OPERATOR_EMAIL = OLGA
    lakeside = Applicant(name="Call +1 555 0199 now")
    send_mails()
    assert not [one for one in mail.outbox if one.to == [OLGA]]
    lakeside.prove(names)
    lakeside.step("check")
    send_mails()
    (told,) = (one.message().as_string() for one in mail.outbox if one.to == [OLGA])
    assert "lakeside.example" in told
    assert "555" not in told


def test_a_scanner_that_follows_the_mailed_link_proves_nothing() -> None:
    Applicant()
    url = mailed_link()
    before = SignUp.objects.values().get()
    for address in (url, f"/institutions/prove?link={url.partition('#')[2]}&step=confirm"):
        assert Client().get(address).status_code == 200
        assert Client().head(address).status_code == 200
    assert SignUp.objects.values().get() == before


def test_the_mailed_link_works_for_a_day(names: Zone) -> None:
    lakeside = Applicant()
    url = mailed_link()
    with time_machine.travel(timezone.now() + datetime.timedelta(hours=24, minutes=1)):
        assert lakeside.step("confirm", url).status_code == 404
        lakeside.step("mail")
        fresh = mailed_link()
        assert lakeside.step("confirm", fresh).status_code == 200


def test_the_applicants_own_link_does_not_stand_in_for_the_mailed_one() -> None:
    lakeside = Applicant()
    assert lakeside.step("confirm").status_code == 404
    url = mailed_link()
    assert lakeside.step("check", url).status_code == 404
    assert lakeside.step("mail", url).status_code == 404
    assert state() == "applied"


@pytest.mark.parametrize(
    "email",
    ["lena@other.example", "lena@sub.lakeside.example", "lena@lakeside.example.evil.example"],
    ids=["elsewhere", "below", "lookalike"],
)
def test_a_mailbox_that_is_not_at_the_domain_gets_no_mail(email: str) -> None:
    lakeside = Applicant(contact_email=email)
    lakeside.step("mail")
    send_mails()
    assert mail.outbox == []
    assert "Or open the mail" not in lakeside.page


def test_the_mail_holds_no_word_of_a_strangers_choice() -> None:
    Applicant(name="Win at https://evil.example", contact_name="Click https://evil.example")
    send_mails()
    assert "evil.example" not in str(vars(mail.outbox[-1]))
    assert "lakeside.example" in str(vars(mail.outbox[-1]))


def test_the_record_is_found_without_anybody_asking(names: Zone) -> None:
    lakeside = Applicant()
    names.texts["_handover-challenge.lakeside.example"] = [lakeside.value]
    enqueue("accounts.look-at-sign-ups", key="now")
    send_mails()
    assert state() == "proven"


def test_nothing_secret_is_kept(names: Zone) -> None:
    lakeside = Applicant()
    url = mailed_link()
    kept = str(list(SignUp.objects.values())) + str(list(Evidence.objects.values()))
    kept += str(list(AuditEvent.objects.values_list("detail", flat=True)))
    for shown in (lakeside.link, url, lakeside.value.replace("=", ".")):
        assert shown.rpartition(".")[2] not in kept


def test_who_has_not_proven_the_domain_is_not_let_in(capsys: Any) -> None:
    Applicant()
    with pytest.raises(CommandError, match="has not proven its domain"):
        shell(capsys, "approve", "Lakeside Clinic", "--by", OLGA)
    assert not Institution.objects.exists()


@pytest.mark.parametrize("by", ["lena@lakeside.example", "LENA@lakeside.example", "", "olga"])
def test_the_applicant_does_not_let_themselves_in(names: Zone, capsys: Any, by: str) -> None:
    Applicant().prove(names)
    with pytest.raises(CommandError):
        shell(capsys, "approve", "Lakeside Clinic", "--by", by)
    assert (state(), Institution.objects.count()) == ("proven", 0)


def test_a_refused_institution_is_told_why_and_nothing_comes_of_it(
    names: Zone, capsys: Any
) -> None:
    lakeside = Applicant()
    lakeside.prove(names)
    refuse = ("refuse", "Lakeside Clinic", "--by", OLGA)
    with pytest.raises(CommandError, match="Say why"):
        shell(capsys, *refuse)
    shell(capsys, *refuse, "--reason", "We could not reach you by telephone.")
    send_mails()
    assert mail.outbox[-1].to == ["lena@lakeside.example"]
    assert "could not reach you" in str(mail.outbox[-1].body)
    assert "could not reach you" in lakeside.step().content.decode()
    with pytest.raises(CommandError, match="No institution"):
        shell(capsys, "approve", "Lakeside Clinic", "--by", OLGA)
    assert not Institution.objects.exists()


def test_a_sign_up_ends_after_fourteen_days(names: Zone, capsys: Any) -> None:
    lakeside = Applicant()
    lakeside.prove(names)
    with time_machine.travel(timezone.now() + datetime.timedelta(days=14, minutes=1)):
        assert "Nobody waits." in shell(capsys, "list")
        with pytest.raises(CommandError, match="No institution"):
            shell(capsys, "approve", "Lakeside Clinic", "--by", OLGA)
        enqueue("accounts.look-at-sign-ups", key="later")
        send_mails()
        assert state() == "expired"
        assert "has ended" in lakeside.step().content.decode()


def test_a_sign_up_says_nothing_of_who_is_here_already(names: Zone, capsys: Any) -> None:
    f.member("Ada")
    fresh = Applicant(name="Nowhere", domain="same.example")
    known = Applicant(name="General", domain="same.example")
    again = Applicant(name="General", domain="same.example")
    tidy = re.compile(r"(#|=)[\w.-]{22,}|csrf[^>]*")
    pages = {tidy.sub("", one.page) for one in (fresh, known, again)}
    assert len(pages) == 1
    assert fresh.answer.status_code == known.answer.status_code == 200


def test_a_name_that_is_taken_is_for_the_operator_to_decide(names: Zone, capsys: Any) -> None:
    general = f.member("Ada").institution
    Applicant(name="general").prove(names)
    with pytest.raises(CommandError, match="There is an institution general already"):
        shell(capsys, "approve", "general", "--by", OLGA)
    assert Membership.objects.filter(institution=general).count() == 1


def test_of_two_with_one_name_the_operator_says_which(names: Zone, capsys: Any) -> None:
    Applicant().prove(names)
    Applicant(domain="other.example")
    with pytest.raises(CommandError, match="Several are called"):
        shell(capsys, "approve", "Lakeside Clinic", "--by", OLGA)
    proven = SignUp.objects.get(state="proven")
    assert "is let in" in shell(capsys, "approve", str(proven.pk), "--by", OLGA)


def test_from_one_address_only_so_many_sign_up_within_an_hour() -> None:
    for number in range(SIGN_UPS_PER_HOUR):
        assert Applicant(name=f"Clinic {number}").answer.status_code == 200
    assert Applicant().answer.status_code == 429
    assert SignUp.objects.count() == SIGN_UPS_PER_HOUR
    with time_machine.travel(timezone.now() + datetime.timedelta(hours=1, seconds=1)):
        assert Applicant().answer.status_code == 200


def test_one_mailbox_gets_only_so_many_mails_a_day() -> None:
    lakeside = Applicant()
    for _ in range(5):
        lakeside.step("mail")
    send_mails()
    assert len(mail.outbox) == 3


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("domain", "gmail.com"), ("domain", "nothing"), ("npi", "1234567890"), ("name", ""),
        ("contact_email", "lena"), ("contact_name", ""), ("contact_phone", ""),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said_at_its_field(field: str, value: str) -> None:
    wrong = Applicant(**{field: value})
    assert wrong.answer.status_code == 422
    assert wrong.answer.context["form"].errors.keys() == {field}
    assert not SignUp.objects.exists()


def test_wrong_unknown_and_ended_links_are_answered_alike() -> None:
    lakeside = Applicant()
    wrong = lakeside.link[:-4] + ("AAAA" if not lakeside.link.endswith("AAAA") else "BBBB")
    unknown = lakeside.link.replace(lakeside.link.split("#")[1][:8], "AAAAAAAA")
    answers = [lakeside.step(link=one) for one in (wrong, unknown)]
    assert [one.status_code for one in answers] == [404, 404]
    bodies = [
        one.content.replace(link.encode(), b"")
        for one, link in zip(answers, (wrong, unknown), strict=True)
    ]
    assert bodies[0] == bodies[1]


def test_a_form_on_another_site_proves_nothing() -> None:
    lakeside = Applicant()
    answer = lakeside.client.post(
        "/institutions/prove", {"link": lakeside.link}, headers={"Origin": "https://evil.example"}
    )
    assert answer.status_code == 403


@pytest.mark.parametrize("one", list(SignUpState), ids=str)
def test_every_state_of_a_sign_up_has_its_moves(one: SignUpState) -> None:
    assert one in SIGN_UP_MOVES
    if one != SignUpState.APPLIED:
        assert states_before(one)
    ended = (SignUpState.APPROVED, SignUpState.REFUSED, SignUpState.EXPIRED)
    assert bool(SIGN_UP_MOVES[one]) == (one not in ended)
    assert SignUpState.APPROVED not in SIGN_UP_MOVES[SignUpState.APPLIED]
