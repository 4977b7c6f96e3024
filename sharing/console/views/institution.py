"""The institution as others see it, what it has shown of itself, and its departments."""

import uuid
from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from sharing.access.gate import declares
from sharing.access.principal import Principal
from sharing.access.rules import Action
from sharing.accounts import actions
from sharing.accounts.forms import DepartmentForm, DomainForm, NpiForm, ProfileForm
from sharing.accounts.models import Institution
from sharing.accounts.queries import departments_of, evidence_of, open_challenges
from sharing.accounts.work import Look
from sharing.kernel.errors import ConflictError, InvalidInputError, NotThereError, SharingError

FOUND = {
    Look.PROVEN: "{} is proven.",
    Look.THERE: "{} is proven, and its record is still there.",
    Look.ABSENT: "The record of {} is not there yet. It is looked for each day, and you can look again.",
    Look.LOST: "The record of {} is missing. It counts as proven, but others see that it is missing.",
}


def _by(request: HttpRequest) -> Principal:
    return request.principal  # type: ignore[attr-defined]


def _own(request: HttpRequest) -> Institution:
    membership = _by(request).membership
    if membership is None:
        raise NotThereError
    return membership.institution


@require_http_methods(["GET", "HEAD", "POST"])
@declares(Action.ADMINISTER)
def institution(request: HttpRequest) -> HttpResponseBase:
    """What others read, and whether they find it; with what has been shown."""
    own = _own(request)
    initial = {name: getattr(own, name) for name in actions.PROFILE}
    form = ProfileForm(request.POST if request.method == "POST" else None, initial=initial)
    if request.method == "POST" and form.is_valid():
        actions.change_profile(by=_by(request), **form.cleaned_data)
        messages.success(request, "Saved.")
        return redirect("institution")
    return _page(request, own, form=form)


@require_POST
@declares(Action.ADMINISTER)
def domain(request: HttpRequest) -> HttpResponseBase:
    """Choose a record, and show it this once."""
    own = _own(request)
    form = DomainForm(request.POST)
    if form.is_valid():
        try:
            made = actions.begin_domain(form.cleaned_data["domain"], by=_by(request))
        except (ConflictError, InvalidInputError) as error:
            _tell(form, error)
        else:
            response = render(request, "console/domain_begun.html", {"challenge": made})
            response["Cache-Control"] = "no-store"
            return response
    return _page(request, own, domain_form=form, status=422)


@require_POST
@declares(Action.ADMINISTER)
def npi(request: HttpRequest) -> HttpResponseBase:
    own = _own(request)
    form = NpiForm(request.POST)
    if form.is_valid():
        try:
            actions.set_npi(form.cleaned_data["npi"].strip(), by=_by(request))
        except InvalidInputError as error:
            _tell(form, error)
        else:
            messages.success(request, "Saved. It was checked for typing errors only.")
            return redirect("institution")
    return _page(request, own, npi_form=form, status=422)


@require_POST
@declares(Action.ADMINISTER)
def check(request: HttpRequest, evidence_id: uuid.UUID) -> HttpResponseBase:
    def look() -> str:
        found, look = actions.check_domain(evidence_id, by=_by(request))
        return FOUND[look].format(found.value)

    return _done(request, look, "institution")


@require_POST
@declares(Action.ADMINISTER)
def take_back(request: HttpRequest, evidence_id: uuid.UUID) -> HttpResponseBase:
    def change() -> str:
        return f"{actions.remove_evidence(evidence_id, by=_by(request)).value} is taken back."

    return _done(request, change, "institution")


def _page(
    request: HttpRequest,
    own: Institution,
    *,
    form: ProfileForm | None = None,
    domain_form: DomainForm | None = None,
    npi_form: NpiForm | None = None,
    status: int = 200,
) -> HttpResponse:
    initial = {name: getattr(own, name) for name in actions.PROFILE}
    context = {
        "form": form or ProfileForm(initial=initial),
        "domain_form": domain_form or DomainForm(),
        "npi_form": npi_form or NpiForm(),
        "evidence": evidence_of(own),
        "challenges": open_challenges(own),
    }
    return render(request, "console/institution.html", context, status=status)


# ---- Departments ---------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@declares(Action.ADMINISTER)
def departments(request: HttpRequest) -> HttpResponseBase:
    form = DepartmentForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            made = actions.add_department(**form.cleaned_data, by=_by(request))
        except ConflictError as error:
            form.add_error("name", error.detail)
        else:
            messages.success(request, f"{made.name} is added.")
            return redirect("departments")
    found = departments_of(_own(request).pk, closed=True)
    return render(request, "console/departments.html", {"form": form, "departments": found})


@require_POST
@declares(Action.ADMINISTER)
def change_department(request: HttpRequest, department_id: uuid.UUID) -> HttpResponseBase:
    form = DepartmentForm(request.POST)
    if not form.is_valid():
        raise InvalidInputError("A department has a name of up to 80 characters.")

    def change() -> str:
        actions.change_department(department_id, **form.cleaned_data, by=_by(request))
        return "Saved."

    return _done(request, change, "departments")


@require_POST
@declares(Action.ADMINISTER)
def close_department(request: HttpRequest, department_id: uuid.UUID) -> HttpResponseBase:
    def change() -> str:
        return f"{actions.close_department(department_id, by=_by(request))} takes nothing new now."

    return _done(request, change, "departments")


@require_POST
@declares(Action.ADMINISTER)
def reopen_department(request: HttpRequest, department_id: uuid.UUID) -> HttpResponseBase:
    def change() -> str:
        return f"{actions.reopen_department(department_id, by=_by(request))} is open again."

    return _done(request, change, "departments")


@require_POST
@declares(Action.ADMINISTER)
def remove_department(request: HttpRequest, department_id: uuid.UUID) -> HttpResponseBase:
    def change() -> str:
        return f"{actions.remove_department(department_id, by=_by(request))} is removed."

    return _done(request, change, "departments")


def _done(request: HttpRequest, change: Callable[[], str], then: str) -> HttpResponse:
    try:
        messages.success(request, change())
    except NotThereError:
        raise
    except SharingError as error:
        messages.error(request, error.detail)
    return redirect(then)


def _tell(form: DomainForm | NpiForm, error: SharingError) -> None:
    fields = error.fields if isinstance(error, InvalidInputError) else {}
    for name, sentences in (fields or {next(iter(form.fields)): [error.detail]}).items():
        form.add_error(name, sentences)
