"""Checks at start-up: what must not be so stops the start, of the web and of workers too."""

import sys
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.db import OperationalError, connection
from django.urls import URLPattern, URLResolver, get_resolver

# Views of other packages, each looked at: what they show, and to whom.
FOREIGN = {
    "allauth.account.views": "sign-in and one's own account; allauth asks for sign-in itself",
    "allauth.mfa": "one's own second factors; allauth asks for sign-in itself",
    "drf_spectacular.views": "the API's description, the same for everyone",
    "django.contrib.staticfiles.views": "built assets",
}


def routes(
    patterns: list[URLPattern | URLResolver] | None = None, prefix: str = ""
) -> Iterator[tuple[str, URLPattern]]:
    """Every route of the portal, as (address pattern, route)."""
    for pattern in patterns if patterns is not None else get_resolver().url_patterns:
        address = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, address)
        else:
            yield address, pattern


def rule_of(callback: Any) -> Any:
    """What a route declares: an Action, a Rule, a dict by method, a foreign package, or None."""
    rule = getattr(callback, "access_rule", None)
    view_class = getattr(callback, "cls", None) or getattr(callback, "view_class", None)
    if rule is None and view_class is not None:
        rule = getattr(view_class, "access_rule", None)
    if rule is None:
        module = (view_class or callback).__module__
        rule = next((name for name in FOREIGN if module.startswith(name)), None)
    return rule


@register()
def every_route_declares_its_rule(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    return [
        Error(
            f"The route /{address} does not declare who may use it.",
            hint="Decorate its view with access.gate.declares(…).",
            id="portal.E001",
        )
        for address, route in routes()
        if rule_of(route.callback) is None
    ]


# Row-level security holds nobody who is a superuser or may bypass it; an owner could take it away.
FITNESS = """
SELECT current_user, rolsuper OR rolbypassrls, EXISTS (
    SELECT FROM pg_class
    WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace
        AND pg_has_role(current_user, relowner, 'USAGE'))
FROM pg_roles WHERE rolname = current_user
"""


@register()
def the_portal_stays_behind_the_wall(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """In production the portal's role of PostgreSQL owns nothing. `migrate` alone comes as the owner."""
    is_migrating = bool(kwargs.get("databases"))
    if connection.vendor != "postgresql" or is_migrating or settings.DEBUG or settings.DEMO:
        return []
    try:
        with connection.cursor() as cursor:
            cursor.execute(FITNESS)
            role, is_exempt, owns = cursor.fetchone()
    except OperationalError:
        return []  # the database is away: /readyz says so
    if not (is_exempt or owns):
        return []
    why = "is held by no row-level security" if is_exempt else "owns the tables"
    return [
        Error(
            f"The role {role} of DATABASE_URL {why}: PostgreSQL would not keep institutions apart.",
            hint="Run docker/postgres/web_role.sql as the owner, and let the portal come as the role "
            "handover_web. Only manage.py migrate comes as the owner.",
            id="portal.E002",
        )
    ]


def stop_if_unfit() -> None:
    """What commands check by themselves, for servers and workers, which are none."""
    found = [*every_route_declares_its_rule(None), *the_portal_stays_behind_the_wall(None)]
    connection.close()
    if found:
        sys.exit("Handover does not start:\n" + "\n".join(map(str, found)))
