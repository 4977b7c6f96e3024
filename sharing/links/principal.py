"""A claimed share link as a principal, and the cookies that its visitor holds."""

import contextlib
import uuid
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from sharing.access.principal import Actor, Principal
from sharing.access.rules import DOWNLOAD_LINK_ACTIONS, VIEW_LINK_ACTIONS
from sharing.audit.rules import ActorKind
from sharing.kernel import ids, secrets
from sharing.kernel.durations import OUR_CLOCKS
from sharing.kernel.requests import Origin
from sharing.links.models import Claim, LinkItem
from sharing.studies.models import Series


def claim(claim_id: uuid.UUID, secret: str, origin: Origin) -> Principal | None:
    """The principal of a claim's cookie, or None when the link no longer serves it."""
    found = live(claim_id).select_related("link").first()
    if found is None or not secrets.same(bytes(found.secret_digest), secrets.digest(secret)):
        return None
    link = found.link
    given = LinkItem.objects.filter(link=link).filter(
        Q(series=OuterRef("pk")) | Q(series=None, study=OuterRef("study"))
    )
    return Principal(
        actor=_visitor(found),
        actions=DOWNLOAD_LINK_ACTIONS if link.may_download else VIEW_LINK_ACTIONS,
        reach=Series.objects.filter(Exists(given), study__institution=link.institution_id),
        origin=origin,
        still_allowed=lambda: live(claim_id).exists(),
    )


def ended(claim_id: uuid.UUID, secret: str, origin: Origin) -> Principal | None:
    """Whoever holds a claim, also one that is over: may do nothing, but a refusal can name them."""
    found = Claim.objects.filter(pk=claim_id).select_related("link").first()
    if found is None or not secrets.same(bytes(found.secret_digest), secrets.digest(secret)):
        return None
    return Principal(_visitor(found), frozenset(), Series.objects.none(), origin)


def _visitor(claim: Claim) -> Actor:
    link = claim.link
    return Actor(
        ActorKind.LINK,
        str(claim.pk),
        link.recipient_email or link.recipient_name,
        link.institution_id,
        "link",
        str(link.pk),
        link.pk,
    )


def live(claim_id: uuid.UUID) -> QuerySet[Claim]:
    """The claim, as long as its link serves it: asked at every request and while bytes flow."""
    now = timezone.now()
    return Claim.objects.filter(
        pk=claim_id,
        created_at__lte=now + OUR_CLOCKS,
        expires_at__gt=now,
        link__revoked_at=None,
        link__expires_at__gt=now,
    )


def cookies(claim: Claim, secret: str) -> list[dict[str, Any]]:
    """What the visitor's browser keeps, as arguments of `set_cookie`.

    The first opens the claim's pages and is sent nowhere else. The second is sent to the page
    that opens links, so that the same browser comes back without counting another use.
    """
    left = int((claim.expires_at - timezone.now()).total_seconds())
    common = {"max_age": left, "httponly": True, "secure": settings.HTTPS, "samesite": "Lax"}
    return [
        {"key": "claim", "value": secret, "path": f"/c/{claim.pk}/", **common},
        {
            "key": _opened(claim.link_id),
            "value": f"{ids.to_text(claim.pk)}.{secret}",
            "path": "/s",
            **common,
        },
    ]


def known(jar: Mapping[str, str], link_id: uuid.UUID) -> list[tuple[uuid.UUID, str]]:
    """The claim of a link that a browser says it holds; whether it counts is looked at later."""
    claim_id, _, secret = jar.get(_opened(link_id), "").partition(".")
    with contextlib.suppress(ValueError):
        return [(ids.from_text(claim_id), secret)]
    return []


def _opened(link_id: uuid.UUID) -> str:
    return f"opened-{ids.to_text(link_id)}"
