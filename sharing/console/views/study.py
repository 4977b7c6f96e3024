"""A study's page: what it is, where it came from, who has it, and who looked."""

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from sharing.access import actions, gate
from sharing.access.gate import declares
from sharing.access.principal import Principal
from sharing.access.rules import Action
from sharing.audit.queries import newest, of_study
from sharing.audit.rules import Act
from sharing.console import queries
from sharing.console.forms import MarkForm
from sharing.console.views.explaining import agreement, explained
from sharing.grants.queries.offers import received_of_study, sent_of_study
from sharing.ingest.queries import uploads_of_study
from sharing.kernel.errors import InvalidInputError
from sharing.links.queries import links_for, links_of_study
from sharing.research.queries.releases import releases_of
from sharing.studies.models import Series, Study
from sharing.studies.queries import conflicts_of, tags_in

SHOWN_ACTS = 12


@require_safe
@declares(Action.SEARCH)
def study_page(request: HttpRequest, study_id: uuid.UUID) -> HttpResponse:
    """Everything about one study. While it arrives, its series renew themselves."""
    principal: Principal = request.principal  # type: ignore[attr-defined]
    renewing = bool(request.htmx)  # type: ignore[attr-defined]
    study = _renewed(principal, study_id) if renewing else _opened(principal, study_id)
    context = _head(principal, study)
    if not renewing:
        is_own = gate.is_own(principal, study)
        context |= _of_ours(principal, study) if is_own else _offered(principal, study)
    partial = "#series" if renewing else ""
    response = render(request, f"console/study.html{partial}", context)
    response["Cache-Control"] = "no-store"
    response["Vary"] = "HX-Request"
    return response


def _opened(principal: Principal, study_id: uuid.UUID) -> Study:
    return gate.study(principal, Action.SEARCH, id=study_id)


def _renewed(principal: Principal, study_id: uuid.UUID) -> Study:
    study = gate.study(principal, Action.SEARCH, id=study_id, act=None)
    gate.note_view(principal, Act.STUDY_OPENED, study, renewals=1)
    return study


def _head(principal: Principal, study: Study) -> dict[str, Any]:
    series = gate.series_of(principal, study)
    listed = queries.with_news(principal, [study])[0]
    return {
        "study": study,
        "is_own": gate.is_own(principal, study),
        "may": {str(one): True for one in Action if gate.may(principal, one, study)},
        "is_arriving": listed.is_arriving,
        "series": _series(list(series), conflicts_of(series)),
    }


def _series(series: list[Series], conflicts: dict[uuid.UUID, int]) -> list[dict[str, Any]]:
    return [{"it": one, "conflicts": conflicts.get(one.pk, 0)} for one in series]


def _of_ours(principal: Principal, study: Study) -> dict[str, Any]:
    """Who else reaches it and why, its department and tags, and what happened."""
    found = {**_history(principal, study), **explained(principal, study)}
    found["released_as"] = releases_of(study)
    found["may_research"] = principal.may(Action.RESEARCH)
    if principal.may(Action.SHARE):
        found["mark"] = MarkForm(study=study, known=tags_in(gate.own_studies(principal)))
    return found


@require_POST
@declares(Action.SHARE)
def mark(request: HttpRequest, study_id: uuid.UUID) -> HttpResponse:
    """Say to which department a study belongs, and which tags it carries."""
    principal: Principal = request.principal  # type: ignore[attr-defined]
    study = gate.study(principal, Action.SHARE, id=study_id, act=None)
    form = MarkForm(request.POST, study=study)
    try:
        if not form.is_valid():
            raise InvalidInputError("This department or tag cannot be set.")
        actions.mark(study.pk, department=form.department(), tags=form.tags(), by=principal)
        messages.success(request, "Saved.")
    except InvalidInputError as error:
        messages.error(request, error.detail)
    return redirect("study", study.pk)


def _offered(principal: Principal, study: Study) -> dict[str, Any]:
    """By which agreement, and by whose sending, somebody reaches another institution's study."""
    return {**agreement(principal, study), "offers": received_of_study(principal, study)}


def _history(principal: Principal, study: Study) -> dict[str, Any]:
    """Uploads for everybody; links and activity for those who share or review."""
    context: dict[str, Any] = {"uploads": list(uploads_of_study(study)[:20])}
    if principal.may(Action.SHARE) or principal.may(Action.REVIEW):
        events, more = newest(of_study(study.pk), size=SHOWN_ACTS, folded=True)
        context |= {
            "links": list(links_of_study(principal, study)),
            "sent": sent_of_study(principal, study),
            "mine": set(links_for(principal).values_list("pk", flat=True)),
            "activity": queries.told(principal, events),
            "more_activity": more is not None,
        }
    return context
