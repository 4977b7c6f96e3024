"""What a grant says: its terms, as data with a digest, and as a sentence."""

import dataclasses
import datetime
import hashlib
import json
import uuid
from collections.abc import Iterable, Mapping
from typing import Any, Self

from django.db.models import TextChoices

from sharing.access.rules import Action, Credential

ACTIONS: dict[str, str] = {
    "search": "find studies in a list",
    "view": "view images",
    "download": "download files",
    "send": "send studies to whoever gives this access, which count as accepted at once",
}
READS: dict[str, Action] = {
    "search": Action.SEARCH,
    "view": Action.VIEW,
    "download": Action.DOWNLOAD,
}
# HL7 v3 ActReason, value set PurposeOfUse (2.16.840.1.113883.1.11.20448), as far as images go.
PURPOSES: dict[str, str] = {
    "TREAT": "Treatment",
    "ETREAT": "Emergency treatment",
    "CAREMGT": "Care management",
    "HQUALIMP": "Quality improvement",
    "HRESCH": "Research",
    "HPAYMT": "Payment",
    "PUBHLTH": "Public health",
    "PATRQT": "At the patient's request",
}


class Channel(TextChoices):
    PEOPLE = "people", "People, at the pages"
    PROGRAMS = "programs", "People's own programs, by access token"
    MACHINES = "machines", "Machines that the partner names"


CHANNELS: dict[str, Channel] = {
    Credential.SESSION: Channel.PEOPLE,
    Credential.SHELL: Channel.PEOPLE,
    Credential.JOB: Channel.PEOPLE,
    Credential.TOKEN: Channel.PROGRAMS,
    Credential.MACHINE: Channel.MACHINES,
}


class Transform(TextChoices):
    AS_IS = "as-is", "As they are"


@dataclasses.dataclass(frozen=True, slots=True)
class Filter:
    """Which studies: all conditions count; of several values of one, any. Empty: all studies."""

    modalities: tuple[str, ...] = ()
    departments: tuple[uuid.UUID, ...] = ()
    tags: tuple[str, ...] = ()
    referrer: str = ""
    since: datetime.date | None = None
    until: datetime.date | None = None
    last_days: int | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Terms:
    """All that both sides agree to. Whose studies they are, and who sees them, the grant says."""

    actions: tuple[str, ...]
    purpose: str
    valid_from: datetime.datetime
    valid_until: datetime.datetime
    filter: Filter = Filter()
    channels: tuple[str, ...] = (Channel.PEOPLE,)
    networks: tuple[str, ...] = ()
    transform: str = Transform.AS_IS
    studies_per_day: int | None = None
    text: str = ""

    def to_json(self) -> dict[str, Any]:
        plain: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(self), default=_plain))
        return plain

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> Self:
        found = given["filter"]
        return cls(
            **{
                **given,
                "actions": tuple(given["actions"]),
                "channels": tuple(given["channels"]),
                "networks": tuple(given["networks"]),
                "valid_from": datetime.datetime.fromisoformat(given["valid_from"]),
                "valid_until": datetime.datetime.fromisoformat(given["valid_until"]),
                "filter": Filter(
                    **{
                        **found,
                        "modalities": tuple(found["modalities"]),
                        "departments": tuple(map(uuid.UUID, found["departments"])),
                        "tags": tuple(found["tags"]),
                        "since": _day(found["since"]),
                        "until": _day(found["until"]),
                    }
                ),
            }
        )


def _plain(value: Any) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _day(text: str | None) -> datetime.date | None:
    return datetime.date.fromisoformat(text) if text else None


def digest(terms: Mapping[str, Any], *, custodian: uuid.UUID, recipient: uuid.UUID) -> str:
    """SHA-256 in hexadecimal over both sides and all terms, the agreement's text among them."""
    whole = {"custodian": str(custodian), "recipient": str(recipient), "terms": terms}
    text = json.dumps(whole, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


# ---- In words ----------------------------------------------------------------------------------


def listed(words: Iterable[str], last: str = "and") -> str:
    """ "one, two and three"."""
    found = list(words)
    return f" {last} ".join(filter(None, [", ".join(found[:-1]), *found[-1:]]))


def sentence(filter: Filter, departments: Mapping[uuid.UUID, str]) -> str:
    """What a filter matches, written out: "CT or MR studies of Cardiology, …"."""
    kinds = f"{listed(filter.modalities, 'or')} studies" if filter.modalities else "All studies"
    named = [departments.get(one, "a department that is gone") for one in filter.departments]
    parts = [f"of {listed(named, 'or')}"] if named else []
    if filter.referrer:
        parts.append(f"referred by {filter.referrer}")
    if filter.tags:
        parts.append(f"tagged {listed((f'“{one}”' for one in filter.tags), 'or')}")
    parts += _window(filter)
    return f"{', '.join([' '.join([kinds, *parts[:1]]), *parts[1:]])}."


def _window(filter: Filter) -> list[str]:
    if filter.last_days:
        return [f"made in the last {filter.last_days} days"]
    since = f"from {_written(filter.since)}" if filter.since else ""
    until = f"until {_written(filter.until)}" if filter.until else ""
    return (
        [f"made {' '.join(filter_ for filter_ in (since, until) if filter_)}"]
        if since or until
        else []
    )


def _written(day: datetime.date) -> str:
    return f"{day.day} {day:%b %Y}"
