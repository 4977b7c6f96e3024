"""Terms as people read them, and what differs between two."""

import dataclasses
import datetime

from django.utils import timezone

from sharing.grants.rules.terms import ACTIONS, PURPOSES, Channel, Terms, Transform, listed


def last_day(until: datetime.datetime) -> datetime.date:
    """The last day on which something counts that ends at this moment."""
    return timezone.localdate(until - datetime.timedelta(microseconds=1))


def day(one: datetime.date) -> str:
    return f"{one.day} {one:%b %Y}"


def doing(terms: Terms) -> str:
    return listed(ACTIONS[one] for one in ACTIONS if one in terms.actions)


def in_words(terms: Terms, studies: str) -> dict[str, str]:
    """Every term under its name; `studies` is the written-out filter."""
    return {
        "They may": doing(terms),
        "For": PURPOSES.get(terms.purpose, terms.purpose),
        "Which studies": studies,
        "The studies are given": Transform(terms.transform).label.lower(),
        "Open to": listed(Channel(one).label.lower() for one in Channel if one in terms.channels),
        "Only from": listed(terms.networks) or "any network",
        "At most": f"{terms.studies_per_day:,} studies a day"
        if terms.studies_per_day
        else "no limit",
        "First day": day(timezone.localdate(terms.valid_from)),
        "Last day": day(last_day(terms.valid_until)),
    }


@dataclasses.dataclass(frozen=True, slots=True)
class Difference:
    name: str
    old: str
    new: str


def differences(old: Terms, new: Terms, old_studies: str, new_studies: str) -> list[Difference]:
    """Each term that says something else now, the agreement's text last."""
    before = {**in_words(old, old_studies), "The agreement's text": old.text}
    after = {**in_words(new, new_studies), "The agreement's text": new.text}
    return [
        Difference(name, before[name], said) for name, said in after.items() if before[name] != said
    ]
