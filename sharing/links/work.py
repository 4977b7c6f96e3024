"""Mail a one-time code. The code is made here, so that it never waits anywhere in clear."""

import datetime

from django.conf import settings
from django.utils import timezone

from sharing.jobs.work import Run
from sharing.kernel import secrets
from sharing.links.models import MailboxCode
from sharing.links.rules import CODE_LIFETIME, code_digest
from sharing.mails.models import Mail
from sharing.mails.work import Letter, deliver, mail_job

# A code that comes later than this is a riddle to whoever asked for it.
GIVEN_UP_AFTER = datetime.timedelta(minutes=30)


@mail_job("links.mail-code")
def mail_code(run: Run, *, code_id: str) -> None:
    """Make the code and mail it; made again after the server did not take it, the newest counts."""

    def write(_mail: Mail) -> Letter | None:
        waiting = (
            MailboxCode.objects.filter(pk=code_id, used_at=None)
            .select_related("link__institution", "link__created_by")
            .first()
        )
        if waiting is None or timezone.now() - waiting.created_at > GIVEN_UP_AFTER:
            return None
        return _letter(waiting, _new_code(waiting))

    deliver(run, write)


def _new_code(waiting: MailboxCode) -> str:
    code = secrets.new_code()
    MailboxCode.objects.filter(pk=waiting.pk).update(
        code_digest=code_digest(settings.SECRET_KEY, waiting.pk, code),
        expires_at=timezone.now() + CODE_LIFETIME,
        tries=0,
    )
    return code


def _letter(waiting: MailboxCode, code: str) -> Letter:
    link = waiting.link
    return Letter(
        subject="Your one-time code for the images",  # the code itself shows on no lock screen
        template="links/mail/code",
        context={
            "code": f"{code[:4]} {code[4:]}",
            "minutes": int(CODE_LIFETIME.total_seconds() // 60),
            "sender": link.created_by.name or link.created_by.email,
            "institution": link.institution.name,
        },
    )
