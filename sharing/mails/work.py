"""Hand mails over to the mail server: again while it is busy, never twice.

Before the first byte of a mail's text leaves us its row says so. A run that finds a row like that
does not know what became of the run before: such a mail may be out, so it is marked and shown,
and not sent again.
"""

import contextlib
import dataclasses
import datetime
import re
import smtplib
from collections.abc import Callable, Iterator
from email.utils import format_datetime, parseaddr
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.smtp import EmailBackend
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import timezone

from sharing.audit.actions import by_itself, record
from sharing.audit.rules import Act, Outcome
from sharing.jobs.work import Run, job
from sharing.kernel.errors import PeerBusyError, PeerRefusedError
from sharing.mails.models import Mail
from sharing.mails.rules import ADDRESS_IN_AUDIT, ATTEMPTS, ENDED, KEPT, State, states_before

BUSY = "The mail server does not take mails just now."
REFUSED = "The mail server refuses this address."
LATE = "The mail server took no mails for hours."
UNKNOWN = "The mail may have gone out: the connection broke off before the server had answered."


@dataclasses.dataclass(frozen=True, slots=True)
class Letter:
    """What a mail says: a subject, and a template as `<name>.txt` and `<name>.html`."""

    subject: str
    template: str
    context: dict[str, Any]


def deliver(
    run: Run,
    write: Callable[[Mail], Letter | None],
    *,
    sent: Callable[[], object] = lambda: None,
) -> None:
    """Send the mail that was queued with this job, unless it may be out already.

    Parameters
    ----------
    write : callable
        Makes the letter; called only when it can be sent. None: it is not needed any more.
    sent : callable
        Called in the transaction that says that the server took it.

    Raises
    ------
    PeerBusyError
        The server did not take it; the outbox tries again.
    PeerRefusedError
        The server will not take it, now or later.
    """
    mail = Mail.objects.filter(pk=run.job_id).first()
    if mail is None or mail.state in ENDED:
        return
    if mail.state == State.HANDING:
        _end(mail, State.UNCERTAIN, UNKNOWN)
        return
    letter = write(mail)
    if letter is None:
        _end(mail, State.DROPPED)
        return
    if mail.dated_at is None:
        mail.dated_at = timezone.now()
        mail.save(update_fields=["dated_at"])
    try:
        _hand_over(mail, _message(mail, letter))
    except PeerBusyError as error:
        if run.attempt >= run.kind.attempts:
            _end(mail, State.REFUSED, LATE)
            raise PeerRefusedError(LATE) from error
        _move(mail, State.WAITING)
        raise
    except PeerRefusedError:
        _end(mail, State.REFUSED, REFUSED)
        raise
    except _LostTouchError:
        _end(mail, State.UNCERTAIN, UNKNOWN)
    else:
        _end(mail, State.SENT, then_do=sent)


def mail_job(name: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a job that sends one mail, tried over some hours."""
    return job(name, soft=datetime.timedelta(minutes=1), attempts=ATTEMPTS)


class _LostTouchError(Exception):
    """The connection ended between the mail's text and the server's answer."""


# ---- What a mail is made of ----------------------------------------------------------------------


def _message(mail: Mail, letter: Letter) -> EmailMultiAlternatives:
    """Text and HTML, with the headers that a signature by DKIM covers; the same at each attempt."""
    made = EmailMultiAlternatives(
        subject=letter.subject,
        body=render_to_string(f"{letter.template}.txt", letter.context).strip() + "\n",
        to=[mail.to],
        headers={
            "Date": format_datetime(mail.dated_at or mail.created_at),
            "Message-ID": f"<{mail.pk}@{sender_domain()}>",
            "Auto-Submitted": "auto-generated",
        },
    )
    page = render_to_string(f"{letter.template}.html", letter.context)
    made.attach_alternative(page, "text/html")
    return made


def sender() -> str:
    """Our address, in the header as in the envelope."""
    return parseaddr(settings.DEFAULT_FROM_EMAIL)[1]


def sender_domain() -> str:
    return sender().rpartition("@")[2] or "localhost"


# ---- Talking to the server -----------------------------------------------------------------------


def _hand_over(mail: Mail, message: EmailMultiAlternatives) -> None:
    backend = get_connection()
    if not isinstance(backend, EmailBackend):  # mails are kept in a folder
        _move(mail, State.HANDING)
        backend.send_messages([message])
        return
    server = _connected(backend)
    try:
        with _answers():
            _expect(server.mail(sender()))
            _expect(server.rcpt(mail.to))
            _expect(server.docmd("DATA"), 354)
        _move(mail, State.HANDING)
        with _answers(lost=_LostTouchError):
            server.send(_on_the_wire(message))
            _expect(server.getreply())
    finally:
        with contextlib.suppress(smtplib.SMTPException, OSError):
            server.quit()


def _connected(backend: EmailBackend) -> smtplib.SMTP:
    """A connection that is greeted and signed in; whatever goes wrong there is for later."""
    try:
        backend.open()
        server = backend.connection
        if server is None:
            raise PeerBusyError(BUSY)
        server.ehlo_or_helo_if_needed()
    except (smtplib.SMTPException, OSError) as error:
        raise PeerBusyError(BUSY) from error
    return server


def _expect(answer: tuple[int, bytes], wanted: int = 250) -> None:
    code, words = answer
    if code != wanted and not (wanted == 250 and code == 251):
        raise smtplib.SMTPResponseException(code, words)


@contextlib.contextmanager
def _answers(lost: type[Exception] | None = None) -> Iterator[None]:
    """The server's answers as what they mean for us (RFC 5321, 4.2.1)."""
    try:
        yield
    except smtplib.SMTPResponseException as error:
        if 500 <= error.smtp_code < 600:
            raise PeerRefusedError(REFUSED) from error
        if error.smtp_code < 400 and lost:
            raise lost from error
        raise PeerBusyError(BUSY) from error
    except (smtplib.SMTPException, OSError) as error:
        if lost:
            raise lost from error
        raise PeerBusyError(BUSY) from error


def _on_the_wire(message: EmailMultiAlternatives) -> bytes:
    """Lines end in CRLF, a dot at the beginning of one is doubled, a lone dot ends it."""
    text = message.message().as_bytes()
    lines = re.sub(rb"\r\n|\r|\n", b"\r\n", text).removesuffix(b"\r\n")
    return re.sub(rb"(?m)^\.", b"..", lines) + b"\r\n.\r\n"


# ---- What is written down ------------------------------------------------------------------------


def _move(mail: Mail, then: State, **changes: Any) -> None:
    """Only one run gets from one state to the next; another stops here."""
    if then == State.HANDING:
        changes["handed_over_at"] = timezone.now()
    before = states_before(then)
    if not Mail.objects.filter(pk=mail.pk, state__in=before).update(state=then, **changes):
        raise PeerBusyError("Another run sends this mail.")
    mail.state = then


ACTS = {
    State.SENT: (Act.MAIL_SENT, Outcome.DONE),
    State.REFUSED: (Act.MAIL_REFUSED, Outcome.FAILED),
    State.UNCERTAIN: (Act.MAIL_UNCERTAIN, Outcome.FAILED),
}


def _end(
    mail: Mail, then: State, error: str = "", *, then_do: Callable[[], object] = lambda: None
) -> None:
    with transaction.atomic():
        _move(mail, then, ended_at=timezone.now(), error=error)
        then_do()
        if then not in ACTS:
            return
        act, outcome = ACTS[then]
        detail: dict[str, Any] = {"to": mail.to} if mail.kind in ADDRESS_IN_AUDIT else {}
        record(
            act,
            by=by_itself("mails", mail.custodian_id),
            outcome=outcome,
            custodian_id=mail.custodian_id,
            kind=mail.kind,
            mail=str(mail.pk),
            about=str(mail.about or ""),
            **detail,
        )


@job("mails.clear", every=datetime.timedelta(days=1))
def clear(_run: Run) -> None:
    """Forget mails that ended long ago; the audit keeps that they went."""
    Mail.objects.filter(ended_at__lt=timezone.now() - KEPT).delete()
