"""A release: put together, tried on a sample, watched, released."""

import uuid
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from sharing.access import gate
from sharing.access.gate import declares
from sharing.access.principal import Principal
from sharing.access.rules import Action
from sharing.deid.profile import load
from sharing.kernel.errors import ConflictError, InvalidInputError, NotThereError
from sharing.research.actions import releases as actions
from sharing.research.forms.releases import SEARCHED, ReleaseForm
from sharing.research.models import Release
from sharing.research.queries import profiles, projects, releases
from sharing.research.rules.states import ItemState, ReleaseState
from sharing.research.views.common import by_of, private
from sharing.research.views.profiles import first_file
from sharing.research.work import certificate, vault
from sharing.research.work.sampling import tried
from sharing.studies.queries import matching

SHOWN = 20
MOST_SHARED = 50  # studies that one link can be made of from here
RENEWED = (ReleaseState.RUNNING, ReleaseState.RELEASING)


@require_http_methods(["GET", "HEAD", "POST"])
@declares(Action.RELEASE)
def new_release(request: HttpRequest) -> HttpResponseBase:
    """Choose studies, a project and a profile. While one types, only the studies are renewed."""
    by = by_of(request)
    sent = request.method == "POST"
    usable = [one for one in projects.projects(by) if not one.vault.is_destroyed]
    form = ReleaseForm(
        request.POST if sent else None,
        projects=usable,
        profiles=profiles.profiles(by),
        initial=_begun_with(request, by),
    )
    ticked = ReleaseForm.ticked(request.POST if sent else request.GET)
    looks = bool(request.htmx) or "look" in request.POST  # type: ignore[attr-defined]
    if sent and form.is_valid() and not looks and (made := _drafted(form, ticked, by)):
        return redirect("release", made.pk)
    context = {"form": form, "ticked": ticked, "projects": usable, **_chosen(form, ticked, by)}
    partial = "#chosen" if request.htmx else ""  # type: ignore[attr-defined]
    status = 422 if sent and form.errors and not looks else 200
    return private(request, f"research/release_new.html{partial}", context, status)


def _begun_with(request: HttpRequest, by: Principal) -> dict[str, Any]:
    """What an earlier release, or a project's page, has already said."""
    begun: dict[str, Any] = {"project": request.GET.get("project", ""), "profile": "research"}
    try:
        earlier = releases.release(by, uuid.UUID(request.GET.get("again", "")))
    except (ValueError, NotThereError):
        return begun
    begun |= {"project": str(earlier.project_id), "profile": earlier.profile_name}
    form = ReleaseForm({**earlier.query, "title": "x"}, projects=[], profiles=[])
    form.is_valid()
    return begun | {name: form.cleaned_data.get(name) for name in SEARCHED}


def _studies(form: ReleaseForm, ticked: list[uuid.UUID], by: Principal) -> Any:
    may = actions.may_be_chosen(by)
    return may.filter(pk__in=ticked) if ticked else matching(may, form.wanted())


def _chosen(form: ReleaseForm, ticked: list[uuid.UUID], by: Principal) -> dict[str, Any]:
    if form.is_bound:
        form.is_valid()
    gate.searched(by, {"release": True, **vars_of(form)}, partners=False)
    found = _studies(form, ticked, by)
    first = found.select_related("patient").order_by("-last_arrived_at")[:SHOWN]
    return {"count": found.count(), "studies": list(first)}


def vars_of(form: ReleaseForm) -> dict[str, Any]:
    """Which fields a search names, as the audit writes them down."""
    given = getattr(form, "cleaned_data", form.initial)
    return {name: bool(given.get(name)) for name in SEARCHED}


def _drafted(form: ReleaseForm, ticked: list[uuid.UUID], by: Principal) -> Release | None:
    data = form.cleaned_data
    found = _studies(form, ticked, by).values_list("pk", flat=True)[: actions.MOST_STUDIES + 1]
    try:
        return actions.draft(
            uuid.UUID(data["project"]),
            title=data["title"],
            profile=profiles.profile(by, data["profile"]),
            studies=list(found),
            query={} if ticked else form.query(),
            by=by,
        )
    except (InvalidInputError, ConflictError) as error:
        form.add_error(None, error.detail)
        return None


@require_safe
@declares(Action.RESEARCH)
def release(request: HttpRequest, release_id: uuid.UUID) -> HttpResponseBase:
    """One release, whatever its state; while it is at work, its progress renews itself."""
    by = by_of(request)
    found = releases.release(by, release_id)
    far = releases.progress(found)
    context: dict[str, Any] = {
        "release": found,
        "far": far,
        "stopped": releases.stopped(found) if found.state in RENEWED else "",
        "renews": found.state in RENEWED,
    }
    if not request.htmx:  # type: ignore[attr-defined]
        context |= _whole(found, by)
    partial = "#progress" if request.htmx else ""  # type: ignore[attr-defined]
    response = private(request, f"research/release.html{partial}", context)
    if request.htmx and not context["renews"]:  # type: ignore[attr-defined]
        response["HX-Refresh"] = "true"  # the rest of the page says something else now
    return response


def _whole(found: Release, by: Principal) -> dict[str, Any]:
    context: dict[str, Any] = {
        "chosen": found.chosen.count(),
        "refused": releases.reasons(found, ItemState.REFUSED),
        "dropped": releases.reasons(found, ItemState.DROPPED),
        "actions": releases.actions_in_words(found),
    }
    if found.state == ReleaseState.DRAFT and by.may(Action.SEARCH):
        gate.searched(by, {"release": True}, partners=False)
        theirs = gate.own_studies(by).filter(pk__in=found.chosen.values("source"))
        context["studies"] = theirs.select_related("patient").order_by("pk")[:SHOWN]
    if found.state == ReleaseState.RELEASED:
        outputs = releases.outputs(found).order_by("patient__patient_id", "date")
        context |= {
            "outputs": outputs[:SHOWN],
            "shared": outputs[:MOST_SHARED] if outputs.count() <= MOST_SHARED else [],
            "certificate": certificate.read(bytes(found.certificate.body)),
            "digest": found.certificate.digest,
        }
    return context


@require_safe
@declares(Action.RELEASE)
def sample(request: HttpRequest, release_id: uuid.UUID) -> HttpResponseBase:
    """The release tried on one file of one of its studies, with the project's own key."""
    by = by_of(request)
    found = releases.release(by, release_id)
    secret = vault.secret_of(found.project.vault)
    chosen = found.chosen.exclude(source=None).order_by("pk")
    count = chosen.count()
    number = _number(request.GET.get("study", ""), count)
    one = chosen.select_related("source")[number - 1 : number].first()
    if one is None or one.source is None:
        raise NotThereError
    study, instance = first_file(by, one.source)
    context = {
        "release": found,
        "study": study,
        "sample": tried(load(found.profile_text), secret, instance),
        "number": number,
        "count": count,
        "before": number - 1,
        "after": number + 1 if number < count else 0,
    }
    return private(request, "research/sample.html", context)


def _number(text: str, most: int) -> int:
    return min(max(1, int(text)), most) if text.isascii() and text.isdigit() else 1


# ---- What a person presses ---------------------------------------------------------------------


def _pressing(act: Callable[..., Release], said: str) -> Callable[..., HttpResponseBase]:
    @require_POST
    @declares(Action.RELEASE)
    def press(request: HttpRequest, release_id: uuid.UUID) -> HttpResponse:
        try:
            act(release_id, by=by_of(request))
            messages.success(request, said)
        except (ConflictError, InvalidInputError) as error:
            messages.error(request, error.detail)
        return redirect("release", release_id)

    return press


start = _pressing(actions.start, "Started. You can leave this page; the work goes on.")
pause = _pressing(actions.pause, "Paused. What is done stays done.")
resume = _pressing(actions.resume, "It goes on.")
let_out = _pressing(actions.let_out, "It is being released: all of it at one moment.")
drop = _pressing(actions.drop, "Dropped. What was made of its studies is gone.")
