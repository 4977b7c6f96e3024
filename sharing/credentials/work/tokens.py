"""Mail a person that a token of theirs ends soon."""

import datetime

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

from sharing.accounts.rules import MembershipState
from sharing.credentials.models import ApiToken
from sharing.credentials.rules.lifetimes import TokenState
from sharing.jobs.work import Run, job


@job("credentials.mail-reminder", soft=datetime.timedelta(minutes=1))
def mail_reminder(_run: Run, *, token: str) -> None:
    """Tell the person of a token that it ends, unless it or they ended first."""
    found = ApiToken.objects.select_related("membership__user", "membership__institution")
    ending = found.filter(
        pk=token, membership__state=MembershipState.ACTIVE, membership__user__is_active=True
    ).first()
    if ending is not None and ending.state == TokenState.ACTIVE:
        _mail(ending).send()


def _mail(token: ApiToken) -> EmailMultiAlternatives:
    context = {"token": token, "url": f"{settings.BASE_URL}/account/tokens/"}
    text = render_to_string("credentials/mail/reminder.txt", context)
    mail = EmailMultiAlternatives(
        subject="One of your access tokens ends soon",
        body=text.strip() + "\n",
        to=[token.membership.user.email],
        headers={"Auto-Submitted": "auto-generated"},
    )
    page = render_to_string("credentials/mail/reminder.html", context)
    mail.attach_alternative(page, "text/html")
    return mail
