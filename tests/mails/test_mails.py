"""Mails, against a real mail server that takes them, is busy, says no, or dies in the middle."""

import datetime
import email.policy
from collections.abc import Iterator
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import parseaddr, parsedate_to_datetime
from typing import Any

import pytest
import time_machine
from aiosmtpd.controller import Controller
from django.conf import settings as django_settings
from django.utils import timezone

from sharing.accounts.models import Invitation
from sharing.audit.models import AuditEvent
from sharing.console.rules import phrase
from sharing.jobs.models import Job
from sharing.links import actions as links
from sharing.links.rules import Factor
from sharing.mails.models import Mail
from sharing.mails.rules import ATTEMPTS, ENDED, MOVES, State
from sharing.mails.work import ACTS
from tests import factories as f
from tests.accounts.making import invite, send_mails
from tests.links import making
from tests.peers import processes

pytestmark = pytest.mark.django_db
HOUR = datetime.timedelta(hours=1)
NORA = "nora@general.example"
DIES = "dies"


class Server:
    """A mail server that answers RCPT and DATA with what stands next in its script, else 250."""

    def __init__(self) -> None:
        self.at_rcpt: list[str] = []
        self.at_data: list[str] = []
        self.got: list[EmailMessage] = []
        self.raw: list[bytes] = []
        self.envelopes: list[tuple[str, list[str]]] = []
        self.port = processes.free_port()
        self.controller = Controller(self, hostname="127.0.0.1", port=self.port)

    async def handle_RCPT(  # noqa: N802 its name
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        answer = self.at_rcpt.pop(0) if self.at_rcpt else "250 OK"
        if answer == DIES:
            server.transport.abort()
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        answer = self.at_data.pop(0) if self.at_data else "250 OK"
        if answer == DIES or answer.startswith("250"):
            parser = BytesParser(_class=EmailMessage, policy=email.policy.default)
            self.got.append(parser.parsebytes(envelope.content))
            self.raw.append(envelope.content)
            self.envelopes.append((envelope.mail_from, envelope.rcpt_tos))
        if answer == DIES:
            server.transport.abort()
        return answer


@pytest.fixture
def server(settings: Any) -> Iterator[Server]:
    made = Server()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", made.port
    settings.EMAIL_USE_TLS = False
    settings.DEFAULT_FROM_EMAIL = "Handover <no-reply@images.example>"
    made.controller.start()
    yield made
    made.controller.stop()


def later() -> None:
    """The next try of whatever waits."""
    with time_machine.travel(timezone.now() + 2 * HOUR):
        send_mails()


def mail() -> Mail:
    return Mail.objects.get()


def acts() -> list[str]:
    found = AuditEvent.objects.filter(action__startswith="mail.").order_by("id")
    return list(found.values_list("action", flat=True))


def test_a_mail_is_taken_and_the_audit_says_so(server: Server) -> None:
    made = invite()
    send_mails()
    assert server.envelopes == [("no-reply@images.example", [NORA])]
    assert mail().state == State.SENT
    assert Invitation.objects.get().sent_at is not None
    (row,) = AuditEvent.objects.filter(action="mail.sent")
    assert (row.detail["kind"], row.detail["about"]) == ("invitation", str(made.pk))
    assert row.custodian_id == made.institution_id
    assert phrase(row.action, row.detail) == f"mailed an invitation to {NORA}"


def test_its_headers_are_those_that_a_signature_covers(server: Server) -> None:
    invite()
    send_mails()
    (got,) = server.got
    assert parseaddr(str(got["From"]))[1] == "no-reply@images.example"
    assert got["Message-ID"] == f"<{mail().pk}@images.example>"
    assert abs(parsedate_to_datetime(str(got["Date"])) - timezone.now()) < HOUR
    assert got["Auto-Submitted"] == "auto-generated"
    assert got["To"] == NORA
    assert got["Bcc"] is None
    assert got["Subject"] == "Join General on Handover"
    assert all(got.get_all(name) == [got[name]] for name in ("Date", "Message-ID", "From", "To"))
    assert [part.get_content_type() for part in got.iter_parts()] == ["text/plain", "text/html"]
    assert all(b"/join#" in part.get_payload(decode=True) for part in got.iter_parts())


def test_a_busy_server_is_asked_again_and_gets_the_same_mail(server: Server) -> None:
    server.at_data = ["451 busy"]
    invite()
    send_mails()
    first = mail()
    assert (first.state, server.got) == (State.WAITING, [])
    assert acts() == []
    later()
    assert mail().state == State.SENT
    (got,) = server.got
    assert got["Message-ID"] == f"<{first.pk}@images.example>"
    assert first.dated_at is not None
    assert parsedate_to_datetime(str(got["Date"])) == first.dated_at.replace(microsecond=0)
    assert acts() == ["mail.sent"]


@pytest.mark.parametrize("answer", ["421 closing", "452 full", DIES], ids=["421", "452", "gone"])
def test_what_goes_wrong_before_the_text_is_tried_again(server: Server, answer: str) -> None:
    server.at_rcpt = [answer]
    invite()
    send_mails()
    assert mail().state == State.WAITING
    later()
    assert [mail().state, len(server.got)] == [State.SENT, 1]


def test_a_server_that_is_not_there_is_waited_for(server: Server) -> None:
    server.controller.stop()
    invite()
    send_mails()
    assert mail().state == State.WAITING
    server.controller = Controller(server, hostname="127.0.0.1", port=server.port)
    server.controller.start()
    later()
    assert [mail().state, len(server.got)] == [State.SENT, 1]


@pytest.mark.parametrize("where", ["at_rcpt", "at_data"], ids=["address", "text"])
def test_a_refused_mail_is_given_up_and_shown(server: Server, where: str) -> None:
    setattr(server, where, ["550 no such mailbox"])
    invite()
    send_mails()
    later()
    assert (mail().state, server.got) == (State.REFUSED, [])
    assert acts() == ["mail.refused"]
    assert Job.objects.get().state == "failed"
    page = f.browser("Ada").get("/people/").content.decode()
    assert "The mail server refuses this address." in page


def test_when_the_server_dies_after_the_text_the_mail_is_uncertain_and_not_sent_again(
    server: Server,
) -> None:
    server.at_data = [DIES]
    invite()
    send_mails()
    assert len(server.got) == 1
    later()
    Job.objects.update(state="queued", finished_at=None)
    later()
    assert len(server.got) == 1
    assert mail().state == State.UNCERTAIN
    assert acts() == ["mail.uncertain"]
    assert "Perhaps sent" in f.browser("Ada").get("/people/").content.decode()


def test_a_run_that_died_after_the_server_took_it_sends_nothing_again(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: Any, **__: Any) -> None:
        raise SystemExit

    invite()
    with monkeypatch.context() as patch:
        patch.setattr("sharing.mails.work._end", die)
        with pytest.raises(SystemExit):
            send_mails()
    assert (len(server.got), mail().state) == (1, State.HANDING)
    later()
    assert (len(server.got), mail().state) == (1, State.UNCERTAIN)


def test_the_link_in_a_mail_that_is_perhaps_out_still_works(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.at_data = [DIES]
    invite()
    send_mails()
    later()
    text = server.got[0].get_body(("plain",))
    assert text is not None
    url = next(word for word in text.get_content().split() if "/join#" in word)
    assert f.browser().post("/join", {"link": url}).status_code == 200


def test_a_server_that_stays_busy_is_left_after_some_hours(server: Server) -> None:
    server.at_rcpt = ["451 busy"] * (ATTEMPTS + 3)
    invite()
    now = timezone.now()
    # The invitation itself would have ended before; what is asked here is the mail's own end.
    Invitation.objects.update(expires_at=now + 100 * HOUR)
    for hours in range(ATTEMPTS + 2):
        with time_machine.travel(now + 2 * hours * HOUR):
            send_mails()
    assert mail().state == State.REFUSED
    assert len(server.at_rcpt) == 3
    assert acts() == ["mail.refused"]


def test_a_mail_that_is_not_needed_any_more_is_dropped(server: Server) -> None:
    made = invite()
    f.browser("Ada").post(f"/invitations/{made.pk}/withdraw")
    send_mails()
    assert (mail().state, server.got, acts()) == (State.DROPPED, [], [])


def test_a_dot_at_the_beginning_of_a_line_arrives(server: Server) -> None:
    member = f.member("Ada")
    member.user.name = ".Ada"
    member.user.save()
    invite()
    send_mails()
    text = server.got[0].get_body(("plain",))
    assert text is not None
    assert text.get_content().startswith(".Ada invites you")


def test_a_mail_with_a_code_names_no_patient_and_the_audit_no_address(server: Server) -> None:
    ben = f.principal("Ben")
    made = making.link(ben, f.study(ben), factor=Factor.MAILBOX, recipient_email="pat@home.example")
    links.send_code(*making.parts(made), origin=making.VISITOR)
    send_mails()
    assert b"Petra" not in server.raw[0]
    assert b"Probe" not in server.raw[0]
    row = AuditEvent.objects.get(action="mail.sent")
    assert "pat@home.example" not in str(row.detail)
    assert phrase(row.action, row.detail) == "mailed a one-time code"


def test_a_forgotten_passwords_mail_goes_the_same_way(server: Server) -> None:
    f.member("Ada")
    server.at_data = ["451 busy"]
    f.browser().post("/accounts/password/reset/", {"email": "ada@general.example"})
    send_mails()
    later()
    (got,) = server.got
    text = got.get_body(("plain",))
    assert text is not None
    url = next(word for word in text.get_content().split() if "/password/reset/key/" in word)
    at = url.removeprefix(django_settings.BASE_URL)
    page = f.browser().get(at, follow=True)
    assert "New password" in page.content.decode()


def test_no_row_keeps_what_a_mail_says(server: Server) -> None:
    invite()
    send_mails()
    text = server.got[0].get_body(("plain",))
    assert text is not None
    secret = text.get_content().partition("/join#")[2].split()[0].partition(".")[2]
    kept = str(list(Mail.objects.values())) + str(list(Job.objects.values()))
    assert secret not in kept


@pytest.mark.parametrize("state", list(State), ids=str)
def test_every_state_of_a_mail_has_its_moves_and_its_end(state: State) -> None:
    assert state in MOVES
    assert all(then in State for then in MOVES[state])
    reached = {then for moves in MOVES.values() for then in moves} | {State.WAITING}
    assert state in reached
    assert (state in ENDED) == (State.WAITING not in MOVES[state] and state != State.WAITING)
    assert state not in ACTS or state in ENDED
