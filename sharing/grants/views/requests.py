"""Asking for images, and answering."""

import datetime
import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from sharing.access.gate import declares
from sharing.access.rules import Action
from sharing.audit.rules import Act
from sharing.grants.actions import requests as actions
from sharing.grants.actions.offers import person_only
from sharing.grants.forms.offers import AskForm, GiveForm, WhyForm
from sharing.grants.models import ImageRequest
from sharing.grants.queries import offers as offers_queries
from sharing.grants.queries import requests as queries
from sharing.grants.views.offers import by, private, with_evidence
from sharing.grants.work.offers import note_request
from sharing.kernel.errors import InvalidInputError, NotThereError


@require_http_methods(["GET", "HEAD", "POST"])
@declares(Action.VIEW)
def ask(request: HttpRequest) -> HttpResponseBase:
    """Whom, for which patient, and why."""
    principal, posted = by(request), request.method == "POST"
    if posted:
        person_only(principal)
    chosen = _id((request.POST if posted else request.GET).get("to", ""))
    form = AskForm(request.POST if posted else None)
    if posted and form.is_valid():
        try:
            made = _asked(request, chosen, form)
        except InvalidInputError as error:
            form.show(error)
        else:
            messages.success(request, f"Asked. {made.asked.name} has it in its inbox now.")
            return redirect("request", made.pk)
    found = offers_queries.institutions(principal).order_by("name")
    context = {"form": form, "chosen": chosen, "institutions": with_evidence(found)}
    return private(render(request, "grants/ask.html", context, status=422 if posted else 200))


def _asked(request: HttpRequest, chosen: uuid.UUID | None, form: AskForm) -> ImageRequest:
    if chosen is None:
        raise InvalidInputError("Choose whom to ask.")
    return actions.ask(chosen, by=by(request), **form.wishes())


def _id(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


@require_safe
@declares(Action.VIEW)
def request_page(request: HttpRequest, request_id: uuid.UUID) -> HttpResponse:
    """For the asker what became of it; for the side that is asked also what it finds."""
    return _shown(request, request_id, GiveForm(), WhyForm())


@require_POST
@declares(Action.SHARE)
def give(request: HttpRequest, request_id: uuid.UUID) -> HttpResponseBase:
    _received(request, request_id)
    form = GiveForm(request.POST)
    if form.is_valid():
        wanted = form.cleaned_data
        try:
            made = actions.give(
                request_id,
                studies=[one for text in request.POST.getlist("study") if (one := _id(text))],
                note=wanted["note"],
                may_download=wanted["given"] == "download",
                lasts=datetime.timedelta(days=wanted["days"]),
                closes=wanted["closes"],
                by=by(request),
            )
        except InvalidInputError as error:
            form.show(error)
        else:
            studies = "1 study" if len(made) == 1 else f"{len(made)} studies"
            messages.success(request, f"{studies} given. They have it now.")
            return redirect("request", request_id)
    return _shown(request, request_id, form, WhyForm(), status=422)


@require_POST
@declares(Action.SHARE)
def decline(request: HttpRequest, request_id: uuid.UUID) -> HttpResponseBase:
    _received(request, request_id)
    form = WhyForm(request.POST)
    if form.is_valid():
        actions.decline(request_id, why=form.cleaned_data["why"], by=by(request))
        messages.success(request, "Declined. They read why.")
        return redirect("request", request_id)
    return _shown(request, request_id, GiveForm(), form, status=422)


@require_POST
@declares(Action.SHARE)
def close(request: HttpRequest, request_id: uuid.UUID) -> HttpResponseBase:
    actions.close(request_id, by=by(request))
    messages.success(request, "Closed. They see that this was all.")
    return redirect("request", request_id)


@require_POST
@declares(Action.VIEW)
def withdraw(request: HttpRequest, request_id: uuid.UUID) -> HttpResponseBase:
    actions.withdraw(request_id, by=by(request))
    messages.success(request, "Withdrawn.")
    return redirect("request", request_id)


def _received(request: HttpRequest, request_id: uuid.UUID) -> ImageRequest:
    found = queries.received(by(request)).filter(pk=request_id).first()
    if found is None:
        raise NotThereError
    return found


def _shown(
    request: HttpRequest,
    request_id: uuid.UUID,
    give_form: GiveForm,
    why_form: WhyForm,
    *,
    status: int = 200,
) -> HttpResponse:
    principal = by(request)
    received = queries.received(principal).filter(pk=request_id).first()
    found = received or queries.made(principal).filter(pk=request_id).first()
    if found is None:
        raise NotThereError
    note_request(Act.REQUEST_READ, found, by=principal)
    context: dict[str, Any] = {
        "asked": found,
        "is_ours": received is None,
        "lines": offers_queries.lines(
            principal, found.offers.select_related("sender", "recipient")
        ),
        "is_open": found.is_running,
    }
    if received is not None and context["is_open"]:
        context |= {
            "found": actions.search(found.pk, by=principal),
            "give_form": give_form,
            "why_form": why_form,
        }
    return private(render(request, "grants/request.html", context, status=status))
