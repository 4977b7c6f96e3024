"""The staff's home: a list of studies, close to what a PACS list feels like."""

from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from sharing.access import gate
from sharing.access.gate import declares
from sharing.access.principal import Principal
from sharing.access.rules import Action, Rule
from sharing.audit.actions import record
from sharing.audit.rules import Act
from sharing.console import queries
from sharing.console.forms import TABS, WorklistForm, place
from sharing.studies.queries import ordered_page

PAGE = 50


@require_safe
@declares(Rule.SIGNED_IN)
def worklist(request: HttpRequest) -> HttpResponse:
    """The studies of the institution, what arrives now, and what was shared by and with me."""
    principal: Principal = request.principal  # type: ignore[attr-defined]
    if principal.membership is None:
        return render(request, "console/no_membership.html")
    form = WorklistForm(request.GET)
    context = _received(request) if form.shown_tab == "received" else _studies(request, form)
    context |= {"form": form, "tabs": _tabs(form), "tab": form.shown_tab}
    partial = "#list" if request.htmx and not request.htmx.boosted else ""  # type: ignore[attr-defined]
    response = render(request, f"console/worklist.html{partial}", context)
    response["Vary"] = "HX-Request"
    response["Cache-Control"] = "no-store"
    return response


def _studies(request: HttpRequest, form: WorklistForm) -> dict[str, Any]:
    principal: Principal = request.principal  # type: ignore[attr-defined]
    query = {"tab": form.shown_tab != "own", **form.used}
    gate.searched(principal, query, partners=form.shown_tab == "partners")
    shared = form.value("status") == "shared"
    found = queries.listed(principal, form.wanted(), tab=form.shown_tab, shared=shared)
    page = ordered_page(
        found,
        order=form.order,
        after=place(request.GET.get("after", "")),
        before=place(request.GET.get("before", "")),
        within=queries.of_tab(principal, form.shown_tab),
        size=PAGE,
    )
    context = {
        "page": page,
        "rows": queries.with_news(principal, page.rows),
        "sort": form.order,
        "nothing_yet": not page.rows and not form.used,
    }
    if form.shown_tab == "arriving":
        context |= _arriving(principal)
    return context


def _arriving(principal: Principal) -> dict[str, Any]:
    return {
        "uploads": queries.uploads_under_way(principal),
        "state": queries.state_of_arriving(principal),
    }


def _received(request: HttpRequest) -> dict[str, Any]:
    principal: Principal = request.principal  # type: ignore[attr-defined]
    record(Act.LINKS_LISTED, by=principal, received=True)
    return {"received": queries.received(principal, request.session.get("claims", ()))}


@require_safe
@declares(Action.SEARCH)
def arriving(request: HttpRequest) -> HttpResponse:
    """The tab of what is arriving, as it renews itself: 204 while nothing has changed."""
    principal: Principal = request.principal  # type: ignore[attr-defined]
    state = queries.state_of_arriving(principal)
    if state == request.GET.get("state"):
        return HttpResponse(status=204)
    gate.watched(principal)
    form = WorklistForm(QueryDict("tab=arriving"))
    page = ordered_page(queries.listed(principal, form.wanted()), size=PAGE)
    context = {
        "form": form,
        "tab": "arriving",
        "page": page,
        "sort": form.order,
        "rows": queries.with_news(principal, page.rows),
        "nothing_yet": not page.rows,
        **_arriving(principal),
    }
    response = render(request, "console/worklist.html#list", context)
    response["Cache-Control"] = "no-store"
    return response


def _tabs(form: WorklistForm) -> list[dict[str, Any]]:
    address = reverse("worklist")
    return [
        {
            "label": label,
            "href": address if key == "own" else f"{address}?tab={key}",
            "current": key == form.shown_tab,
        }
        for key, label in TABS.items()
    ]
