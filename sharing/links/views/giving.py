"""Giving links: choose, hand over once, list, extend, revoke."""

import dataclasses
import datetime
import hashlib
import uuid
from typing import Any
from urllib.parse import quote, urlencode

import segno
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.http import require_http_methods, require_POST

from sharing.access import gate
from sharing.access.gate import declares
from sharing.access.principal import Principal
from sharing.access.rules import Action
from sharing.audit.actions import record
from sharing.audit.rules import Act
from sharing.jobs.actions import once
from sharing.kernel import secrets
from sharing.kernel.errors import InvalidInputError, NotThereError
from sharing.links import actions, queries
from sharing.links.forms import ExtendForm, LinksFilter, ShareForm
from sharing.links.models import ShareLink
from sharing.links.rules import LinkState, written
from sharing.studies.models import Series, Study

PAGE = 50


@dataclasses.dataclass(frozen=True, slots=True)
class Choice:
    """One study on the sharing page, and what of it is ticked."""

    study: Study
    whole: bool
    series: list[tuple[Series, bool]]

    @property
    def url(self) -> str:
        return f"/studies/{self.study.pk}/"

    def items(self) -> list[actions.Chosen]:
        if self.whole:
            return [(self.study, None)]
        return [(self.study, one) for one, ticked in self.series if ticked]


@require_http_methods(["GET", "HEAD", "POST"])
@declares(Action.SHARE)
def share(request: HttpRequest) -> HttpResponseBase:
    """Choose what is given and how; the answer shows the link this one time."""
    choices = _choices(request)
    form = ShareForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            return _made(request, choices, form)
        except InvalidInputError as error:
            _show(form, error)
    if request.method == "POST":
        _shown_again(request, choices)
    once_only = request.POST.get("once") or secrets.new_secret(128)
    context = {"form": form, "choices": choices, "once": once_only}
    return _private(render(request, "links/share.html", context))


def _made(request: HttpRequest, choices: list[Choice], form: ShareForm) -> HttpResponse:
    """The new link's page; the very same page when the same form is sent again."""
    by = _by(request)

    def answer() -> tuple[int, bytes]:
        items = [item for choice in choices for item in choice.items()]
        return 200, _handed_over(request, actions.create_link(items=items, by=by, **form.wishes()))

    sent = hashlib.sha256(request.POST.urlencode().encode()).digest()
    key = f"{request.POST.get('once', '')[:64]}.{sent.hex()}"
    status, page, again = once(
        asker=f"page:{by.actor.id}", key=key, fingerprint=sent, answer=answer
    )
    if again:
        _shown_again(request, choices)
    return _private(HttpResponse(page, status=status))


def _shown_again(request: HttpRequest, choices: list[Choice]) -> None:
    """No link is made, and the patients' names are shown all the same: write that down."""
    for choice in choices:
        gate.study(_by(request), Action.SHARE, id=choice.study.pk)


def _choices(request: HttpRequest) -> list[Choice]:
    by, posted = _by(request), request.method == "POST"
    given = request.POST if posted else request.GET
    ticked = set(map(_id, given.getlist("series")))
    whole = set(map(_id, given.getlist("whole")))
    found = []
    for study_id in dict.fromkeys(map(_id, given.getlist("study"))):
        act = None if posted else Act.STUDY_OPENED
        study = gate.study(by, Action.SHARE, id=study_id, act=act)
        series = [(one, one.pk in ticked) for one in gate.series_of(by, study)]
        by_default = not posted and not any(chosen for _, chosen in series)
        found.append(Choice(study, study.pk in whole or by_default, series))
    if not found:
        raise NotThereError
    return found


def _id(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise NotThereError from None


def _show(form: ShareForm, error: InvalidInputError) -> None:
    for field, sentences in (error.fields or {"": [error.detail]}).items():
        for sentence in sentences:
            form.add_error(field if field in form.fields else None, sentence)


def _handed_over(request: HttpRequest, made: actions.NewLink) -> bytes:
    link = made.link
    by = _by(request)
    text = render_to_string("links/mail/handed_over.txt", {"made": made, "link": link}).strip()
    context = {
        "link": link,
        "url": made.url,
        "passcode": written(made.passcode),
        "contents": queries.contents(by, [link])[link.pk],
        "qr": qr_code(made.url),
        "mail": text,
        "mailto": _mailto(link.recipient_email, text),
    }
    return render_to_string("links/handed_over.html", context, request).encode()


def qr_code(url: str) -> SafeString:
    """The address as an inline picture, without a style of its own."""
    code = segno.make(url, error="m", micro=False)
    drawing = code.svg_inline(svgclass="qr", lineclass=None, omitsize=True, border=2)
    named = drawing.replace("<svg ", '<svg role="img" aria-label="QR code of the link" ', 1)
    return mark_safe(named)  # noqa: S308 - drawn from modules, not from text


def _mailto(address: str, text: str) -> str:
    query = urlencode({"subject": "Images for you", "body": text}, quote_via=quote)
    return f"mailto:{quote(address, safe='@')}?{query}"


@declares(Action.SHARE)
def links(request: HttpRequest) -> HttpResponse:
    """One's own links; for an administrator those of the whole institution."""
    by = _by(request)
    form = LinksFilter(request.GET)
    if not by.may(Action.ADMINISTER):
        del form.fields["whose"]
    found = _filtered(queries.links_for(by), form, by)
    page = Paginator(found, PAGE).get_page(request.GET.get("page"))
    record(Act.LINKS_LISTED, by=by, count=len(page))
    contents = queries.contents(by, page)
    context = {
        "form": form,
        "page": page,
        "rows": [(link, contents.get(link.pk, [])) for link in page],
        "filtered": any(form.cleaned_data.values()) if form.is_valid() else False,
        "everybody": by.may(Action.ADMINISTER),
    }
    return _private(render(request, "links/links.html", context))


def _filtered(found: QuerySet[ShareLink], form: LinksFilter, by: Principal) -> QuerySet[ShareLink]:
    if not form.is_valid():
        return found
    wanted = form.cleaned_data
    if wanted["q"]:
        words = wanted["q"].strip()
        found = found.filter(
            Q(recipient_name__icontains=words)
            | Q(recipient_email__icontains=words)
            | Q(note__icontains=words)
        )
    if wanted["state"]:
        found = queries.in_state(found, LinkState(wanted["state"]))
    if wanted.get("whose") == "mine":
        found = found.filter(created_by=by.user)
    return found


@declares(Action.SHARE)
def link(request: HttpRequest, link_id: uuid.UUID) -> HttpResponse:
    """One link: what it gives, every opening of it, and its end."""
    by = _by(request)
    found = queries.link_for(by, link_id)
    record(Act.LINKS_LISTED, by=by, link_id=found.pk, count=1)
    return _private(render(request, "links/link.html", _shown(by, found, ExtendForm())))


def _shown(by: Principal, found: ShareLink, form: ExtendForm) -> dict[str, Any]:
    given = queries.contents(by, [found]).get(found.pk, [])
    return {
        "link": found,
        "given": [(one, list(queries.series_given(by, one))) for one in given],
        "claims": found.claims.all(),
        "extend": form,
    }


@require_http_methods(["GET", "HEAD", "POST"])
@declares(Action.SHARE)
def revoke(request: HttpRequest, link_id: uuid.UUID) -> HttpResponseBase:
    """GET asks once more, for a browser without scripts; POST revokes."""
    by = _by(request)
    if request.method != "POST":
        return _private(
            render(request, "links/revoke.html", {"link": queries.link_for(by, link_id)})
        )
    revoked = actions.revoke_link(link_id, by=by)
    messages.success(request, "The link is revoked. Nobody can open it any more.")
    return redirect("link", revoked.pk)


@require_POST
@declares(Action.SHARE)
def extend(request: HttpRequest, link_id: uuid.UUID) -> HttpResponseBase:
    by = _by(request)
    form = ExtendForm(request.POST)
    if form.is_valid():
        lifetime = datetime.timedelta(days=form.cleaned_data["lifetime"])
        try:
            extended = actions.extend_link(link_id, lifetime=lifetime, by=by)
        except InvalidInputError as error:
            form.add_error("lifetime", error.detail)
        else:
            messages.success(request, "The link stays open for longer.")
            return redirect("link", extended.pk)
    found = queries.link_for(by, link_id)
    record(Act.LINKS_LISTED, by=by, link_id=found.pk, count=1)
    return _private(render(request, "links/link.html", _shown(by, found, form), status=422))


def _by(request: HttpRequest) -> Principal:
    return request.principal  # type: ignore[attr-defined]


def _private(response: HttpResponse) -> HttpResponse:
    response["Cache-Control"] = "no-store"
    return response
