"""What every page needs: built assets, icons, wrapped components, the way around the house."""

import datetime
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from django import template
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.template.base import FilterExpression, Node, NodeList, Parser, Token, token_kwargs
from django.template.context import Context
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from sharing.accounts.templatetags.icons import ICONS

register = template.Library()

Manifest = dict[str, dict[str, Any]]


def _manifest() -> Manifest:
    """Vite's list of what it built, read once for each build."""
    path = settings.BASE_DIR / "static" / "dist" / "manifest.json"
    try:
        built = path.stat().st_mtime_ns
    except FileNotFoundError as error:
        raise ImproperlyConfigured(
            "The pages' scripts and styles are not built yet: run `npm ci && npm run build`."
        ) from error
    return _read_manifest(path, built)


@cache
def _read_manifest(path: Path, _built: int) -> Manifest:
    manifest: Manifest = json.loads(path.read_text(encoding="utf-8"))
    return manifest


def _imports(manifest: Manifest, name: str) -> Iterator[dict[str, Any]]:
    """Every chunk that `name` imports, each once, the deepest first."""
    seen: set[str] = set()

    def walk(key: str) -> Iterator[dict[str, Any]]:
        for imported in manifest[key].get("imports", ()):
            if imported not in seen:
                seen.add(imported)
                yield from walk(imported)
                yield manifest[imported]

    return walk(name)


def _url(file: str) -> str:
    return f"{settings.STATIC_URL}{file}"


@register.simple_tag
def asset(name: str, *, blocking: bool = False) -> SafeString:
    """The tags that load one of Vite's entries: its styles, what it imports, itself.

    `blocking` is for the one script that must run before the first paint.
    """
    manifest = _manifest()
    if name not in manifest:
        raise ImproperlyConfigured(f"{name} is not an entry of vite.config.js, or not built yet.")
    entry = manifest[name]
    if name.endswith(".css"):
        return _styles([entry["file"]])
    if blocking:
        return format_html('<script src="{}"></script>', _url(entry["file"]))
    chunks = list(_imports(manifest, name))
    sheets = [sheet for chunk in (*chunks, entry) for sheet in chunk.get("css", ())]
    return _styles(sheets) + _modules([chunk["file"] for chunk in chunks], entry["file"])


def _styles(files: list[str]) -> SafeString:
    return format_html_join("", '<link rel="stylesheet" href="{}">', ((_url(f),) for f in files))


def _modules(imported: list[str], entry: str) -> SafeString:
    ahead = format_html_join(
        "", '<link rel="modulepreload" href="{}">', ((_url(file),) for file in imported)
    )
    return ahead + format_html('<script type="module" src="{}"></script>', _url(entry))


@register.simple_tag
def asset_url(name: str) -> str:
    """Where one built file is, for a script that has to be told."""
    return _url(_manifest()[name]["file"])


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """One of our icons. With a label it is an image with that name, without it decoration."""
    named = format_html('role="img" aria-label="{}"', label) if label else 'aria-hidden="true"'
    return format_html(
        '<svg class="icon" viewBox="0 0 24 24" fill="none" stroke="currentColor" '
        'stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round" {}>{}</svg>',
        mark_safe(named),  # noqa: S308 - made two lines above, its label escaped
        mark_safe(ICONS[name]),  # noqa: S308 - our own drawings
    )


class WrapNode(Node):
    """A component with contents: its template gets them as `body`."""

    def __init__(
        self, template_name: FilterExpression, values: dict[str, FilterExpression], body: NodeList
    ) -> None:
        self.template_name = template_name
        self.values = values
        self.body = body

    def render(self, context: Context) -> SafeString:
        values = {name: value.resolve(context) for name, value in self.values.items()}
        with context.push(**values):
            contents = self.body.render(context)
        component = context.template.engine.get_template(self.template_name.resolve(context))  # type: ignore[union-attr]
        return component.render(context.new({**values, "body": contents}))


@register.tag
def wrap(parser: Parser, token: Token) -> WrapNode:
    """`{% wrap "components/card.html" title="Series" %} … {% endwrap %}`."""
    _, name, *bits = token.split_contents()
    values = token_kwargs(bits, parser)
    if bits:
        raise template.TemplateSyntaxError(f"wrap takes only name=value, not {bits[0]!r}")
    body = parser.parse(("endwrap",))
    parser.delete_first_token()
    return WrapNode(parser.compile_filter(name), values, body)


@register.filter
def filesize(size: float) -> str:
    """A size as people say it: 157 MB."""
    if size < 1000:
        return f"{size:.0f} bytes"
    for unit in ("kB", "MB", "GB"):
        size /= 1000
        if size < 999.5:
            return f"{size:.1f} {unit}" if size < 9.95 else f"{size:.0f} {unit}"
    return f"{size / 1000:.1f} TB"


@register.filter
def waited(since: datetime.datetime) -> str:
    """How long ago that was, as a clock says it: 4 min, 1 h 12 min, 3 days."""
    minutes = max(0, int((timezone.now() - since).total_seconds() // 60))
    hours, left = divmod(minutes, 60)
    if hours >= 48:
        return f"{hours // 24} days"
    return f"{hours} h {left} min" if hours else f"{left} min"


MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@register.filter
def dicom_date(date: str) -> str:
    """A DICOM date (YYYYMMDD) as people write it: 7 Mar 2024; whatever is none stays as it is."""
    if len(date) != 8 or not date.isdigit() or not 1 <= int(date[4:6]) <= 12:
        return date
    return f"{int(date[6:])} {MONTHS[int(date[4:6]) - 1]} {date[:4]}"


# What stands in the staff's column: the action that opens it, where it is, its icon, its name.
PLACES = (
    ("search", "/", "list", "Worklist"),
    ("view", "/inbox/", "inbox", "Inbox"),
    ("upload", "/upload/", "upload", "Upload"),
    ("share", "/links/", "link", "Links"),
    ("agree", "/partners/", "shield", "Partners"),
    ("research", "/research/", "archive", "Research"),
    ("review", "/activity/", "activity", "Activity"),
    ("administer", "/people/", "people", "People"),
)
INSIDE = {"/": ("/studies/",), "/upload/": ("/uploads/", "/upload/"), "/links/": ("/links/",)}


@register.simple_tag(takes_context=True)
def places(context: Context) -> list[dict[str, Any]]:
    """The places that this person may use, by the context's `may`.

    `waiting` counts what waits for the person there, by the place's action; asked only here.
    """
    path = context["request"].path if "request" in context else ""
    may, waiting = context.get("may") or {}, context.get("waiting") or {}
    return [
        {"href": href, "icon": drawing, "label": label, "current": _is_at(path, href)}
        | {"renews": href == "/inbox/" and action in waiting}
        | {"waiting": waiting[action]() if action in waiting else 0}
        for action, href, drawing, label in PLACES
        if action in may
    ]


def _is_at(path: str, href: str) -> bool:
    return path == href or path.startswith(INSIDE.get(href, (href,)))
