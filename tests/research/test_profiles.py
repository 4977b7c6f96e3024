"""Profiles that an institution writes for itself."""

import pytest

from sharing.deid.profile import BUNDLED, dump
from sharing.deid.reading import ProfileError
from sharing.kernel.errors import ConflictError, NotAllowedError
from sharing.research.actions.profiles import publish
from sharing.research.queries.profiles import profile, profiles
from tests import factories as f
from tests.research.making import drafted

pytestmark = pytest.mark.django_db


def own(version: str = "2", title: str = "Ours") -> str:
    text = dump(BUNDLED["research"])
    return text.replace("version: '1'", f"version: '{version}'").replace(
        f"title: {BUNDLED['research'].title}", f"title: {title}"
    )


def test_the_bundled_ones_are_there_by_themselves() -> None:
    names = [one.profile.name for one in profiles(f.principal("Dora"))]
    assert sorted(names) == sorted(BUNDLED)


def test_a_published_version_takes_the_place_of_the_bundled_one_at_home_alone() -> None:
    publish(own(), by=f.principal("Dana"))
    ours = profile(f.principal("Ada"), "research")
    assert (ours.profile.version, ours.profile.title, ours.published_by) == ("2", "Ours", "Dana")
    assert profile(f.principal("Matteo"), "research").is_bundled


def test_what_is_published_never_changes() -> None:
    first = publish(own(), by=f.principal("Ada"))
    assert publish(own(), by=f.principal("Ada")) == first
    with pytest.raises(ConflictError, match="another number"):
        publish(own(title="Changed"), by=f.principal("Ada"))
    with pytest.raises(ConflictError, match="another number"):
        publish(own(version="1", title="Like the bundled one"), by=f.principal("Ada"))


def test_a_release_keeps_the_profile_that_it_was_made_by() -> None:
    publish(own(), by=f.principal("Ada"))
    release = drafted(f.study(f.principal("Ben")), profile="research")
    publish(own(version="3"), by=f.principal("Ada"))
    release.refresh_from_db()
    assert release.profile_version == "2"
    assert "version: '2'" in release.profile_text


def test_what_is_no_profile_is_not_published() -> None:
    with pytest.raises(ProfileError):
        publish("name: [", by=f.principal("Ada"))
    with pytest.raises(NotAllowedError):
        publish(own(), by=f.principal("Ben"))
