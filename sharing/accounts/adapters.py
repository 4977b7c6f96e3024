"""allauth, told our rules: nobody signs up without an invitation; TOTP secrets are encrypted."""

import base64
import hashlib
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from cryptography.fernet import Fernet
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest

from sharing.accounts.models import User
from sharing.kernel import secrets
from sharing.kernel.ids import new_id
from sharing.mails.actions import queue
from sharing.mails.rules import Kind

# Which of our mails stands for which of allauth's; it sends no other.
MAILS = {
    "account/email/password_reset_key": (Kind.PASSWORD, "accounts.mail-password"),
    "account/email/unknown_account": (Kind.NO_ACCOUNT, "accounts.mail-no-account"),
}


class AccountAdapter(DefaultAccountAdapter):
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Accounts begin with an invitation (`accounts.actions.accept_invitation`)."""
        return False

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """allauth's mails go the way of all others; its own words are not used."""
        kind, job = MAILS[template_prefix]
        user = context.get("user")
        about = user.pk if isinstance(user, User) else None
        queue(kind, to=email, job=job, key=f"{job}:{new_id()}", about=about)

    def get_client_ip(self, request: HttpRequest) -> str:
        """The address that our own middleware trusts, for limiting attempts."""
        return request.principal.origin.address or "unknown"  # type: ignore[attr-defined]


class MFAAdapter(DefaultMFAAdapter):
    """Keeps TOTP secrets and recovery seeds encrypted under a key derived from SECRET_KEY."""

    def encrypt(self, text: str) -> str:
        return self._box().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return self._box().decrypt(encrypted_text.encode()).decode()

    def get_public_key_credential_rp_entity(self) -> dict[str, Any]:
        entity: dict[str, Any] = super().get_public_key_credential_rp_entity()
        return entity | {"name": "Handover"}

    def generate_authenticator_name(self, user: AbstractBaseUser, type: str) -> str:
        """What a passkey is called until its owner says otherwise."""
        before = Authenticator.objects.filter(user_id=user.pk, type=type).count()
        return f"Passkey {before + 1}" if before else "Passkey"

    def _box(self) -> Fernet:
        key = secrets.keyed_digest(settings.SECRET_KEY, "mfa")
        return Fernet(base64.urlsafe_b64encode(hashlib.sha256(key).digest()))
