"""Mailing the way to a new password. The link is made when the mail is, and works once."""

from allauth.account import app_settings
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.urls import reverse

from sharing.accounts.models import User
from sharing.jobs.work import Run
from sharing.mails.models import Mail
from sharing.mails.work import Letter, deliver, mail_job


@mail_job("accounts.mail-password")
def mail_password(run: Run) -> None:
    def write(mail: Mail) -> Letter | None:
        user = User.objects.filter(pk=str(mail.about), is_active=True).first()
        if user is None:
            return None
        key = app_settings.PASSWORD_RESET_TOKEN_GENERATOR().make_token(user)
        named = {"uidb36": user_pk_to_url_str(user), "key": key}
        url = f"{settings.BASE_URL}{reverse('account_reset_password_from_key', kwargs=named)}"
        return Letter("Choose a new password", "accounts/mail/password", {"url": url})

    deliver(run, write)


@mail_job("accounts.mail-no-account")
def mail_no_account(run: Run) -> None:
    def write(mail: Mail) -> Letter:
        return Letter("No account with this address", "accounts/mail/no_account", {"mail": mail})

    deliver(run, write)
