"""Profiles: which there are, and the editor with its errors, its differences and its dry run."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from sharing.access import gate
from sharing.access.gate import declares
from sharing.access.principal import Principal
from sharing.access.rules import Action
from sharing.audit.rules import Act
from sharing.deid.keys import new_secret
from sharing.deid.profile import Profile, diff, load
from sharing.deid.reading import ProfileError
from sharing.kernel.errors import ConflictError, NotThereError
from sharing.research.actions.profiles import publish
from sharing.research.actions.releases import may_be_chosen
from sharing.research.forms.releases import ProfileForm
from sharing.research.queries import profiles
from sharing.research.views.common import by_of, private
from sharing.research.work.sampling import Sample, tried
from sharing.studies.models import Instance, Study

SAMPLES = 10


@require_safe
@declares(Action.RESEARCH)
def all_profiles(request: HttpRequest) -> HttpResponseBase:
    """The profiles by which a release can be made; with `name`, one of them in full."""
    by = by_of(request)
    name = request.GET.get("name", "")
    if not name:
        return private(request, "research/profiles.html", {"profiles": profiles.profiles(by)})
    found = profiles.profile(by, name)
    context = {"known": found, "versions": profiles.versions(by, name)}
    return private(request, "research/profile.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@declares(Action.RELEASE)
def edit(request: HttpRequest) -> HttpResponseBase:
    """Write a new version: checked, compared and tried before it is published."""
    by = by_of(request)
    begun = profiles.profile(by, request.GET.get("name", "basic"))
    form = ProfileForm(
        request.POST if request.method == "POST" else None, initial={"text": begun.text}
    )
    context: dict[str, Any] = {"form": form, "begun": begun, "samples": _samples(by)}
    if request.method != "POST" or not form.is_valid():
        return private(
            request, "research/profile_edit.html", context, 422 if form.is_bound else 200
        )
    try:
        written = load(form.cleaned_data["text"])
    except ProfileError as error:
        context["problems"] = error.problems
        status = 422 if "publish" in request.POST else 200
        return private(request, "research/profile_edit.html", context, status)
    context |= _looked_at(by, begun, written)
    if "try" in request.POST:
        context |= _tried(request, written)
    elif "publish" in request.POST:
        try:
            publish(form.cleaned_data["text"], by=by)
        except ConflictError as error:
            form.add_error("text", error.detail)
            return private(request, "research/profile_edit.html", context, 409)
        messages.success(request, f"Published: {written.title}, version {written.version}.")
        return redirect(f"{reverse('research-profiles')}?name={written.name}")
    return private(request, "research/profile_edit.html", context)


def _looked_at(by: Principal, begun: profiles.Known, written: Profile) -> dict[str, Any]:
    """What is new against the version of the same name, else against what one began with."""
    before = next((one for one in profiles.profiles(by) if one.profile.name == written.name), begun)
    return {
        "written": written,
        "against": before,
        "differences": diff(before.profile, written),
        "deviations": written.deviations(),
    }


def _samples(by: Principal) -> list[Study]:
    gate.searched(by, {"release": True}, partners=False)
    newest = may_be_chosen(by).order_by("-last_arrived_at")
    return list(newest.select_related("patient")[:SAMPLES])


def _tried(request: HttpRequest, written: Profile) -> dict[str, Any]:
    by = by_of(request)
    wanted = request.POST.get("sample", "")
    chosen = next((one for one in _samples(by) if str(one.pk) == wanted), None)
    if chosen is None:
        return {"sample": Sample(refused="Choose a study to try it on.")}
    study, instance = first_file(by, chosen)
    return {"sample": tried(written, new_secret(), instance), "tried_on": study}


def first_file(by: Principal, chosen: Study) -> tuple[Study, Instance]:
    """The first file of a study, and the row that says that it was read."""
    study = gate.study(by, Action.DOWNLOAD, id=chosen.pk, act=Act.PROFILE_TRIED)
    series = gate.series_of(by, study, Action.DOWNLOAD)
    files = Instance.objects.filter(series__in=series).order_by("series__number", "number")
    first = files.first()
    if first is None:
        raise NotThereError
    return study, first
