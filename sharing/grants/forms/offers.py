"""What is asked of whoever sends a study, answers, or asks for images."""

import datetime
import uuid
from typing import Any

from django import forms

from sharing.grants.rules.offers import LONGEST_NOTE, LONGEST_WHY, USUAL, Priority
from sharing.kernel.errors import InvalidInputError

DAYS = {7: "7 days", 30: "30 days", 90: "90 days", 180: "180 days", 365: "a year"}
GIVEN = {"download": "View and download", "view": "View only"}
PRIORITIES = {
    Priority.ROUTINE: "Routine",
    Priority.URGENT: "Urgent: those who can answer get a mail",
    Priority.STAT: "STAT: they get a mail, and a clock runs on each of their pages",
}
MODALITIES = ("CT", "MR", "CR", "DX", "US", "MG", "NM", "PT", "XA", "RF", "SM", "OT")


class Day(forms.DateInput):
    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


class _Form(forms.Form):
    def show(self, error: InvalidInputError) -> None:
        """The error's sentences, at the fields that they are about."""
        for field, sentences in (error.fields or {"": [error.detail]}).items():
            for sentence in sentences:
                self.add_error(field if field in self.fields else None, sentence)


def _days(label: str) -> forms.TypedChoiceField:
    return forms.TypedChoiceField(
        label=label, coerce=int, choices=list(DAYS.items()), initial=USUAL.days
    )


def _note(label: str, **options: Any) -> forms.CharField:
    return forms.CharField(
        label=label,
        max_length=LONGEST_NOTE,
        widget=forms.Textarea(attrs={"rows": 3}),
        **options,
    )


def _given() -> forms.ChoiceField:
    return forms.ChoiceField(
        label="They may",
        choices=list(GIVEN.items()),
        initial="download",
        widget=forms.RadioSelect,
        help_text="View only: pictures on the screen, never the files behind them.",
    )


def _priority() -> forms.ChoiceField:
    return forms.ChoiceField(
        label="How urgent it is",
        choices=list(PRIORITIES.items()),
        initial=Priority.ROUTINE,
        widget=forms.RadioSelect,
    )


class SendForm(_Form):
    recipient = forms.UUIDField(
        required=True, error_messages={"required": "Choose an institution."}
    )
    person = forms.EmailField(
        label="For one person there alone",
        required=False,
        help_text="By e-mail address, where the institution allows it. Empty: for all who read "
        "images there.",
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )
    note = _note(
        "Note for the reader",
        required=False,
        help_text="What the images are for, and what you would like to know.",
    )
    priority = _priority()
    given = _given()
    days = _days("Open for")

    @property
    def recipient_id(self) -> uuid.UUID | None:
        """The institution that is ticked, also while the rest is not right yet."""
        try:
            return uuid.UUID(str(self["recipient"].value() or ""))
        except ValueError:
            return None

    def wishes(self) -> dict[str, Any]:
        """The answers as `actions.offers.send` takes them."""
        found = self.cleaned_data
        return {
            "to": found["recipient"],
            "person": found["person"],
            "priority": Priority(found["priority"]),
            "note": found["note"],
            "may_download": found["given"] == "download",
            "lasts": datetime.timedelta(days=found["days"]),
        }


class WhyForm(_Form):
    why = forms.CharField(
        label="Why not?",
        max_length=LONGEST_WHY,
        help_text="The other side reads this.",
        widget=forms.Textarea(attrs={"rows": 2}),
    )


class LongerForm(_Form):
    days = _days("Open for, from now")


class AskForm(_Form):
    patient_name = forms.CharField(
        label="Patient's name", max_length=200, required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )  # fmt: skip
    birth_date = forms.DateField(label="Birth date", required=False, widget=Day())
    patient_id = forms.CharField(
        label="Patient ID",
        max_length=64,
        required=False,
        help_text="The one that they use.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    since = forms.DateField(label="Studies from", required=False, widget=Day())
    until = forms.DateField(label="Studies until", required=False, widget=Day())
    modality = forms.ChoiceField(
        required=False, choices=[("", "Any"), *((one, one) for one in MODALITIES)]
    )
    reason = _note("What the images are for")
    priority = _priority()

    def wishes(self) -> dict[str, Any]:
        """The answers as `actions.requests.ask` takes them."""
        found = dict(self.cleaned_data)
        for name in ("birth_date", "since", "until"):
            found[name] = f"{found[name]:%Y%m%d}" if found[name] else ""
        return found | {"priority": Priority(found["priority"])}


class GiveForm(_Form):
    given = _given()
    days = _days("Open for")
    note = _note("Note for the asker", required=False)
    closes = forms.BooleanField(
        label="This is all that we have",
        required=False,
        initial=True,
        help_text="Untick it to give more later.",
    )
