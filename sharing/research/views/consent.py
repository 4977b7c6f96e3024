"""Patients who withdrew their consent: who they are, and where they are already."""

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from sharing.access import gate
from sharing.access.gate import declares
from sharing.access.principal import Principal
from sharing.access.rules import Action
from sharing.research.actions.consent import withdraw
from sharing.research.forms.projects import WithdrawForm
from sharing.research.queries.consent import releases_with, withdrawals
from sharing.research.views.common import by_of, private
from sharing.studies.models import Patient, Study
from sharing.studies.queries import Wanted, matching

MOST = 20


@require_http_methods(["GET", "HEAD", "POST"])
@declares(Action.RESEARCH)
def consent(request: HttpRequest) -> HttpResponseBase:
    """The list; an officer looks for a patient by number and notes the withdrawal."""
    by = by_of(request)
    if request.method == "POST":
        return _withdrawn(request, by)
    number = request.GET.get("patient", "")[:64]
    gate.searched(by, {"consent": True}, partners=False)  # the list names patients
    rows = [(one, list(releases_with(one.patient))) for one in withdrawals(by.actor.institution_id)]
    context = {"number": number, "found": _found(by, number), "rows": rows}
    return private(request, "research/consent.html", context)


def _withdrawn(request: HttpRequest, by: Principal) -> HttpResponseBase:
    form = WithdrawForm(request.POST)
    gate.permit(by, Action.RELEASE)
    if not form.is_valid():
        messages.error(request, "Look for the patient first.")
        return redirect("research-consent")
    withdraw(form.cleaned_data["study"], note=form.cleaned_data["note"], by=by)
    messages.success(request, "Noted. No later release has this patient.")
    return redirect("research-consent")


def _found(by: Principal, number: str) -> list[tuple[Patient, Study]]:
    """The patients with this number, each with a study by which they are named."""
    if not number.strip() or not by.may(Action.RELEASE):
        return []
    gate.searched(by, {"patient_id": number}, partners=False)
    studies = matching(gate.own_studies(by), Wanted(patient_id=number)).select_related("patient")
    first: dict[uuid.UUID, tuple[Patient, Study]] = {}
    for study in studies.order_by("-last_arrived_at")[:200]:
        first.setdefault(study.patient_id, (study.patient, study))
    return list(first.values())[:MOST]
