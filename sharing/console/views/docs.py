"""The API's description as a page: rendered here from the schema, without anybody's scripts."""

import functools
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator

from sharing.access.gate import declares
from sharing.access.rules import Rule
from sharing.accounts.rules import ROLE_SENTENCES, Role

METHODS = ("get", "post", "put", "patch", "delete", "head", "options")
TAG_ORDER = ("uploads", "studies", "links", "claims", "activity")
Schema = dict[str, Any]


@require_safe
@declares(Rule.ANYBODY)
def docs(request: HttpRequest) -> HttpResponse:
    """Every operation: what it does, what it takes, what it answers, and how to call it."""
    roles = [(role.label, ROLE_SENTENCES[role]) for role in Role]
    context = {"tags": _described(), "base": settings.BASE_URL, "roles": roles}
    return render(request, "console/docs.html", context)


@functools.cache
def _described() -> list[tuple[str, list[Schema]]]:
    schema: Schema = SchemaGenerator().get_schema(request=None, public=True)
    tags: dict[str, list[Schema]] = {}
    for path, item in schema["paths"].items():
        for method, operation in item.items():
            if method in METHODS:
                shown = _operation(schema, path, method, operation)
                tags.setdefault(shown["tag"], []).append(shown)
    return sorted(tags.items(), key=lambda tag: (_place(tag[0]), tag[0]))


def _place(tag: str) -> int:
    return TAG_ORDER.index(tag) if tag in TAG_ORDER else len(TAG_ORDER)


def _operation(schema: Schema, path: str, method: str, operation: Schema) -> Schema:
    title, _, rest = _plain(operation.get("description")).partition("\n")
    body = _body(schema, operation)
    return {
        "tag": _tag(path, operation),
        "id": operation["operationId"],
        "method": method.upper(),
        "path": path,
        "title": title or operation["operationId"].replace("_", " "),
        "text": rest.strip(),
        "parameters": [_parameter(one) for one in operation.get("parameters", [])],
        "body": body,
        "answers": _answers(schema, operation),
        "curl": _curl(path, method, operation, body),
    }


def _plain(text: str | None) -> str:
    """A description without the marks that are for Markdown."""
    return (text or "").replace("`", "").strip()


def _tag(path: str, operation: Schema) -> str:
    """The first word of the address after /api/, or the tag that was given."""
    given = [tag for tag in operation.get("tags", []) if tag != "api"]
    return given[0] if given else path.removeprefix("/api/").split("/")[0]


def _parameter(parameter: Schema) -> Schema:
    return {
        "name": parameter["name"],
        "where": {"query": "in the address", "path": "in the path", "header": "header"}.get(
            parameter["in"], parameter["in"]
        ),
        "kind": _kind(parameter.get("schema", {})),
        "required": parameter.get("required", False),
        "text": _plain(parameter.get("description")),
    }


def _body(schema: Schema, operation: Schema) -> list[Schema]:
    content = operation.get("requestBody", {}).get("content", {})
    return _fields(schema, content.get("application/json", {}).get("schema", {}))


def _answers(schema: Schema, operation: Schema) -> list[Schema]:
    return [
        {
            "status": status,
            "text": _plain(answer.get("description")),
            "fields": _fields(
                schema, answer.get("content", {}).get("application/json", {}).get("schema", {})
            ),
        }
        for status, answer in operation.get("responses", {}).items()
    ]


def _fields(schema: Schema, found: Schema) -> list[Schema]:
    found = _resolved(schema, found)
    if found.get("type") == "array":
        found = _resolved(schema, found.get("items", {}))
    required = found.get("required", ())
    return [
        {
            "name": name,
            "kind": _kind(field),
            "required": name in required,
            "text": _plain(field.get("description") or _resolved(schema, field).get("description")),
        }
        for name, field in found.get("properties", {}).items()
    ]


def _resolved(schema: Schema, found: Schema) -> Schema:
    if "$ref" in found:
        name = found["$ref"].rsplit("/", 1)[-1]
        resolved: Schema = schema["components"]["schemas"][name]
        return resolved
    return found


def _kind(found: Schema) -> str:
    """A type in a word or two."""
    if "$ref" in found:
        return str(found["$ref"].rsplit("/", 1)[-1])
    if found.get("type") == "array":
        return f"list of {_kind(found.get('items', {}))}"
    for several in ("oneOf", "anyOf", "allOf"):
        if several in found:
            return " or ".join(dict.fromkeys(_kind(one) for one in found[several]))
    if "enum" in found:
        return ", ".join(str(one) for one in found["enum"])
    kind = found.get("type", "any")
    kind = " or ".join(kind) if isinstance(kind, list) else kind
    return f"{kind} ({found['format']})" if "format" in found else str(kind)


def _curl(path: str, method: str, operation: Schema, body: list[Schema]) -> str:
    """How to call it from a shell; {names} stand where one's own ids go."""
    parts = [f"curl -H 'Authorization: Bearer {{token}}' '{settings.BASE_URL}{path}'"]
    if not operation.get("security") or {} in operation.get("security", []):
        parts = [f"curl '{settings.BASE_URL}{path}'"]
    if method != "get":
        parts.append(f"-X {method.upper()}")
    if body:
        needed = [field for field in body if field["required"]] or body[:1]
        said = ", ".join(f'"{field["name"]}": …' for field in needed)
        parts.append(f"-H 'Content-Type: application/json' -d '{{{said}}}'")
    return " \\\n  ".join(parts)
