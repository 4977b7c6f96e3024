"""Mails to those who sign up. The link is made when the mail is, and works once, for a day."""

import datetime

from django.conf import settings
from django.utils import timezone

from sharing.accounts.models import SignUp
from sharing.accounts.rules import SignUpState
from sharing.jobs.work import Run
from sharing.kernel import ids, secrets
from sharing.mails.models import Mail
from sharing.mails.work import Letter, deliver, mail_job

MAILED_LINK = datetime.timedelta(hours=24)


@mail_job("accounts.mail-domain")
def mail_domain(run: Run, *, sign_up: str) -> None:
    # No word of a stranger's own choice stands in a mail that a stranger causes.
    def write(_mail: Mail) -> Letter | None:
        now, secret = timezone.now(), secrets.new_secret()
        waiting = SignUp.objects.filter(pk=sign_up, state=SignUpState.APPLIED, expires_at__gt=now)
        if not waiting.update(
            mail_digest=secrets.digest(secret), mail_expires_at=now + MAILED_LINK
        ):
            return None
        found = waiting.get()
        url = f"{settings.BASE_URL}/institutions/prove#{ids.to_text(found.pk)}.{secret}"
        context = {"sign_up": found, "url": url}
        return Letter("Is this your institution's domain?", "accounts/mail/domain", context)

    deliver(run, write)


@mail_job("accounts.mail-refusal")
def mail_refusal(run: Run, *, sign_up: str) -> None:
    def write(_mail: Mail) -> Letter | None:
        found = SignUp.objects.filter(pk=sign_up, state=SignUpState.REFUSED).first()
        if found is None:
            return None
        return Letter("Your sign-up on Handover", "accounts/mail/refusal", {"sign_up": found})

    deliver(run, write)


@mail_job("accounts.mail-operator")
def mail_operator(run: Run, *, sign_up: str) -> None:
    # Names the domain, which is proven, and nothing else that the stranger wrote.
    def write(_mail: Mail) -> Letter | None:
        found = SignUp.objects.filter(pk=sign_up, state=SignUpState.PROVEN).first()
        if found is None:
            return None
        return Letter("A sign-up waits for you", "accounts/mail/operator", {"sign_up": found})

    deliver(run, write)
