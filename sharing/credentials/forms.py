"""Adding a machine, and giving it other keys."""

import datetime
import ipaddress
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import timezone

from sharing.credentials.rules.machines import LARGEST_JWKS, LARGEST_PEM, SCOPE_WORDS, Proof

A_YEAR = datetime.timedelta(days=365)


class Day(forms.DateInput):
    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


def _in_a_year() -> datetime.date:
    return timezone.localdate() + A_YEAR


class KeysForm(forms.Form):
    """The public keys, or where they are; and until when they count."""

    jwks = forms.CharField(
        label="Public keys",
        required=False,
        max_length=LARGEST_JWKS,
        help_text='A JSON Web Key Set: {"keys": […]}. RSA of 2048 bits or more, or EC P-384, each '
        "with a kid. While one key takes over from another, give both.",
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false", "autocomplete": "off"}),
    )
    jwks_url = forms.CharField(
        label="Or the address where they are",
        required=False,
        max_length=500,
        help_text="It begins with https:// and is asked at most every five minutes.",
        widget=forms.URLInput(attrs={"autocomplete": "off"}),
    )
    keys_end_at = forms.DateField(
        label="The keys count until",
        required=False,
        initial=_in_a_year,
        help_text="After that day the machine is not let in until it has other keys.",
        widget=Day(),
    )

    def clean_keys_end_at(self) -> datetime.datetime | None:
        """The end of that day, which must be one to come."""
        day: datetime.date | None = self.cleaned_data["keys_end_at"]
        if day is None:
            return None
        if day < timezone.localdate():
            raise ValidationError("This day is over.")
        if day.year > 9000:
            raise ValidationError("This day is too far away.")
        after = datetime.datetime.combine(day + datetime.timedelta(days=1), datetime.time.min)
        return timezone.make_aware(after)

    def keys(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in ("jwks", "jwks_url", "keys_end_at")}


class CertificatesForm(forms.Form):
    """What a machine shows, and the certificate that it shows it by."""

    proof = forms.TypedChoiceField(
        label="It signs in by",
        choices=Proof.choices,
        coerce=Proof,
        initial=Proof.KEY,
        widget=forms.RadioSelect,
    )
    pem = forms.CharField(
        label="Certificate",
        required=False,
        max_length=LARGEST_PEM,
        help_text="From -----BEGIN CERTIFICATE----- to the end; it may be self-signed. "
        "While one takes over from another, both count.",
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false", "autocomplete": "off"}),
    )


class MachineForm(CertificatesForm, KeysForm):
    name = forms.CharField(
        label="Name", max_length=80, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    scopes = forms.MultipleChoiceField(
        label="It may",
        choices=[(name, f"{words} ({name})") for name, words in SCOPE_WORDS.items()],
        initial=["studies.search", "studies.view"],
        widget=forms.CheckboxSelectMultiple,
    )
    networks = forms.CharField(
        label="Only from these networks",
        required=False,
        max_length=500,
        help_text="Such as 203.0.113.0/24, several with blanks between. Asked for on top of the key.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    field_order = (
        *("name", "scopes", "proof", "jwks", "jwks_url", "keys_end_at", "pem", "networks"),
    )

    def __init__(self, *given: Any, **options: Any) -> None:
        super().__init__(*given, **options)
        if not settings.MTLS_URL:  # nobody would see a certificate
            for name in ("proof", "pem"):
                del self.fields[name]

    def certificates(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in ("proof", "pem") if name in self.fields}

    def clean_networks(self) -> list[str]:
        words = self.cleaned_data["networks"].replace(",", " ").split()
        try:
            return [str(ipaddress.ip_network(word)) for word in words]
        except ValueError as error:
            raise ValidationError(f"{error}.") from error
