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
from django.db.models import QuerySet

from sharing.accounts.models import Department
from sharing.accounts.rules import INVITATION_LIFETIMES, ROLE_SENTENCES, Role
from sharing.kernel import ids

LOCATOR = re.compile(r"#?(?P<id>[A-Za-z0-9_-]{22})\.(?P<secret>[A-Za-z0-9_-]{43})$")
LONG_ENOUGH = "At least 15 characters. A sentence is easy to remember."


def role_choices() -> list[tuple[str, str]]:
    """Each role with what it is for."""
    return [(str(role), f"{role.label}: {ROLE_SENTENCES[role]}") for role in Role]


class DepartmentChoiceForm(forms.Form):
    """Which department, of those that are open; left out where there is none."""

    department = forms.ModelChoiceField(
        Department.objects.none(), required=False, empty_label="No particular one"
    )

    def __init__(self, *args: Any, departments: QuerySet[Department], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if departments:
            self.fields["department"].queryset = departments  # type: ignore[attr-defined]
        else:
            del self.fields["department"]

    @property
    def department_id(self) -> uuid.UUID | None:
        chosen: Department | None = self.cleaned_data.get("department")
        return chosen.pk if chosen else None


class InviteForm(DepartmentChoiceForm):
    email = forms.EmailField(
        label="E-mail address", widget=forms.EmailInput(attrs={"autocomplete": "off"})
    )
    role = forms.ChoiceField(choices=role_choices, widget=forms.RadioSelect, initial=Role.UPLOADER)
    lifetime = forms.ChoiceField(
        label="The link works for", choices=INVITATION_LIFETIMES, initial=1440
    )
    field_order = ("email", "role", "department", "lifetime")


class DomainForm(forms.Form):
    domain = forms.CharField(
        label="Domain",
        max_length=253,
        help_text="Such as mercy.example, without www.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none"}),
    )


class NpiForm(forms.Form):
    npi = forms.CharField(
        label="NPI",
        max_length=10,
        help_text="Ten digits. We check it for typing errors only, and say so.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "numeric"}),
    )


class DepartmentForm(forms.Form):
    name = forms.CharField(
        label="Name", max_length=80, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    takes_images = forms.BooleanField(
        label="Takes images from other institutions",
        required=False,
        initial=True,
        help_text="Shown in the directory, if your institution is listed there.",
    )


class ContactForm(forms.Form):
    """Where an institution is, and whom others ask for."""

    address = forms.CharField(
        max_length=300, widget=forms.TextInput(attrs={"autocomplete": "street-address"})
    )
    country = forms.CharField(
        max_length=60, widget=forms.TextInput(attrs={"autocomplete": "country-name"})
    )
    contact_name = forms.CharField(label="Contact person", max_length=120)
    contact_role = forms.CharField(
        label="Their role", max_length=120, help_text="Such as: head of radiology."
    )
    contact_email = forms.EmailField(label="Their e-mail")
    contact_phone = forms.CharField(
        label="Their telephone", max_length=40, widget=forms.TextInput(attrs={"inputmode": "tel"})
    )


class SignUpForm(ContactForm):
    """What an institution says of itself when it asks to be let in."""

    name = forms.CharField(
        label="Name of the institution",
        max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
    )
    domain = forms.CharField(
        label="Your domain on the Internet",
        max_length=253,
        help_text="Such as mercy.example. You prove that it is yours in the next step.",
        widget=forms.TextInput(attrs={"autocapitalize": "none"}),
    )
    npi = forms.CharField(
        label="NPI",
        max_length=10,
        required=False,
        help_text="In the United States. We check it for typing errors only.",
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
    field_order = ("name", "address", "country", "domain", "npi")


class ProfileForm(ContactForm):
    """What others read of an institution; only the list of departments stands elsewhere."""

    description = forms.CharField(
        label="In a few words",
        max_length=500,
        required=False,
        help_text="What others should know before they send you images. Nothing about patients.",
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    is_listed = forms.BooleanField(
        label="List us in the directory",
        required=False,
        help_text="Members of all institutions on this portal then find you, with what stands here.",
    )
    people_by_address = forms.BooleanField(
        label="Let others send images to one of our people alone",
        required=False,
        help_text="By e-mail, which they have to know; nobody sees who works here.",
    )
    field_order = ("is_listed", "people_by_address", "description")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.required = False

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if given.get("is_listed") and not given.get("contact_name"):
            self.add_error("contact_name", "Whoever finds you needs somebody to ask for.")
        return given


class RoleForm(forms.Form):
    role = forms.ChoiceField(choices=Role.choices)


class NameForm(forms.Form):
    name = forms.CharField(
        label="Your name",
        max_length=120,
        help_text="How colleagues and recipients of your links see you.",
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )


class LocatorForm(forms.Form):
    """What an address carries behind its `#`: an id and a secret."""

    NOT_ONE = "This is no link of ours. Copy the whole of it."
    link = forms.CharField(max_length=400)

    def clean_link(self) -> tuple[uuid.UUID, str]:
        """The id and the secret out of an address, or of its last part."""
        found = LOCATOR.search(self.cleaned_data["link"].strip())
        with contextlib.suppress(ValueError):
            if found is not None:
                return ids.from_text(found["id"]), found["secret"]
        raise forms.ValidationError(self.NOT_ONE)


class JoinForm(LocatorForm):
    """The invitation's locator, and who takes it up."""

    NOT_ONE = "This is no invitation. Copy the whole link of the mail."
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
