"""The terms of a grant as a person fills them in."""

import datetime
import ipaddress
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from sharing.accounts.models import Institution
from sharing.accounts.queries import departments_of
from sharing.grants.rules.checking import LONGEST_TEXT, LONGEST_WINDOW, MOST_A_DAY, problems
from sharing.grants.rules.states import LONGEST
from sharing.grants.rules.terms import ACTIONS, PURPOSES, Channel, Filter, Terms
from sharing.grants.rules.words import last_day
from sharing.studies.rules import MODALITIES, fold

A_DAY = datetime.timedelta(days=1)
USUAL_TEXT = """\
The institution whose studies these are lets the people and machines of the other institution see \
them, as far as the terms above go.

The other institution uses them for the purpose that is named and for no other. It lets only those \
look who need to, keeps what they see as confidential as its own patients' data, and says without \
delay when something has gone wrong.

Every access is written down, and both institutions can read it. Each of them can stop the access \
at any moment without giving a reason. Copies that were downloaded before stay in the care of \
whoever downloaded them."""


class Direction:
    OURS = "ours"
    THEIRS = "theirs"
    BOTH = "both"


class Day(forms.DateInput):
    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


def _words(**attrs: Any) -> forms.TextInput:
    return forms.TextInput(attrs={"autocomplete": "off", **attrs})


class TermsForm(forms.Form):
    """`custodians`: those whose departments can be chosen."""

    actions = forms.MultipleChoiceField(
        label="What may be done",
        choices=[(name, said.capitalize()) for name, said in ACTIONS.items()],
        initial=["search", "view"],
        widget=forms.CheckboxSelectMultiple,
    )
    purpose = forms.ChoiceField(
        label="What for", choices=[(code, f"{said} ({code})") for code, said in PURPOSES.items()]
    )
    modalities = forms.MultipleChoiceField(
        label="Kinds of images",
        required=False,
        choices=list(MODALITIES.items()),
        help_text="None chosen: all kinds.",
        widget=forms.CheckboxSelectMultiple(attrs={"class": "choices-wide"}),
    )
    departments = forms.MultipleChoiceField(
        label="Departments",
        required=False,
        help_text="None chosen: all, and studies without a department.",
        widget=forms.CheckboxSelectMultiple,
    )
    referrer = forms.CharField(
        label="Referred by",
        required=False,
        max_length=200,
        help_text="A physician's name, or part of it.",
        widget=_words(),
    )
    tags = forms.CharField(
        label="Tags",
        required=False,
        max_length=400,
        help_text="Words that the studies' owner gives them, with commas between. Any of them counts.",
        widget=_words(list="known-tags"),
    )
    last_days = forms.IntegerField(
        label="Made within the last … days", required=False, min_value=1, max_value=LONGEST_WINDOW
    )
    since = forms.DateField(label="or made from", required=False, widget=Day())
    until = forms.DateField(label="until", required=False, widget=Day())
    channels = forms.MultipleChoiceField(
        label="Open to",
        choices=Channel.choices,
        initial=[Channel.PEOPLE],
        widget=forms.CheckboxSelectMultiple,
    )
    networks = forms.CharField(
        label="Only from these networks",
        required=False,
        max_length=1000,
        help_text="Such as 203.0.113.0/24, several with blanks between. Empty: from anywhere.",
        widget=_words(),
    )
    studies_per_day = forms.IntegerField(
        label="Studies a day at most",
        required=False,
        min_value=1,
        max_value=MOST_A_DAY,
        help_text="How many different studies may be opened. Empty: no limit.",
    )
    first_day = forms.DateField(label="First day", widget=Day())
    last_day = forms.DateField(
        label="Last day", help_text="A year at most. It can be renewed.", widget=Day()
    )
    text = forms.CharField(
        label="Text",
        required=False,
        max_length=LONGEST_TEXT,
        widget=forms.Textarea(attrs={"rows": 12}),
    )

    def __init__(self, *args: Any, own: Institution, partner: Institution, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.own, self.partner = own, partner
        self.departments_by_id = {
            str(one.pk): one for side in self.sides() for one in departments_of(side.pk)
        }
        self.fields["departments"].choices = [  # type: ignore[attr-defined]
            (pk, one.name if one.institution_id == own.pk else f"{one.name}, {partner.name}")
            for pk, one in self.departments_by_id.items()
        ]
        if not self.departments_by_id:
            del self.fields["departments"]
        today = timezone.localdate()
        self.fields["first_day"].initial = today
        self.fields["last_day"].initial = today + LONGEST - A_DAY
        self.fields["text"].initial = USUAL_TEXT

    def sides(self) -> list[Institution]:
        """Whose departments may be named."""
        return [self.own, self.partner]

    def custodians(self) -> list[Institution]:
        """Whose studies are given, as far as it is known."""
        return [self.own]

    # ---- Fields ----

    def clean_tags(self) -> tuple[str, ...]:
        found = (fold(one) for one in self.cleaned_data["tags"].split(","))
        return tuple(dict.fromkeys(filter(None, found)))

    def clean_networks(self) -> tuple[str, ...]:
        words = self.cleaned_data["networks"].replace(",", " ").split()
        try:
            return tuple(dict.fromkeys(str(ipaddress.ip_network(word)) for word in words))
        except ValueError as error:
            raise ValidationError(f"{error}.") from error

    def clean_first_day(self) -> datetime.date:
        day: datetime.date = self.cleaned_data["first_day"]
        if day < timezone.localdate():
            raise ValidationError("This day is over.")
        return _near(day)

    def clean_last_day(self) -> datetime.date:
        return _near(self.cleaned_data["last_day"])

    def clean(self) -> dict[str, Any]:
        found = super().clean() or self.cleaned_data
        chosen = [self.departments_by_id[one] for one in found.get("departments", ())]
        ids = {one.pk for one in self.custodians()}
        if any({one.institution_id} != ids for one in chosen):
            self.add_error(
                "departments",
                "A department is of one institution, so it fits only studies of that one.",
            )
        if not self.errors:
            self._check(self.terms())
        return found

    def _check(self, terms: Terms) -> None:
        names = {"valid_until": "last_day", "transform": "actions"}
        for name, said in problems(terms, now=timezone.now()).items():
            for sentence in said:
                self.add_error(names.get(name, name), sentence)

    # ---- What it says ----

    def filter(self) -> Filter:
        """The studies that are named, as far as the fields can be read."""
        self.is_valid()
        given = self.cleaned_data.get
        chosen = [self.departments_by_id[one].pk for one in given("departments") or ()]
        return Filter(
            modalities=tuple(given("modalities") or ()),
            departments=tuple(sorted(chosen)),
            tags=given("tags") or (),
            referrer=(given("referrer") or "").strip(),
            since=given("since"),
            until=given("until"),
            last_days=given("last_days"),
        )

    def terms(self) -> Terms:
        """What was filled in; the whole form has to be valid."""
        given = self.cleaned_data
        return Terms(
            actions=tuple(given["actions"]),
            purpose=given["purpose"],
            valid_from=_begin(given["first_day"]),
            valid_until=_begin(given["last_day"] + A_DAY),
            filter=self.filter(),
            channels=tuple(given["channels"]),
            networks=given["networks"],
            studies_per_day=given["studies_per_day"],
            text=given["text"].replace("\r\n", "\n").strip(),
        )


class ProposalForm(TermsForm):
    """With the direction, which stays as it is once it was proposed."""

    direction = forms.ChoiceField(label="Which way", widget=forms.RadioSelect)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        name, field = self.partner.name, self.fields["direction"]
        field.choices = [  # type: ignore[attr-defined]
            (Direction.OURS, f"{name} sees our studies"),
            (Direction.THEIRS, f"We see studies of {name}"),
            (Direction.BOTH, "Both ways: two agreements with the same terms"),
        ]
        field.initial = Direction.OURS

    def custodians(self) -> list[Institution]:
        match self.cleaned_data.get("direction"):
            case Direction.THEIRS:
                return [self.partner]
            case Direction.BOTH:
                return [self.own, self.partner]
        return [self.own]


class ChangeForm(TermsForm):
    """Other terms for a grant that is there."""

    def __init__(self, *args: Any, custodian: Institution, **kwargs: Any) -> None:
        self.custodian = custodian
        super().__init__(*args, **kwargs)

    def sides(self) -> list[Institution]:
        return [self.custodian]

    def custodians(self) -> list[Institution]:
        return [self.custodian]


def filled_from(terms: Terms) -> dict[str, Any]:
    """What the form begins with when terms are changed; a day that is over becomes today."""
    today = timezone.localdate()
    wanted = terms.filter
    return {
        "actions": list(terms.actions),
        "purpose": terms.purpose,
        "modalities": list(wanted.modalities),
        "departments": [str(one) for one in wanted.departments],
        "referrer": wanted.referrer,
        "tags": ", ".join(wanted.tags),
        "last_days": wanted.last_days,
        "since": wanted.since,
        "until": wanted.until,
        "channels": list(terms.channels),
        "networks": " ".join(terms.networks),
        "studies_per_day": terms.studies_per_day,
        "first_day": max(today, timezone.localdate(terms.valid_from)),
        "last_day": max(today, last_day(terms.valid_until)),
        "text": terms.text,
    }


class ReasonForm(forms.Form):
    """Why somebody says no, or ends something."""

    why = forms.CharField(
        label="Why",
        required=False,
        max_length=300,
        help_text="Both sides read it. No patient's name, please.",
        widget=forms.Textarea(attrs={"rows": 3}),
    )


def _near(day: datetime.date) -> datetime.date:
    if day.year > 9000:
        raise ValidationError("This day is too far away.")
    return day


def _begin(day: datetime.date) -> datetime.datetime:
    return timezone.make_aware(datetime.datetime.combine(day, datetime.time.min))
