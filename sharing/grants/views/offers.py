"""Sending a study, and the inbox of those who receive."""

import datetime
import uuid
from collections.abc import Iterable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import trigger_client_event

from sharing.access import gate
from sharing.access.gate import declares
from sharing.access.principal import Principal
from sharing.access.rules import Action
from sharing.accounts.models import Institution
from sharing.accounts.queries import evidence_of
from sharing.audit.actions import record
from sharing.audit.rules import Act
from sharing.grants.actions import offers as actions
from sharing.grants.forms.offers import LongerForm, SendForm, WhyForm
from sharing.grants.queries import offers as queries
from sharing.grants.queries import requests
from sharing.grants.rules.offers import OfferState
from sharing.kernel.errors import InvalidInputError, NotThereError

LISTED = 8
TABS = {
    "waiting": "Waiting",
    "accepted": "Accepted",
    "answered": "Answered",
    "requests": "Requests",
    "sent": "Sent",
}


def by(request: HttpRequest) -> Principal:
    return request.principal  # type: ignore[attr-defined]


def private(response: HttpResponse) -> HttpResponse:
    response["Cache-Control"] = "no-store"
    response["Vary"] = "HX-Request"
    return response


# ---- Send --------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@declares(Action.SHARE)
def send(request: HttpRequest, study_id: uuid.UUID) -> HttpResponseBase:
    """Pick an institution and send; looking for one keeps what is filled in."""
    posted = request.method == "POST"
    is_looking = "find" in request.POST or bool(request.htmx)  # type: ignore[attr-defined]
    # The search for an institution shows nothing of the patient; the page around it does.
    act = None if request.htmx else Act.STUDY_OPENED  # type: ignore[attr-defined]
    form = SendForm(request.POST if posted else None, initial={"recipient": request.GET.get("to")})
    if posted and not is_looking and form.is_valid():
        try:
            offer = actions.send(study_id, by=by(request), **form.wishes())
        except InvalidInputError as error:
            form.show(error)
        else:
            _said(request, offer.recipient, offer.state == OfferState.ACCEPTED)
            return redirect(f"{reverse('study', args=[study_id])}#sent")
    study = gate.study(by(request), Action.SHARE, id=study_id, act=act)
    words = (request.POST if posted else request.GET).get("q", "")[:200]
    chosen = _chosen(request, form)
    context = {"study": study, "form": form, "q": words, "looking": is_looking, "chosen": chosen}
    context |= _found(by(request), words, chosen)
    partial = "#institutions" if request.htmx else ""  # type: ignore[attr-defined]
    status = 422 if posted and not is_looking else 200
    return private(render(request, f"grants/send.html{partial}", context, status=status))


def _said(request: HttpRequest, recipient: Institution, at_once: bool) -> None:
    accepted = " By agreement it counts as accepted." if at_once else ""
    messages.success(request, f"It is in {recipient.name}’s inbox now.{accepted}")


def _chosen(request: HttpRequest, form: SendForm) -> uuid.UUID | None:
    try:
        return form.recipient_id or uuid.UUID(request.GET.get("recipient", ""))
    except ValueError:
        return None


def _found(principal: Principal, words: str, chosen: uuid.UUID | None) -> dict[str, Any]:
    """The institutions that the words name, and the one that is ticked, whatever they say."""
    found = list(queries.institutions(principal, words).order_by("name")[: LISTED + 1])
    shown = found[:LISTED]
    if chosen and chosen not in {one.pk for one in shown}:
        shown = [*queries.institutions(principal).filter(pk=chosen), *shown]
    return {"institutions": with_evidence(shown), "more": len(found) > LISTED}


def with_evidence(found: Iterable[Institution]) -> list[tuple[Institution, Any]]:
    return [(one, evidence_of(one)) for one in found]


# ---- The inbox ---------------------------------------------------------------------------------


@require_safe
@declares(Action.VIEW)
def inbox(request: HttpRequest) -> HttpResponse:
    """What waits, what was accepted or is over, what others ask for, and what was sent."""
    principal = by(request)
    tab = request.GET.get("tab", "")
    tab = tab if tab in TABS else "waiting"
    context: dict[str, Any] = {"tab": tab, "tabs": _tabs(principal, tab)}
    if tab == "requests":
        context |= _requests(principal)
    else:
        found = OF_TAB[tab](principal)[: queries.MOST_SHOWN]
        context["lines"] = queries.lines(principal, found)
        _note_read(principal, tab, [one.offer.sender_id for one in context["lines"]])
    return private(render(request, "grants/inbox.html", context))


OF_TAB = {
    "waiting": queries.waiting,
    "accepted": queries.accepted,
    "answered": queries.over,
    "sent": queries.sent,
}


def _note_read(principal: Principal, tab: str, custodians: list[uuid.UUID]) -> None:
    """One row for the asker's own institution, and one for each whose patients stood there."""
    record(Act.INBOX_READ, by=principal, tab=tab, count=len(custodians))
    for one in sorted(set(custodians) - {principal.actor.institution_id}):
        record(Act.INBOX_READ, by=principal, custodian_id=one, tab=tab, count=custodians.count(one))


def _requests(principal: Principal) -> dict[str, Any]:
    received = list(requests.received(principal)[: queries.MOST_SHOWN])
    made = list(requests.made(principal)[: queries.MOST_SHOWN])
    record(Act.INBOX_READ, by=principal, tab="requests", count=len(received) + len(made))
    return {"received": received, "made": made}


def _tabs(principal: Principal, current: str) -> list[dict[str, Any]]:
    address = reverse("inbox")
    counts = {"waiting": queries.waiting(principal).count()}
    if principal.may(Action.SHARE):
        counts["requests"] = requests.waiting(principal).count()
    return [
        {
            "label": label,
            "href": address if key == "waiting" else f"{address}?tab={key}",
            "current": key == current,
            "count": counts.get(key) or None,
        }
        for key, label in TABS.items()
        if key != "sent" or principal.may(Action.SHARE)
    ]


@require_safe
@declares(Action.VIEW)
def news(request: HttpRequest) -> HttpResponse:
    """The bar of what is STAT, as it renews itself: 204 while nothing has changed.

    A list that is open is told, and renews itself too.
    """
    found = requests.news(by(request))
    if found.state == request.GET.get("state"):
        return private(HttpResponse(status=204))
    response = render(request, "grants/_news.html", {"news": found, "renewing": True})
    return private(trigger_client_event(response, "inbox-changed"))


# ---- Answers -----------------------------------------------------------------------------------


@require_POST
@declares(Action.VIEW)
def accept(request: HttpRequest, offer_id: uuid.UUID) -> HttpResponseBase:
    offer = actions.accept(offer_id, by=by(request))
    messages.success(request, f"Accepted. {offer.sender.name} sees that you have it.")
    if request.POST.get("back") == "study":
        return redirect("study", offer.study_id)
    return redirect("inbox")


@require_http_methods(["GET", "HEAD", "POST"])
@declares(Action.VIEW)
def decline(request: HttpRequest, offer_id: uuid.UUID) -> HttpResponseBase:
    """GET asks why; POST declines."""
    offer = queries.received(by(request)).filter(pk=offer_id).first()
    if offer is None:
        raise NotThereError
    if request.method == "POST":
        actions.person_only(by(request))
    form = WhyForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        actions.decline(offer_id, why=form.cleaned_data["why"], by=by(request))
        messages.success(request, f"Declined. {offer.sender.name} reads why.")
        return redirect("inbox")
    status = 422 if request.method == "POST" else 200
    context = {"offer": offer, "form": form}
    return private(render(request, "grants/decline.html", context, status=status))


# ---- The sender --------------------------------------------------------------------------------


@require_safe
@declares(Action.SHARE)
def offer(request: HttpRequest, offer_id: uuid.UUID) -> HttpResponse:
    """What became of one study that was sent."""
    return _shown(request, offer_id, LongerForm())


@require_POST
@declares(Action.SHARE)
def withdraw(request: HttpRequest, offer_id: uuid.UUID) -> HttpResponseBase:
    ended = actions.withdraw(offer_id, by=by(request))
    messages.success(request, f"Withdrawn. {ended.recipient.name} no longer reaches it.")
    return redirect("offer", ended.pk)


@require_POST
@declares(Action.SHARE)
def extend(request: HttpRequest, offer_id: uuid.UUID) -> HttpResponseBase:
    form = LongerForm(request.POST)
    if form.is_valid():
        lasts = datetime.timedelta(days=form.cleaned_data["days"])
        try:
            actions.extend(offer_id, lasts=lasts, by=by(request))
        except InvalidInputError as error:
            form.show(error)
        else:
            messages.success(request, "It stays open for longer.")
            return redirect("offer", offer_id)
    return _shown(request, offer_id, form, status=422)


def _shown(
    request: HttpRequest, offer_id: uuid.UUID, form: LongerForm, status: int = 200
) -> HttpResponse:
    found = queries.sent(by(request)).filter(pk=offer_id).first()
    if found is None:
        raise NotThereError
    (line,) = queries.lines(by(request), [found])
    if line.study is not None:
        facts = gate.facts(line.study)
        record(Act.INBOX_READ, by=by(request), tab="sent", count=1, grant_id=found.pk, **facts)
    context = {"offer": found, "study": line.study, "form": form}
    return private(render(request, "grants/offer.html", context, status=status))
