"""Mail a one-time code. The code is made here, so that it never waits anywhere in clear."""

import datetime
import smtplib
from email.utils import make_msgid
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils import timezone

from sharing.jobs.work import job
from sharing.kernel import secrets
from sharing.kernel.errors import SharingError
from sharing.links.models import MailboxCode
from sharing.links.rules import CODE_LIFETIME, code_digest

# A code that comes later than this is a riddle to whoever asked for it.
GIVEN_UP_AFTER = datetime.timedelta(minutes=30)


class MailRefusedError(SharingError):
    """The mail server will not take this mail, now or later."""

    title = "The mail was refused"
    code = "mail-refused"


@job("links.mail-code", soft=datetime.timedelta(seconds=60), hard=datetime.timedelta(seconds=90))
def mail_code(_run: Any, *, code_id: str) -> None:
    """Make the code and mail it. Run again it mails a new one, and only the newest counts."""
    waiting = (
        MailboxCode.objects.filter(pk=code_id, used_at=None)
        .select_related("link__institution", "link__created_by")
        .first()
    )
    if waiting is None or timezone.now() - waiting.created_at > GIVEN_UP_AFTER:
        return
    code = secrets.new_code()
    MailboxCode.objects.filter(pk=waiting.pk).update(
        code_digest=code_digest(settings.SECRET_KEY, waiting.pk, code),
        expires_at=timezone.now() + CODE_LIFETIME,
        tries=0,
    )
    _send(_mail(waiting, code))


def _mail(waiting: MailboxCode, code: str) -> EmailMultiAlternatives:
    link = waiting.link
    context = {
        "code": f"{code[:4]} {code[4:]}",
        "minutes": int(CODE_LIFETIME.total_seconds() // 60),
        "sender": link.created_by.name or link.created_by.email,
        "institution": link.institution.name,
    }
    mail = EmailMultiAlternatives(
        subject="Your one-time code for the images",  # the code itself shows on no lock screen
        body=render_to_string("links/mail/code.txt", context).strip() + "\n",
        to=[link.recipient_email],
        headers={
            "Message-ID": make_msgid(domain=_host()),
            "Auto-Submitted": "auto-generated",
        },
    )
    mail.attach_alternative(render_to_string("links/mail/code.html", context), "text/html")
    return mail


def _host() -> str:
    return settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].rstrip("> ") or "localhost"


def _send(mail: EmailMultiAlternatives) -> None:
    try:
        mail.send()
    except smtplib.SMTPRecipientsRefused as error:
        if all(code >= 500 for code, _ in error.recipients.values()):
            raise MailRefusedError("The mailbox of this link takes no mail.") from error
        raise
