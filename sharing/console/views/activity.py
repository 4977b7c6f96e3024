"""Who did what to which study, from where and how it ended."""

import csv
import json
from collections.abc import Iterable, Iterator
from typing import Any

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from sharing.access import gate
from sharing.access.gate import declares
from sharing.access.principal import Principal
from sharing.access.rules import Action
from sharing.audit.actions import record
from sharing.audit.models import AuditEvent
from sharing.audit.queries import all_of, matching, newest, of_institution
from sharing.audit.rules import Act
from sharing.console import queries
from sharing.console.forms import ActivityForm
from sharing.console.rules import safe_cell

PAGE = 100
COLUMNS = (
    *("at", "action", "outcome", "actor_kind", "actor_name", "actor_id", "actor_institution_id"),
    *("credential", "credential_id", "address", "agent", "channel", "custodian_id", "study_id"),
    *("link_id", "upload_id", "patient_ref", "reason", "detail", "uid", "grant_id"),
)


@require_safe
@declares(Action.REVIEW)
def activity(request: HttpRequest) -> HttpResponse:
    """The institution's activity, newest first."""
    principal: Principal = request.principal  # type: ignore[attr-defined]
    form = ActivityForm(request.GET)
    record(Act.ACTIVITY_READ, by=principal, fields=sorted(form.used))
    found = matching(of_institution(principal.whole_institution), form.asked())
    before = request.GET.get("before", "")
    events, more = newest(
        found,
        before=int(before) if before.isdecimal() and len(before) < 19 else None,
        size=PAGE,
        folded=True,
    )
    context: dict[str, Any] = {
        "form": form,
        "rows": queries.told(principal, events),
        "more": more,
        "begun": bool(before),
    }
    partial = "#list" if request.htmx else ""  # type: ignore[attr-defined]
    response = render(request, f"console/activity.html{partial}", context)
    response["Cache-Control"] = "no-store"
    response["Vary"] = "HX-Request"
    return response


@require_safe
@declares(Action.REVIEW)
def activity_file(request: HttpRequest) -> StreamingHttpResponse:
    """The same rows as a CSV file: our ids, no patient's name."""
    principal: Principal = request.principal  # type: ignore[attr-defined]
    form = ActivityForm(request.GET)
    record(Act.ACTIVITY_READ, by=principal, fields=sorted(form.used), form="csv")
    found = matching(of_institution(principal.whole_institution), form.asked())
    response = StreamingHttpResponse(
        gate.guard_stream(principal, _lines(all_of(found))), content_type="text/csv; charset=utf-8"
    )
    name = f"activity-{timezone.localdate():%Y-%m-%d}.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "no-store"
    return response


class _Line:
    """What the csv module writes a line into: it gives the line back."""

    def write(self, line: str) -> bytes:
        return line.encode()


def _lines(events: Iterable[AuditEvent]) -> Iterator[bytes]:
    writer = csv.writer(_Line())
    yield writer.writerow(COLUMNS)
    for event in events:
        yield writer.writerow([safe_cell(_cell(event, column)) for column in COLUMNS])


def _cell(event: AuditEvent, column: str) -> Any:
    value = getattr(event, column)
    if column == "at":
        return value.isoformat()
    return json.dumps(value, ensure_ascii=False) if column == "detail" else value
