"""What became of mails."""

import uuid
from collections.abc import Iterable

from sharing.mails.models import Mail
from sharing.mails.rules import Kind


def latest(kind: Kind, about: Iterable[uuid.UUID]) -> dict[uuid.UUID, Mail]:
    """The newest mail about each of these."""
    found = Mail.objects.filter(kind=kind, about__in=list(about)).order_by("created_at")
    return {one.about: one for one in found if one.about is not None}
