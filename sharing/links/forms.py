"""What is asked of the person who shares, and of the visitor who opens."""

import contextlib
import datetime
import re
import uuid
from typing import Any

from django import forms
from django.conf import settings

from sharing.kernel import ids
from sharing.links.rules import Factor, LinkState

LIFETIMES = {1: "1 day", 3: "3 days", 7: "7 days", 14: "14 days", 30: "30 days"}
USES = {
    "0": "As often as needed until then",
    "1": "Once",
    "3": "3 times",
    "10": "10 times",
}
GIVEN = {
    "download": "View and download",
    "view": "View only",
}
TOKEN = re.compile(r"([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{1,200})")


class ShareForm(forms.Form):
    recipient_name = forms.CharField(
        label="Recipient's name",
        max_length=120,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    recipient_email = forms.EmailField(
        label="Recipient's e-mail",
        required=False,
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )
    note = forms.CharField(
        label="Note for the reader",
        max_length=2000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="What the images are for, and what you would like to know.",
    )
    lifetime = forms.TypedChoiceField(label="Open for", coerce=int)
    given = forms.ChoiceField(
        label="The recipient may",
        choices=list(GIVEN.items()),
        initial="download",
        widget=forms.RadioSelect,
        help_text="View only: pictures on the screen, never the files behind them.",
    )
    max_uses = forms.TypedChoiceField(
        label="May be opened",
        choices=list(USES.items()),
        coerce=int,
        initial="0",
    )
    factor = forms.ChoiceField(
        label="How the recipient proves who they are",
        choices=Factor.choices,
        initial=Factor.PASSCODE,
        widget=forms.RadioSelect,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        days = sorted({*LIFETIMES, settings.LINK_DAYS})
        lifetime = self.fields["lifetime"]
        assert isinstance(lifetime, forms.TypedChoiceField)
        lifetime.choices = [(one, LIFETIMES.get(one, f"{one} days")) for one in days]
        lifetime.initial = settings.LINK_DAYS

    def clean(self) -> dict[str, Any]:
        found: dict[str, Any] = super().clean() or {}
        if found.get("factor") == Factor.MAILBOX and not found.get("recipient_email"):
            self.add_error("recipient_email", "A code can only be mailed to an address.")
        return found

    def wishes(self) -> dict[str, Any]:
        """The answers as `actions.create_link` takes them."""
        found = dict(self.cleaned_data)
        found["lifetime"] = datetime.timedelta(days=found["lifetime"])
        found["max_uses"] = found["max_uses"] or None
        found["may_download"] = found.pop("given") == "download"
        found["factor"] = Factor(found["factor"])
        return found


class ExtendForm(forms.Form):
    lifetime = forms.TypedChoiceField(
        label="Open for, from now", coerce=int, choices=list(LIFETIMES.items()), initial=7
    )


class LinksFilter(forms.Form):
    q = forms.CharField(
        label="Recipient or note",
        required=False,
        max_length=100,
        widget=forms.TextInput(attrs={"placeholder": "Recipient or note"}),
    )
    state = forms.ChoiceField(
        label="State", required=False, choices=[("", "All"), *LinkState.choices]
    )
    whose = forms.ChoiceField(
        label="Whose", required=False, choices=[("", "Everybody's"), ("mine", "Mine")]
    )


class ClaimForm(forms.Form):
    """What a visitor sends to open a link, as a form or as JSON."""

    link = forms.CharField(max_length=2000, strip=True)
    passcode = forms.CharField(max_length=40, required=False)
    code = forms.CharField(max_length=40, required=False)
    send_code = forms.BooleanField(required=False)

    def locator(self) -> tuple[uuid.UUID, str]:
        """The link's id and secret.

        What is no link becomes a random id, so that it meets the same answer after the same work.
        """
        text = str(self.cleaned_data.get("link", "")).rpartition("#")[2]
        found = TOKEN.fullmatch(text)
        with contextlib.suppress(ValueError):
            if found is not None:
                return ids.from_text(found[1]), found[2]
        return ids.random_id(), ""
