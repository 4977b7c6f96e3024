"""Checks at start-up: a route that does not declare who may use it stops the start."""

from collections.abc import Iterator
from typing import Any

from django.core.checks import CheckMessage, Error, register
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
