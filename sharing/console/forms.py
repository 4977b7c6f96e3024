"""The filters of the worklist and of the activity. A field that cannot be read does not narrow."""

import datetime
import uuid
from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils import timezone

from sharing.access.rules import Action
from sharing.accounts.models import Department
from sharing.accounts.queries import departments_of
from sharing.audit.queries import Asked
from sharing.audit.rules import Act, Outcome
from sharing.credentials.rules.lifetimes import LIFETIMES, USUAL
from sharing.studies.models import Study
from sharing.studies.queries import NEWEST_FIRST, ORDERS, Wanted
from sharing.studies.rules import MODALITIES

STATUSES = {"": "Any", "arriving": "Arriving", "conflict": "In conflict", "shared": "Shared now"}
TABS = {
    "own": "Own studies",
    "arriving": "Arriving now",
    "partners": "From partners",
    "given": "Shared by me",
    "received": "Shared with me",
}


class Day(forms.DateInput):
    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


class Moment(forms.DateTimeInput):
    input_type = "datetime-local"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%dT%H:%M")


class FilterForm(forms.Form):
    """A form of which every field that is valid counts, whatever the others are."""

    def value(self, name: str) -> Any:
        self.is_valid()
        return self.cleaned_data.get(name)

    @property
    def used(self) -> dict[str, Any]:
        """What narrows the list, without where one is in it."""
        self.is_valid()
        return {
            name: value
            for name, value in self.cleaned_data.items()
            if value and not self.fields[name].widget.is_hidden
        }

    def has_changed(self) -> bool:
        return bool(self.used)


class WorklistForm(FilterForm):
    q = forms.CharField(
        label="Search",
        required=False,
        max_length=200,
        widget=forms.SearchInput(
            attrs={"placeholder": "Name, ID, accession, description", "autocomplete": "off"}
        ),
    )
    modality = forms.ChoiceField(required=False, choices={"": "Any", **MODALITIES})
    since = forms.DateField(label="Study from", required=False, widget=Day())
    until = forms.DateField(label="Study until", required=False, widget=Day())
    patient_id = forms.CharField(
        label="Patient ID",
        required=False,
        max_length=128,
        widget=forms.TextInput(attrs={"autocomplete": "off", "size": 10}),
    )
    status = forms.ChoiceField(required=False, choices=STATUSES)
    patient = forms.UUIDField(required=False, widget=forms.HiddenInput)
    tab = forms.ChoiceField(required=False, choices=TABS, widget=forms.HiddenInput)
    sort = forms.ChoiceField(
        required=False,
        choices=[(f"{sign}{name}", name) for name in ORDERS for sign in ("", "-")],
        widget=forms.HiddenInput,
    )

    @property
    def shown_tab(self) -> str:
        return self.value("tab") or "own"

    @property
    def order(self) -> str:
        return self.value("sort") or NEWEST_FIRST

    def wanted(self) -> Wanted:
        status = self.value("status")
        return Wanted(
            words=self.value("q") or "",
            modality=self.value("modality") or "",
            patient_id=self.value("patient_id") or "",
            patient=self.value("patient"),
            since=_dicom(self.value("since")),
            until=_dicom(self.value("until")),
            in_conflict=status == "conflict",
            arriving=status == "arriving" or self.shown_tab == "arriving",
        )


class GivenForm(WorklistForm):
    """What a partner is given, searched as the worklist is."""

    status = None  # type: ignore[assignment]
    tab = None  # type: ignore[assignment]


class DirectoryForm(FilterForm):
    q = forms.CharField(
        label="Search",
        required=False,
        max_length=200,
        widget=forms.SearchInput(
            attrs={"placeholder": "Name, place or department", "autocomplete": "off"}
        ),
    )


def _dicom(day: datetime.date | None) -> str:
    return f"{day:%Y%m%d}" if day else ""


ACTIONS: dict[str, Any] = {
    "": "Everything",
    "Studies": {act.value: act.label for act in Act if act.value.startswith("study.")},
    "Uploads": {act.value: act.label for act in Act if act.value.startswith("upload.")},
    "Links": {act.value: act.label for act in Act if act.value.startswith("link.")},
    "Sending to institutions": {
        act.value: act.label
        for act in Act
        if act.value.split(".")[0] in ("offer", "inbox", "request")
    },
    "People": {
        act.value: act.label
        for act in Act
        if act.value.split(".")[0] in ("person", "member", "token", "machine")
    },
    "Institution": {act.value: act.label for act in Act if act.value.startswith("institution.")},
    "Mails": {act.value: act.label for act in Act if act.value.startswith("mail.")},
    "Partners": {act.value: act.label for act in Act if act.value.startswith("grant.")},
    "The log itself": {act.value: act.label for act in (Act.ACTIVITY_READ, Act.ACCESS_REFUSED)},
}


class ActivityForm(FilterForm):
    person = forms.CharField(
        label="Person",
        required=False,
        max_length=254,
        widget=forms.TextInput(attrs={"placeholder": "E-mail or part of it"}),
    )
    action = forms.ChoiceField(required=False, choices=ACTIONS)
    outcome = forms.ChoiceField(required=False, choices={"": "Any", **dict(Outcome.choices)})
    since = forms.DateTimeField(label="From", required=False, widget=Moment())
    until = forms.DateTimeField(label="To", required=False, widget=Moment())
    study = forms.UUIDField(label="Study", required=False, widget=forms.HiddenInput)
    link = forms.UUIDField(label="Link", required=False, widget=forms.HiddenInput)
    grant = forms.UUIDField(label="Agreement", required=False, widget=forms.HiddenInput)

    @property
    def used(self) -> dict[str, Any]:
        return super().used | {
            name: value for name in ("study", "link", "grant") if (value := self.value(name))
        }

    def asked(self) -> Asked:
        return Asked(
            person=self.value("person") or "",
            study=self.value("study"),
            link=self.value("link"),
            grant=self.value("grant"),
            action=self.value("action") or "",
            outcome=self.value("outcome") or "",
            since=_aware(self.value("since")),
            until=_aware(self.value("until")),
        )


def _aware(moment: datetime.datetime | None) -> datetime.datetime | None:
    if moment is None or timezone.is_aware(moment):
        return moment
    return timezone.make_aware(moment)


def place(text: str) -> uuid.UUID | None:
    """Where in a list to go on, or None for its beginning."""
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


SCOPE_WORDS = {
    Action.SEARCH: "find studies and read what a list shows",
    Action.VIEW: "view images",
    Action.DOWNLOAD: "download files",
    Action.UPLOAD: "upload",
    Action.SHARE: "create and revoke share links",
    Action.REVIEW: "read the activity",
}


class TokenForm(forms.Form):
    label = forms.CharField(label="What it is for", max_length=80)
    lifetime = forms.ChoiceField(label="Lasts", initial=USUAL, choices=LIFETIMES)
    scopes = forms.MultipleChoiceField(label="It may", widget=forms.CheckboxSelectMultiple)

    def __init__(self, *args: Any, scopes: list[Action], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["scopes"]
        field.choices = [(str(one), SCOPE_WORDS[one]) for one in scopes]  # type: ignore[attr-defined]
        field.initial = [str(one) for one in scopes if one in (Action.SEARCH, Action.VIEW)]


class MarkForm(forms.Form):
    """A study's department and tags, as its owner sets them."""

    chosen = forms.ChoiceField(label="Department", required=False)
    kept = forms.MultipleChoiceField(
        label="Tags", required=False, widget=forms.CheckboxSelectMultiple
    )
    added = forms.CharField(
        label="Add tags",
        required=False,
        max_length=400,
        help_text="With commas between. An agreement with a partner may give what carries a tag.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "list": "known-tags"}),
    )

    def __init__(self, *args: Any, study: Study, known: Iterable[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.known = list(known)
        now, open_ones = study.department, departments_of(study.institution_id)
        self.by_id = {str(one.pk): one for one in (*open_ones, *((now,) if now else ()))}
        if not self.by_id:
            del self.fields["chosen"]
        else:
            choices = [("", "None"), *((pk, one.name) for pk, one in self.by_id.items())]
            self.fields["chosen"].choices = choices  # type: ignore[attr-defined]
            self.fields["chosen"].initial = str(now.pk) if now else ""
        carried = sorted(one.label for one in study.tags.all())
        if not carried:
            del self.fields["kept"]
        else:
            self.fields["kept"].choices = [(one, one) for one in carried]  # type: ignore[attr-defined]
            self.fields["kept"].initial = carried

    def department(self) -> Department | None:
        return self.by_id.get(self.cleaned_data.get("chosen", ""))

    def tags(self) -> list[str]:
        return [*self.cleaned_data.get("kept", ()), *self.cleaned_data["added"].split(",")]
