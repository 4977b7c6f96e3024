"""Mailing invitations. The secret is made when the mail is, so that it never waits anywhere."""

import datetime

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils import timezone

from sharing.accounts.models import Invitation
from sharing.accounts.rules import ROLE_SENTENCES, InvitationState, Role, lifetime_in_words
from sharing.jobs.work import Run, job
from sharing.kernel import ids, secrets


@job("accounts.mail-invitation", soft=datetime.timedelta(minutes=1))
def mail_invitation(run: Run, *, invitation: str) -> None:
    """Send one invitation, unless it went out already.

    A run that breaks off after the mail is followed by a second mail; only the last link works.
    """
    found = (
        Invitation.objects.select_related("institution", "invited_by").filter(pk=invitation).first()
    )
    if found is None or found.sent_at or found.state != InvitationState.OPEN:
        return
    _mail(found, new_link(found)).send()
    with run.finishing():
        Invitation.objects.filter(pk=found.pk).update(sent_at=timezone.now())


def new_link(invitation: Invitation) -> str:
    """An address with a fresh secret, of which only the digest is kept; an earlier one ends."""
    secret = secrets.new_secret()
    Invitation.objects.filter(pk=invitation.pk).update(secret_digest=secrets.digest(secret))
    return f"{settings.BASE_URL}/join#{ids.to_text(invitation.pk)}.{secret}"


def _mail(invitation: Invitation, url: str) -> EmailMultiAlternatives:
    context = {
        "invitation": invitation,
        "url": url,
        "lifetime": lifetime_in_words(invitation.lifetime),
        "role": Role(invitation.role).label,
        "sentence": ROLE_SENTENCES[Role(invitation.role)],
    }
    return EmailMultiAlternatives(
        subject=f"Join {invitation.institution} on Handover",
        body=render_to_string("accounts/invitation.txt", context),
        to=[invitation.email],
    )
