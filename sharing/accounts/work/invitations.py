"""Mailing invitations. The secret is made when the mail is, so that it never waits anywhere."""

from django.conf import settings
from django.utils import timezone

from sharing.accounts.models import Invitation
from sharing.accounts.rules import ROLE_SENTENCES, InvitationState, Role, lifetime_in_words
from sharing.jobs.work import Run
from sharing.kernel import ids, secrets
from sharing.mails.models import Mail
from sharing.mails.work import Letter, deliver, mail_job


@mail_job("accounts.mail-invitation")
def mail_invitation(run: Run, *, invitation: str) -> None:
    """Send one invitation, unless it was handed over otherwise or has ended."""

    def write(_mail: Mail) -> Letter | None:
        found = Invitation.objects.select_related("institution", "invited_by")
        one = found.filter(pk=invitation, sent_at=None).first()
        return _letter(one) if one and one.state == InvitationState.OPEN else None

    def sent() -> None:
        Invitation.objects.filter(pk=invitation).update(sent_at=timezone.now())

    deliver(run, write, sent=sent)


def new_link(invitation: Invitation) -> str:
    """An address with a fresh secret, of which only the digest is kept; an earlier one ends."""
    secret = secrets.new_secret()
    Invitation.objects.filter(pk=invitation.pk).update(secret_digest=secrets.digest(secret))
    return f"{settings.BASE_URL}/join#{ids.to_text(invitation.pk)}.{secret}"


def _letter(invitation: Invitation) -> Letter:
    return Letter(
        subject=f"Join {invitation.institution} on Handover",
        template="accounts/mail/invitation",
        context={
            "invitation": invitation,
            "url": new_link(invitation),
            "lifetime": lifetime_in_words(invitation.lifetime),
            "role": Role(invitation.role).label,
            "sentence": ROLE_SENTENCES[Role(invitation.role)],
        },
    )
