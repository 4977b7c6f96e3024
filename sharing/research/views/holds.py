"""What is in doubt: before and after side by side, and a person decides."""

import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import orjson
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from sharing.access import gate
from sharing.access.gate import declares
from sharing.access.principal import Principal
from sharing.access.rules import Action
from sharing.audit.rules import Act
from sharing.deid.ledger import Entry, from_json
from sharing.kernel.errors import ConflictError, InvalidInputError, NotThereError
from sharing.research.actions import holds as actions
from sharing.research.forms.releases import MaskForm
from sharing.research.models import Hold, Item
from sharing.research.queries import releases
from sharing.research.views.common import by_of, private
from sharing.research.work import comparing, files, vault
from sharing.research.work.masking import Box
from sharing.storage.objects import store


@require_safe
@declares(Action.RELEASE)
def first(request: HttpRequest, release_id: uuid.UUID) -> HttpResponseBase:
    """The first doubt that nobody has decided; the release's page when there is none."""
    found = releases.release(by_of(request), release_id)
    one = releases.open_holds(found).first()
    return redirect("release-hold", release_id, one.pk) if one else redirect("release", release_id)


@require_safe
@declares(Action.RELEASE)
def hold(request: HttpRequest, release_id: uuid.UUID, hold_id: uuid.UUID) -> HttpResponseBase:
    """One doubt, with all that is needed to decide it."""
    by = by_of(request)
    found = releases.hold(by, release_id, hold_id)
    context: dict[str, Any] = {
        "hold": found,
        "release": found.release,
        "open": releases.open_holds(found.release).count(),
        "form": MaskForm(),
        "others": found.item.holds.exclude(pk=found.pk),
    }
    if _has_both(found.item):
        with _both(found, by) as (before, after):
            context |= {
                "rows": comparing.rows(before, after, _ledger(found)),
                "shape": comparing.shape(after),
            }
    context["frame"] = _frame(request, context.get("shape"))
    return private(request, "research/hold.html", context)


def _frame(request: HttpRequest, shape: comparing.Shape | None) -> int:
    text = request.GET.get("frame", "")
    most = shape.frames if shape else 1
    return min(max(1, int(text)), max(1, most)) if text.isascii() and text.isdigit() else 1


@require_safe
@declares(Action.RELEASE)
def before(request: HttpRequest, release_id: uuid.UUID, hold_id: uuid.UUID) -> HttpResponseBase:
    return _picture(request, release_id, hold_id, which=0)


@require_safe
@declares(Action.RELEASE)
def after(request: HttpRequest, release_id: uuid.UUID, hold_id: uuid.UUID) -> HttpResponseBase:
    return _picture(request, release_id, hold_id, which=1)


def _picture(
    request: HttpRequest, release_id: uuid.UUID, hold_id: uuid.UUID, *, which: int
) -> HttpResponse:
    by = by_of(request)
    found = releases.hold(by, release_id, hold_id)
    if not _has_both(found.item):
        raise NotThereError
    number = int(text) if (text := request.GET.get("frame", "1")).isdigit() else 1
    with _both(found, by) as both:
        picture = comparing.drawn(both[which], number, asker=by.asker)
    response = HttpResponse(picture, content_type="image/jpeg")
    response["Cache-Control"] = "private, no-store"
    return response


@require_POST
@declares(Action.RELEASE)
def decide(request: HttpRequest, release_id: uuid.UUID, hold_id: uuid.UUID) -> HttpResponseBase:
    """Approve, or leave out; then on to the next."""
    by = by_of(request)
    try:
        if request.POST.get("decision") == "approve":
            actions.approve(release_id, hold_id, by=by)
        elif request.POST.get("decision") == "leave-out":
            actions.leave_out(release_id, hold_id, by=by)
        else:
            releases.hold(by, release_id, hold_id)
            messages.error(request, "Choose what to do with it.")
            return redirect("release-hold", release_id, hold_id)
    except ConflictError as error:
        messages.error(request, error.detail)
    return redirect("release-holds", release_id)


@require_POST
@declares(Action.RELEASE)
def mask(request: HttpRequest, release_id: uuid.UUID, hold_id: uuid.UUID) -> HttpResponseBase:
    """Blacken a rectangle, and show what came of it."""
    by = by_of(request)
    releases.hold(by, release_id, hold_id)
    form = MaskForm(request.POST)
    try:
        if not form.is_valid():
            raise InvalidInputError("Draw a rectangle in the picture, or type where it is.")
        actions.mask(release_id, hold_id, Box(**form.cleaned_data), by=by)
        messages.success(request, "Blackened in every frame. Look at it, then approve.")
    except (ConflictError, InvalidInputError) as error:
        messages.error(request, error.detail)
    return redirect("release-hold", release_id, hold_id)


def _has_both(item: Item) -> bool:
    return item.source is not None and bool(item.output_key)


@contextmanager
def _both(hold: Hold, by: Principal) -> Iterator[tuple[Path, Path]]:
    """The file before and after; that somebody looked is written down first."""
    source = hold.item.source
    assert source is not None  # asked before
    study = source.series.study
    gate.study(by, Action.VIEW, id=study.pk, act=None)
    gate.note_view(by, Act.RELEASE_COMPARED, study, files=1)
    with ExitStack() as stack:
        of = hold.release_id
        yield (
            stack.enter_context(files.at_hand(source.key, of=of)),
            stack.enter_context(files.at_hand(hold.item.output_key, of=of)),
        )


def _ledger(hold: Hold) -> list[Entry]:
    secret = vault.secret_of(hold.release.project.vault)
    key = hold.item.ledger_key
    sealed = store().read(key, 0, store().size(key))
    entries, _ = from_json(orjson.loads(vault.opened(secret, sealed, about=hold.item_id)))
    return entries
