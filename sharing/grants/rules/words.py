"""Terms as people read them, and what differs between two."""

import dataclasses
import datetime

from django.utils import timezone

from sharing.grants.rules.terms import (
    ACTIONS,
    PURPOSES,
    Channel,
    Filter,
    Terms,
    Transform,
    listed,
)


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


@dataclasses.dataclass(frozen=True, slots=True)
class Facts:
    """What a filter asks of a study."""

    modalities: frozenset[str]
    department: str
    tags: frozenset[str]
    referrer: str
    date: str  # as people write it


SPOKEN_WITH_AN = "AEFHILMNORSX"  # letters whose names begin with a vowel


def because(wanted: Filter, facts: Facts) -> str:
    """Why a filter names a study: "it is a CT of Cardiology, made on 3 May 2026"."""
    kinds = [one for one in wanted.modalities if one in facts.modalities]
    what = listed(_with_article(one) for one in kinds) if kinds else "a study"
    of = f" of {facts.department}" if wanted.departments else ""
    parts = [f"it is {what}{of}"] if kinds or of else []
    if wanted.since or wanted.until or wanted.last_days:
        parts.append(f"{'' if parts else 'it was '}made on {facts.date}")
    if wanted.tags:
        tags = (f"“{one}”" for one in wanted.tags if one in facts.tags)
        parts.append(f"{'' if parts else 'it is '}tagged {listed(tags)}")
    if wanted.referrer:
        parts.append(f"{'' if parts else 'it was '}referred by {facts.referrer}")
    return ", ".join(parts) or "the agreement gives every study"


def _with_article(modality: str) -> str:
    return f"{'an' if modality[:1] in SPOKEN_WITH_AN else 'a'} {modality}"
