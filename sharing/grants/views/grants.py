"""Partners: the list, proposing and changing terms, and saying yes, no, stop and go on."""

import uuid
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from sharing.access import gate
from sharing.access.gate import declares
from sharing.access.principal import Principal
from sharing.access.rules import Action
from sharing.accounts.models import Institution
from sharing.accounts.queries import evidence_of
from sharing.grants import actions
from sharing.grants.forms.grants import ChangeForm, ProposalForm, ReasonForm, TermsForm, filled_from
from sharing.grants.models import Grant, GrantVersion
from sharing.grants.queries.grants import written
from sharing.grants.queries.lines import grouped, line, lines
from sharing.grants.queries.offers import institution, institutions
from sharing.grants.rules.terms import Filter, digest
from sharing.grants.views.looking import dry_run
from sharing.kernel.errors import ConflictError, InvalidInputError, NotThereError
from sharing.studies.queries import tags_in

PER_PAGE = 20


@require_safe
@declares(Action.AGREE)
def partners(request: HttpRequest) -> HttpResponseBase:
    """Every grant of the institution, those that wait for its yes first."""
    return _private(
        render(request, "grants/partners.html", {"groups": grouped(lines(_by(request)))})
    )


# ---- Proposing and changing ---------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@declares(Action.AGREE)
def propose(request: HttpRequest) -> HttpResponseBase:
    """Choose an institution; then say what is to be seen, by whom and until when."""
    if "with" not in request.GET:
        return _choose(request)
    own = _own(request)
    partner = _partner(_by(request), request.GET["with"])
    form = ProposalForm(_given(request), own=own, partner=partner)
    if _is_sent(request) and form.is_valid() and (made := _proposed(request, form)):
        return redirect("partner", made.pk)
    return _form(request, form, {"partner": partner})


@require_http_methods(["GET", "HEAD", "POST"])
@declares(Action.AGREE)
def change(request: HttpRequest, grant_id: uuid.UUID) -> HttpResponseBase:
    """Other terms for a grant: those in force count until both sides agree to the new ones."""
    shown = line(_by(request), grant_id)
    if not shown.may_end:  # it has ended
        return redirect("partner", grant_id)
    last = shown.asked or shown.version
    form = ChangeForm(
        _given(request),
        own=_own(request),
        partner=shown.partner,
        custodian=shown.grant.custodian,
        initial=filled_from(last.read()) if last else {},
    )
    if _is_sent(request) and form.is_valid() and _changed(request, grant_id, form):
        return redirect("partner", grant_id)
    return _form(request, form, {"partner": shown.partner, "line": shown})


def _choose(request: HttpRequest) -> HttpResponse:
    words = request.GET.get("q", "")[:200]
    found = institutions(_by(request), words).order_by("name").prefetch_related("evidence")
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    rows = [(one, evidence_of(one)) for one in page]
    partial = "#list" if request.htmx else ""  # type: ignore[attr-defined]
    context = {"rows": rows, "page": page, "words": words}
    response = render(request, f"grants/choose.html{partial}", context)
    response["Vary"] = "HX-Request"
    return response


def _partner(by: Principal, text: str) -> Institution:
    """An institution that wants to be found, or is a partner already."""
    try:
        return institution(by, uuid.UUID(text))
    except ValueError:
        raise NotThereError from None


def _proposed(request: HttpRequest, form: ProposalForm) -> Grant | None:
    """The grant that was proposed, the first of two; one that waits with the same terms already."""
    made = None
    try:
        with transaction.atomic():
            for custodian in form.custodians():
                recipient = form.partner if custodian == form.own else form.own
                grant = _same(form, custodian, recipient) or actions.propose(
                    custodian=custodian, recipient=recipient, terms=form.terms(), by=_by(request)
                )
                made = made or grant
    except InvalidInputError as error:
        _tell(form, error)
        return None
    messages.success(
        request,
        f"Proposed. A second person of yours and two of {form.partner.name} have to agree.",
    )
    return made


def _same(form: TermsForm, custodian: Institution, recipient: Institution) -> Grant | None:
    """A form that is sent twice proposes once."""
    waiting = GrantVersion.objects.filter(
        digest=_digest(form, custodian, recipient),
        grant__custodian=custodian,
        grant__recipient=recipient,
        agreed_at=None,
        dropped_at=None,
    )
    found = waiting.select_related("grant").first()
    return found.grant if found else None


def _changed(request: HttpRequest, grant_id: uuid.UUID, form: ChangeForm) -> bool:
    try:
        actions.propose_version(grant_id, terms=form.terms(), by=_by(request))
    except (ConflictError, InvalidInputError) as error:
        _tell(form, error)
        return False
    messages.success(request, "Proposed. What was agreed before counts until both sides agree.")
    return True


def _form(request: HttpRequest, form: TermsForm, context: dict[str, Any]) -> HttpResponse:
    """The whole page; while one types, only what the terms would mean."""
    looks = bool(request.htmx) or "look" in request.POST  # type: ignore[attr-defined]
    context |= {"form": form, **_preview(_by(request), form), "tags": _known_tags(request)}
    partial = "#preview" if request.htmx else ""  # type: ignore[attr-defined]
    status = 422 if form.is_bound and form.errors and not looks else 200
    response = render(request, f"grants/terms.html{partial}", context, status=status)
    response["Vary"] = "HX-Request"
    return _private(response)


def _preview(by: Principal, form: TermsForm) -> dict[str, Any]:
    """The written-out sentence, the dry run where the studies are our own, and the fingerprints."""
    wanted = form.filter() if form.is_bound else _begun_with(form)
    whole = form.is_bound and form.is_valid()
    custodians = form.custodians() if form.is_bound else [form.sides()[0]]
    ours = form.own in custodians
    return {
        "sentence": written(wanted),
        "ours": ours,
        "theirs": form.partner in custodians,
        "dry_run": dry_run(by, wanted) if ours else None,
        "digests": [
            _digest(form, one, form.partner if one == form.own else form.own) for one in custodians
        ]
        if whole
        else [],
    }


def _begun_with(form: TermsForm) -> Filter:
    given = form.initial
    return Filter(
        modalities=tuple(given.get("modalities", ())),
        departments=tuple(uuid.UUID(one) for one in given.get("departments", ())),
        tags=tuple(filter(None, given.get("tags", "").split(", "))),
        referrer=given.get("referrer", ""),
        since=given.get("since"),
        until=given.get("until"),
        last_days=given.get("last_days"),
    )


def _digest(form: TermsForm, custodian: Institution, recipient: Institution) -> str:
    return digest(form.terms().to_json(), custodian=custodian.pk, recipient=recipient.pk)


def _known_tags(request: HttpRequest) -> list[str]:
    return tags_in(gate.own_studies(_by(request)))


# ---- Yes, no, stop, go on -----------------------------------------------------------------------


@require_POST
@declares(Action.AGREE)
def agree(request: HttpRequest, grant_id: uuid.UUID) -> HttpResponseBase:
    """Say yes to the terms that the person has read: their fingerprint comes with the form."""
    read = request.POST.get("digest", "")
    return _done(
        request,
        grant_id,
        lambda: actions.agree(grant_id, digest=read, by=_by(request)),
        "You have agreed.",
    )


@require_http_methods(["GET", "HEAD", "POST"])
@declares(Action.AGREE)
def decline(request: HttpRequest, grant_id: uuid.UUID) -> HttpResponseBase:
    """Say no, with a reason."""
    return _with_reason(request, grant_id, "decline", actions.decline, "You have declined.")


@require_POST
@declares(Action.AGREE)
def stop(request: HttpRequest, grant_id: uuid.UUID) -> HttpResponseBase:
    """The switch: one press, and nothing passes any more."""
    return _done(
        request,
        grant_id,
        lambda: actions.stop(grant_id, by=_by(request)),
        "Stopped. Nothing passes any more, and whoever was reading is shut out.",
    )


@require_POST
@declares(Action.AGREE)
def resume(request: HttpRequest, grant_id: uuid.UUID) -> HttpResponseBase:
    return _done(
        request,
        grant_id,
        lambda: actions.resume(grant_id, by=_by(request)),
        "Your side no longer stops it.",
    )


@require_http_methods(["GET", "HEAD", "POST"])
@declares(Action.AGREE)
def end(request: HttpRequest, grant_id: uuid.UUID) -> HttpResponseBase:
    """End it for good, after asking once more."""
    return _with_reason(request, grant_id, "end", actions.end, "Ended for good.")


@require_POST
@declares(Action.AGREE)
def name_machine(request: HttpRequest, grant_id: uuid.UUID) -> HttpResponseBase:
    try:
        chosen = uuid.UUID(request.POST.get("client", ""))
    except ValueError:
        raise NotThereError from None
    return _done(
        request,
        grant_id,
        lambda: actions.name_machine(grant_id, chosen, by=_by(request)),
        "The machine may use this agreement.",
    )


@require_POST
@declares(Action.AGREE)
def unname_machine(
    request: HttpRequest, grant_id: uuid.UUID, client_id: uuid.UUID
) -> HttpResponseBase:
    return _done(
        request,
        grant_id,
        lambda: actions.unname_machine(grant_id, client_id, by=_by(request)),
        "The machine reads nothing more by this agreement.",
    )


def _with_reason(
    request: HttpRequest,
    grant_id: uuid.UUID,
    what: str,
    act: Callable[..., Any],
    said: str,
) -> HttpResponseBase:
    """Ask why, then do it."""
    form = ReasonForm(_given(request))
    if request.method == "POST" and form.is_valid():
        why = form.cleaned_data["why"].strip()
        return _done(request, grant_id, lambda: act(grant_id, why=why, by=_by(request)), said)
    context = {"line": line(_by(request), grant_id), "form": form, "what": what}
    status = 422 if form.errors else 200
    return _private(render(request, "grants/reason.html", context, status=status))


def _done(
    request: HttpRequest, grant_id: uuid.UUID, act: Callable[[], Any], said: str
) -> HttpResponse:
    """Do it and say so; or say what came in between."""
    try:
        act()
        messages.success(request, said)
    except ConflictError as error:
        messages.error(request, error.detail)
    return redirect("partner", grant_id)


# ---- Common -------------------------------------------------------------------------------------


def _by(request: HttpRequest) -> Principal:
    return request.principal  # type: ignore[attr-defined]


def _own(request: HttpRequest) -> Institution:
    membership = _by(request).membership
    assert membership is not None  # AGREE is a member's action
    return membership.institution


def _given(request: HttpRequest) -> QueryDict | None:
    return request.POST if request.method == "POST" else None


def _is_sent(request: HttpRequest) -> bool:
    """Whether the form was sent to be done, not to be looked at."""
    looks = bool(request.htmx) or "look" in request.POST  # type: ignore[attr-defined]
    return request.method == "POST" and not looks


def _tell(form: TermsForm, error: ConflictError | InvalidInputError) -> None:
    fields = error.fields if isinstance(error, InvalidInputError) else {}
    for name, said in (fields or {"": [error.detail]}).items():
        for sentence in said:
            form.add_error(name if name in form.fields else None, sentence)


def _private(response: HttpResponse) -> HttpResponse:
    response["Cache-Control"] = "no-store"
    return response
