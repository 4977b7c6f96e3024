"""Profiles: those that come with the portal, and what the institution has published."""

import dataclasses
import datetime

from sharing.access.principal import Principal
from sharing.deid.profile import BUNDLED, Profile, dump, load
from sharing.kernel.errors import NotThereError
from sharing.research.models import ProfileVersion


@dataclasses.dataclass(frozen=True, slots=True)
class Known:
    """A profile that can be chosen: the newest version, and who published it."""

    profile: Profile
    text: str
    published_by: str = ""
    published_at: datetime.datetime | None = None

    @property
    def is_bundled(self) -> bool:
        return self.published_at is None


def profiles(by: Principal) -> list[Known]:
    """The newest version of each, one's own first; an own one may take a bundled one's name."""
    own: dict[str, Known] = {}
    found = ProfileVersion.objects.filter(institution=by.actor.institution_id)
    for row in found.select_related("published_by").order_by("name", "-published_at"):
        if row.name not in own:
            own[row.name] = _published(row)
    bundled = [_bundled(one) for name, one in BUNDLED.items() if name not in own]
    return [*own.values(), *bundled]


def profile(by: Principal, name: str) -> Known:
    """The newest version of one; NotThereError where there is none of this name."""
    found = next((one for one in profiles(by) if one.profile.name == name), None)
    if found is None:
        raise NotThereError
    return found


def versions(by: Principal, name: str) -> list[ProfileVersion]:
    """What was published under this name, the newest first."""
    found = ProfileVersion.objects.filter(institution=by.actor.institution_id, name=name)
    return list(found.select_related("published_by").order_by("-published_at"))


def _published(row: ProfileVersion) -> Known:
    return Known(load(row.text), row.text, str(row.published_by), row.published_at)


def _bundled(one: Profile) -> Known:
    return Known(one, dump(one))
