"""Publishing a profile: from then on releases can be made by it, and nothing of it changes."""

from django.db import transaction

from sharing.access.principal import Principal
from sharing.audit.actions import record
from sharing.audit.rules import Act
from sharing.deid.profile import BUNDLED, load
from sharing.kernel.errors import ConflictError
from sharing.research.actions.common import officer
from sharing.research.models import ProfileVersion


def publish(text: str, *, by: Principal) -> ProfileVersion:
    """Publish a profile as its text says it.

    Raises
    ------
    sharing.deid.profile.ProfileError
        The text is no profile; it says what is wrong in which line.
    ConflictError
        This version was published before, and says something else.
    """
    at = officer(by)
    profile = load(text)
    there = ProfileVersion.objects.filter(
        institution=at.institution, name=profile.name, version=profile.version
    )
    with transaction.atomic():
        earlier = there.first()
        if earlier is not None and earlier.digest == profile.digest:
            return earlier
        bundled = BUNDLED.get(profile.name)
        if earlier is not None or (bundled and bundled.version == profile.version):
            raise ConflictError(
                f"Version {profile.version} of “{profile.name}” is published already. What is "
                "published does not change: give your version another number."
            )
        made = ProfileVersion.objects.create(
            institution=at.institution,
            name=profile.name,
            version=profile.version,
            title=profile.title,
            text=text,
            digest=profile.digest,
            published_by=at.person,
        )
        record(
            Act.PROFILE_PUBLISHED,
            by=by,
            name=profile.name,
            version=profile.version,
            digest=profile.digest,
        )
    return made
