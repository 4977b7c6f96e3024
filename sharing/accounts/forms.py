"""Inviting, joining, and one's own name."""

import contextlib
import re
import uuid
from typing import Any

from allauth.account import forms as account
from allauth.mfa.base import forms as mfa
from allauth.mfa.totp import forms as totp
from allauth.mfa.webauthn.forms import AddWebAuthnForm, EditWebAuthnForm
from django import forms

from sharing.accounts.rules import ROLE_SENTENCES, Role
from sharing.kernel import ids

LOCATOR = re.compile(r"#?(?P<id>[A-Za-z0-9_-]{22})\.(?P<secret>[A-Za-z0-9_-]{43})$")
LONG_ENOUGH = "At least 15 characters. A sentence is easy to remember."


def role_choices() -> list[tuple[str, str]]:
    """Each role with what it is for."""
    return [(str(role), f"{role.label}: {ROLE_SENTENCES[role]}") for role in Role]


class InviteForm(forms.Form):
    email = forms.EmailField(
        label="E-mail address", widget=forms.EmailInput(attrs={"autocomplete": "off"})
    )
    role = forms.ChoiceField(choices=role_choices, widget=forms.RadioSelect, initial=Role.UPLOADER)


class RoleForm(forms.Form):
    role = forms.ChoiceField(choices=Role.choices)


class NameForm(forms.Form):
    name = forms.CharField(
        label="Your name",
        max_length=120,
        help_text="How colleagues and recipients of your links see you.",
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )


class JoinForm(forms.Form):
    """The invitation's locator, and who takes it up."""

    link = forms.CharField(max_length=400)
    name = forms.CharField(
        label="Your name",
        max_length=120,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    password = forms.CharField(
        required=False,
        strip=False,
        max_length=200,
        help_text=LONG_ENOUGH,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "minlength": 15}),
    )

    def clean_link(self) -> tuple[uuid.UUID, str]:
        """The id and the secret out of an address, or of its last part."""
        found = LOCATOR.search(self.cleaned_data["link"].strip())
        with contextlib.suppress(ValueError):
            if found is not None:
                return ids.from_text(found["id"]), found["secret"]
        raise forms.ValidationError("This is no invitation. Copy the whole link of the mail.")


LABELS = {
    "login": "E-mail",
    "email": "E-mail",
    "oldpassword": "Present password",
    "password1": "New password",
    "password2": "New password, again",
    "code": "Code",
    "name": "What to call it",
}
HELP = {"password1": LONG_ENOUGH, "name": "Such as: laptop, phone, blue key."}


class InOurWords(forms.Form):
    """Labels and help as on the other pages, and no placeholder that only repeats them."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            field.label = LABELS.get(name, field.label)
            field.help_text = HELP.get(name, field.help_text)
            field.widget.attrs.pop("placeholder", None)


class SignInForm(InOurWords, account.LoginForm):
    pass


class PasswordChangeForm(InOurWords, account.ChangePasswordForm):
    pass


class PasswordSetForm(InOurWords, account.SetPasswordForm):
    pass


class PasswordResetForm(InOurWords, account.ResetPasswordForm):
    pass


class NewPasswordForm(InOurWords, account.ResetPasswordKeyForm):
    pass


class ProofForm(InOurWords, account.ReauthenticateForm):
    pass


class CodeForm(InOurWords, mfa.AuthenticateForm):
    pass


class CodeAgainForm(InOurWords, mfa.ReauthenticateForm):
    pass


class AuthenticatorAppForm(InOurWords, totp.ActivateTOTPForm):
    pass


class RenamePasskeyForm(InOurWords, EditWebAuthnForm):
    pass


class AddPasskeyForm(InOurWords, AddWebAuthnForm):
    """A passkey is one that signs in by itself, unless somebody wants only a second step."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        alone = self.fields["passwordless"]
        alone.label = "Sign in with it alone"
        alone.help_text = "Without the password; it asks for your finger, face or PIN instead."
        alone.initial = True
