"""Mail a person that a token of theirs ends soon."""

from django.conf import settings

from sharing.accounts.rules import MembershipState
from sharing.credentials.models import ApiToken
from sharing.credentials.rules.lifetimes import TokenState
from sharing.jobs.work import Run
from sharing.mails.models import Mail
from sharing.mails.work import Letter, deliver, mail_job


@mail_job("credentials.mail-reminder")
def mail_reminder(run: Run, *, token: str) -> None:
    """Tell the person of a token that it ends, unless it or they ended first."""

    def write(_mail: Mail) -> Letter | None:
        found = ApiToken.objects.select_related("membership__user", "membership__institution")
        ending = found.filter(
            pk=token, membership__state=MembershipState.ACTIVE, membership__user__is_active=True
        ).first()
        if ending is None or ending.state != TokenState.ACTIVE:
            return None
        context = {"token": ending, "url": f"{settings.BASE_URL}/account/tokens/"}
        subject = "One of your access tokens ends soon"
        return Letter(subject, "credentials/mail/reminder", context)

    deliver(run, write)
