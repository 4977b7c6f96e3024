"""One partner's grant with all that belongs to it, and what it gives at this moment."""

import csv
import dataclasses
import uuid
from collections.abc import Iterator
from typing import Any

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from sharing.access import gate
from sharing.access.gate import declares
from sharing.access.principal import Principal
from sharing.access.rules import Action
from sharing.accounts.queries import evidence_of, names_of
from sharing.audit.actions import record
from sharing.audit.models import AuditEvent
from sharing.audit.queries import last_openings, newest, of_grant, of_institution
from sharing.audit.rules import Act
from sharing.console import queries, rules
from sharing.console.forms import GivenForm, place
from sharing.credentials.models import MachineClient
from sharing.credentials.rules.machines import MachineState
from sharing.credentials.work import keys
from sharing.grants.models import GrantMachine
from sharing.grants.principal.ways import given
from sharing.grants.queries.grants import written
from sharing.grants.queries.lines import Line, days_of, line
from sharing.grants.rules.terms import Channel
from sharing.grants.rules.words import differences, in_words
from sharing.grants.views.looking import dry_run
from sharing.kernel.errors import NotThereError
from sharing.studies.models import Study
from sharing.studies.queries import matching, ordered_page
from sharing.studies.rules import date_text

PAGE = 50
SHOWN_ACTS = 15
COLUMNS = (
    *("Patient", "Patient ID", "Born", "Study date", "Modality", "Description", "Accession"),
    *("Images", "Study Instance UID", "Last opened", "By"),
)


def _by(request: HttpRequest) -> Principal:
    return request.principal  # type: ignore[attr-defined]


# ---- One grant ----------------------------------------------------------------------------------


@require_safe
@declares(Action.AGREE)
def partner(request: HttpRequest, grant_id: uuid.UUID) -> HttpResponse:
    """All terms in words, who agreed, what waits, the machines, the uses and the history."""
    by = _by(request)
    shown = line(by, grant_id)
    context = {
        "line": shown,
        "evidence": evidence_of(shown.partner),
        "days": days_of(shown.grant),
        **_terms(by, shown),
        **_machines(shown),
        **_history(by, shown),
    }
    response = render(request, "grants/partner.html", context)
    response["Cache-Control"] = "no-store"
    return response


def _terms(by: Principal, shown: Line) -> dict[str, Any]:
    """The terms that the page is about, what waits beside them, and what they give."""
    about = shown.asked or shown.version
    if about is None:
        raise NotThereError
    now, in_force = about.read(), shown.grant.version
    studies = written(now.filter)
    context: dict[str, Any] = {
        "about": about,
        "text": now.text,
        "words": in_words(now, studies),
    }
    if shown.asked and in_force:
        old = in_force.read()
        context["differences"] = differences(old, now, written(old.filter), studies)
    if shown.gives and shown.asked:
        context["dry_run"] = dry_run(by, now.filter)
    elif shown.gives and in_force and shown.counts:
        context["given"] = given(shown.grant, in_force.read()).count()
    return context


@dataclasses.dataclass(frozen=True, slots=True)
class Named:
    """A machine that uses a grant, and by which keys."""

    machine: MachineClient
    keys: list[keys.Key]
    thumbprints: list[str]


def _machines(shown: Line) -> dict[str, Any]:
    """Those that the recipient has named; for the recipient also those that it could name."""
    rows = GrantMachine.objects.filter(grant=shown.grant).select_related("client", "added_by")
    named = [
        Named(
            one.client,
            keys.usable(one.client.jwks),
            [shown.thumbprint for shown in one.client.certificates.all()],
        )
        for one in rows.prefetch_related("client__certificates")
    ]
    terms = shown.terms
    context: dict[str, Any] = {
        "machines": named,
        "for_machines": terms is not None and Channel.MACHINES in terms.channels,
    }
    if not shown.gives:
        mine = MachineClient.objects.filter(institution=shown.own, state=MachineState.ACTIVE)
        context["choices"] = mine.exclude(pk__in=[one.machine.pk for one in named])
    return context


def _history(by: Principal, shown: Line) -> dict[str, Any]:
    record(Act.ACTIVITY_READ, by=by, fields=["grant"])
    mine = of_grant(of_institution(shown.own), shown.grant.pk)
    events, more = newest(mine, size=SHOWN_ACTS, folded=True)
    return {"history": queries.told(by, events), "more_history": more is not None}


# ---- What can they see? -------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True)
class Seen:
    """A study that a grant gives, and when somebody last opened it by that."""

    study: Study
    last: AuditEvent | None
    who: str


@require_safe
@declares(Action.SEARCH)
def partner_studies(request: HttpRequest, grant_id: uuid.UUID) -> HttpResponse:
    """Every study that a grant gives at this moment, searched as the worklist is."""
    by = _by(request)
    shown = _giving(by, grant_id)
    form = GivenForm(request.GET)
    gate.searched(by, {"partner": True, **form.used}, partners=False)
    within = _given(by, shown)
    page = ordered_page(
        matching(within, form.wanted()),
        order=form.order,
        after=place(request.GET.get("after", "")),
        before=place(request.GET.get("before", "")),
        within=within,
        size=PAGE,
    )
    context = {
        "line": shown,
        "form": form,
        "page": page,
        "rows": _seen(shown.grant.pk, page.rows),
        "sort": form.order,
        "nothing_yet": not page.rows and not form.used,
    }
    partial = "#list" if request.htmx else ""  # type: ignore[attr-defined]
    response = render(request, f"grants/studies.html{partial}", context)
    response["Cache-Control"] = "no-store"
    response["Vary"] = "HX-Request"
    return response


@require_safe
@declares(Action.SEARCH)
def partner_studies_file(request: HttpRequest, grant_id: uuid.UUID) -> StreamingHttpResponse:
    """The same studies as a CSV file."""
    by = _by(request)
    shown = _giving(by, grant_id)
    form = GivenForm(request.GET)
    gate.searched(by, {"partner": True, "file": True, **form.used}, partners=False)
    found = matching(_given(by, shown), form.wanted())
    response = StreamingHttpResponse(
        gate.guard_stream(by, _file(shown.grant.pk, found)), content_type="text/csv; charset=utf-8"
    )
    name = f"partner-studies-{timezone.localdate():%Y-%m-%d}.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "no-store"
    return response


def _giving(by: Principal, grant_id: uuid.UUID) -> Line:
    """A grant of studies of one's own institution; the recipient has its own worklist."""
    shown = line(by, grant_id)
    if not shown.gives:
        raise NotThereError
    return shown


def _given(by: Principal, shown: Line) -> Any:
    """What the grant gives, asked of the very rule that lets the partner in."""
    terms = shown.grant.version.read() if shown.grant.version else None
    if terms is None:
        return Study.objects.none()
    return gate.own_studies(by) & given(shown.grant, terms)


def _seen(grant_id: uuid.UUID, studies: list[Study]) -> list[Seen]:
    openings = last_openings(grant_id, [study.pk for study in studies])
    people = {one.actor_id for one in openings.values() if one.actor_kind in queries.HUMAN}
    names = names_of(people)
    found = []
    for study in studies:
        last = openings.get(study.pk)
        who = (
            rules.who(last.actor_kind, names.get(last.actor_id) or last.actor_name) if last else ""
        )
        found.append(Seen(study, last, who))
    return found


class _Line:
    """What the csv module writes a line into: it gives the line back."""

    def write(self, line: str) -> bytes:
        return line.encode()


def _file(grant_id: uuid.UUID, found: Any) -> Iterator[bytes]:
    """Page by page, so that however many there are, few are held."""
    writer = csv.writer(_Line())
    yield writer.writerow(COLUMNS)
    after = None
    while True:
        page = ordered_page(found, after=after, size=500)
        for seen in _seen(grant_id, page.rows):
            yield writer.writerow([rules.safe_cell(cell) for cell in _cells(seen)])
        after = page.after
        if after is None:
            return


def _cells(seen: Seen) -> list[Any]:
    study, patient = seen.study, seen.study.patient
    return [
        patient.display_name,
        patient.patient_id,
        date_text(patient.birth_date),
        date_text(study.date),
        study.modalities.replace("\\", " "),
        study.description,
        study.accession_number,
        study.instance_count,
        study.uid,
        seen.last.at.isoformat() if seen.last else "",
        seen.who,
    ]
