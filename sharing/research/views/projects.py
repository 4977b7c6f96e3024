"""Projects: the list with all releases, making one, one of them, and the end of its key."""

import uuid

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from sharing.access.gate import declares
from sharing.access.rules import Action
from sharing.kernel.errors import ConflictError, InvalidInputError
from sharing.research.actions import projects as actions
from sharing.research.forms.projects import BehindForm, DestroyForm, ProjectForm
from sharing.research.queries import projects, releases
from sharing.research.views.common import by_of, private

PER_PAGE = 20


@require_safe
@declares(Action.RESEARCH)
def research(request: HttpRequest) -> HttpResponseBase:
    """Every project and every release of the institution."""
    by = by_of(request)
    page = Paginator(releases.releases(by), PER_PAGE).get_page(request.GET.get("page"))
    lines = [(one, releases.progress(one)) for one in page]
    context = {"projects": list(projects.projects(by)), "lines": lines, "page": page}
    return private(request, "research/research.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@declares(Action.RELEASE)
def new_project(request: HttpRequest) -> HttpResponseBase:
    form = ProjectForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            made = actions.make_project(**form.cleaned_data, by=by_of(request))
        except InvalidInputError as error:
            _show(form, error)
        else:
            messages.success(
                request, "The project is ready. Its key was made, and nobody has seen it."
            )
            return redirect("research-project", made.pk)
    status = 422 if form.is_bound else 200
    return private(request, "research/project_new.html", {"form": form}, status)


@require_safe
@declares(Action.RESEARCH)
def project(request: HttpRequest, project_id: uuid.UUID) -> HttpResponseBase:
    """One project: its releases, and what its key is good for."""
    by = by_of(request)
    found = projects.project(by, project_id)
    theirs = releases.releases(by).filter(project=found)
    context = {
        "project": found,
        "lines": [(one, releases.progress(one)) for one in theirs],
        "form": BehindForm(),
        "commitment": bytes(found.vault.commitment).hex(),
        "pseudonyms": found.vault.pseudonyms.count(),
    }
    return private(request, "research/project.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@declares(Action.RELEASE)
def destroy(request: HttpRequest, project_id: uuid.UUID) -> HttpResponseBase:
    """Asks once more, and for the project's name: it cannot be taken back."""
    by = by_of(request)
    found = projects.project(by, project_id)
    if found.vault.is_destroyed:
        return redirect("research-project", project_id)
    form = DestroyForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            actions.destroy_key(project_id, typed=form.cleaned_data["typed"], by=by)
        except (InvalidInputError, ConflictError) as error:
            _show(form, error)
        else:
            messages.success(request, "The key is destroyed. Nobody can be found again.")
            return redirect("research-project", project_id)
    context = {"form": form, "project": found}
    return private(request, "research/destroy.html", context, 422 if form.is_bound else 200)


@require_POST
@declares(Action.RELEASE)
def behind(request: HttpRequest, project_id: uuid.UUID) -> HttpResponseBase:
    """Who is behind a pseudonym: for a finding that the patient has to hear of."""
    by = by_of(request)
    found = projects.project(by, project_id)
    form = BehindForm(request.POST)
    study = None
    if form.is_valid():
        study = actions.behind(found.pk, form.cleaned_data["pseudonym"], by=by)
    context = {"project": found, "form": form, "study": study}
    return private(request, "research/behind.html", context)


def _show(form: ProjectForm | DestroyForm, error: InvalidInputError | ConflictError) -> None:
    fields = error.fields if isinstance(error, InvalidInputError) else {}
    for name, words in fields.items():
        form.add_error(name, words)
    if not fields:
        form.add_error(None, error.detail)
