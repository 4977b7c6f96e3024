"""A release as a person puts it together: a project, a profile, and studies by search or by hand."""

import uuid
from typing import Any

from django import forms
from django.utils.datastructures import MultiValueDict

from sharing.research.models import Project
from sharing.research.queries.profiles import Known
from sharing.studies.queries import Wanted
from sharing.studies.rules import MODALITIES

SEARCHED = ("words", "modality", "patient_id", "since", "until")


class Day(forms.DateInput):
    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


def _words() -> forms.TextInput:
    return forms.TextInput(attrs={"autocomplete": "off"})


class ReleaseForm(forms.Form):
    """Where studies were ticked one by one, nothing is searched for."""

    title = forms.CharField(
        label="Title",
        max_length=120,
        help_text="What this release is, for people.",
        widget=_words(),
    )
    project = forms.ChoiceField(label="Project")
    profile = forms.ChoiceField(label="Profile")
    words = forms.CharField(
        label="Words",
        required=False,
        max_length=200,
        help_text="Of the name, the numbers or the description.",
        widget=_words(),
    )
    modality = forms.ChoiceField(
        label="Kind of images", required=False, choices=[("", "all"), *MODALITIES.items()]
    )
    patient_id = forms.CharField(label="Patient ID", required=False, max_length=64, widget=_words())
    since = forms.DateField(label="Made from", required=False, widget=Day())
    until = forms.DateField(label="until", required=False, widget=Day())

    def __init__(
        self,
        data: Any = None,
        *,
        projects: list[Project],
        profiles: list[Known],
        initial: Any = None,
    ) -> None:
        super().__init__(data, initial=initial)
        self.fields["project"].choices = [(str(one.pk), one.name) for one in projects]  # type: ignore[attr-defined]
        self.fields["profile"].choices = [  # type: ignore[attr-defined]
            (one.profile.name, f"{one.profile.title}, version {one.profile.version}")
            for one in profiles
        ]

    @staticmethod
    def ticked(data: MultiValueDict[str, str]) -> list[uuid.UUID]:
        """The studies that were chosen one by one; what is no id is none."""
        found = []
        for text in data.getlist("study"):
            try:
                found.append(uuid.UUID(text))
            except ValueError:
                continue
        return found

    def wanted(self) -> Wanted:
        """What is searched for, as far as it can be understood."""
        given = (
            self.cleaned_data if self.is_bound and hasattr(self, "cleaned_data") else self.initial
        )
        since, until = (given.get(name) for name in ("since", "until"))
        return Wanted(
            words=given.get("words") or "",
            modality=given.get("modality") or "",
            patient_id=given.get("patient_id") or "",
            since=since.strftime("%Y%m%d") if since else "",
            until=until.strftime("%Y%m%d") if until else "",
        )

    def query(self) -> dict[str, str]:
        """The search, for whoever wants the same again."""
        given = {name: self.cleaned_data.get(name) for name in SEARCHED}
        return {
            name: value if isinstance(value, str) else value.isoformat()
            for name, value in given.items()
            if value
        }


class MaskForm(forms.Form):
    """A rectangle in pixels of the picture, drawn or typed."""

    x = forms.IntegerField(label="From the left", min_value=0, max_value=100_000)
    y = forms.IntegerField(label="From the top", min_value=0, max_value=100_000)
    width = forms.IntegerField(label="Width", min_value=1, max_value=100_000)
    height = forms.IntegerField(label="Height", min_value=1, max_value=100_000)


class ProfileForm(forms.Form):
    text = forms.CharField(
        label="Profile",
        max_length=200_000,
        strip=False,
        widget=forms.Textarea(
            attrs={"rows": 28, "spellcheck": "false", "class": "mono", "wrap": "off"}
        ),
    )
