"""A claimed share link as a principal."""

import uuid

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from sharing.access.principal import Actor, Principal
from sharing.access.rules import DOWNLOAD_LINK_ACTIONS, VIEW_LINK_ACTIONS
from sharing.audit.rules import ActorKind
from sharing.kernel import secrets
from sharing.kernel.requests import Origin
from sharing.links.models import Claim, LinkItem
from sharing.studies.models import Series


def claim(claim_id: uuid.UUID, secret: str, origin: Origin) -> Principal | None:
    """The principal of a claim's cookie, or None when the link no longer serves it."""
    found = _live(claim_id).select_related("link").first()
    if found is None or not secrets.same(bytes(found.secret_digest), secrets.digest(secret)):
        return None
    link = found.link
    given = LinkItem.objects.filter(link=link).filter(
        Q(series=OuterRef("pk")) | Q(series=None, study=OuterRef("study"))
    )
    return Principal(
        actor=Actor(
            ActorKind.LINK,
            str(found.pk),
            link.recipient_email or link.recipient_name,
            link.institution_id,
            "link",
            str(link.pk),
            link.pk,
        ),
        actions=DOWNLOAD_LINK_ACTIONS if link.may_download else VIEW_LINK_ACTIONS,
        reach=Series.objects.filter(Exists(given), study__institution=link.institution_id),
        origin=origin,
        still_allowed=lambda: _live(claim_id).exists(),
    )


def _live(claim_id: uuid.UUID) -> QuerySet[Claim]:
    now = timezone.now()
    return Claim.objects.filter(
        pk=claim_id, expires_at__gt=now, link__revoked_at=None, link__expires_at__gt=now
    )
