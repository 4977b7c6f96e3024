"""Opening a link: one page that is the same for every link, and what lies behind it."""

from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from sharing.access import gate
from sharing.access.gate import declares
from sharing.access.principal import Principal
from sharing.access.rules import Action, Rule
from sharing.kernel.errors import InvalidInputError, NotAllowedError, SharingError
from sharing.links import actions, principal
from sharing.links.forms import ClaimForm
from sharing.links.models import Claim
from sharing.links.rules import Factor, kinds, masked

LONGEST_BODY = 16 * 1024


# A form elsewhere gains nothing by posting here: the link's own secret is what authorises, and the
# cookie that it earns is sent to that link's addresses alone. A token in the page would make the
# page differ from visitor to visitor, so a foreign Origin is refused instead.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@declares(Rule.ANYBODY)
def open_link(request: HttpRequest) -> HttpResponseBase:
    """GET: the page, byte for byte the same for everybody. POST: ask, or open."""
    if request.method != "POST":
        return _page({})
    _refuse_foreign(request)
    wants_json = request.content_type == "application/json"
    form = ClaimForm(_json(request) if wants_json else request.POST)
    if not form.is_valid():
        fields = {name: list(map(str, wrong)) for name, wrong in form.errors.items()}
        raise InvalidInputError("This is no link.", fields=fields)
    try:
        outcome = _outcome(request, form)
    except (actions.WrongPasscodeError, actions.TooManyCodesError) as error:
        if wants_json:
            raise
        return _asked_again(request, form, error)
    if isinstance(outcome, actions.Claimed):
        _remember(request, outcome.claim)
        return _opened(outcome, wants_json=wants_json)
    if wants_json:
        return _no_store(JsonResponse(question(outcome)))
    return _page({**question(outcome), "link": form.cleaned_data["link"]})


def _outcome(request: HttpRequest, form: ClaimForm) -> actions.Claimed | actions.Asked:
    origin = request.principal.origin  # type: ignore[attr-defined]
    link_id, secret = form.locator()
    if form.cleaned_data["send_code"]:
        return actions.send_code(link_id, secret, origin=origin)
    return actions.claim_link(
        link_id,
        secret,
        origin=origin,
        passcode=form.cleaned_data["passcode"],
        code=form.cleaned_data["code"],
        known=principal.known(request.COOKIES, link_id),
    )


def question(asked: actions.Asked) -> dict[str, Any]:
    """What a visitor with the right secret is asked, and who sent the link."""
    link = asked.link
    return {
        "needs": "code" if link.factor == Factor.MAILBOX else "passcode",
        "sender": link.created_by.name or link.created_by.email,
        "institution": link.institution.name,
        "mailbox": masked(link.recipient_email) if link.factor == Factor.MAILBOX else "",
        "sent": asked.code_sent,
    }


def _asked_again(request: HttpRequest, form: ClaimForm, error: SharingError) -> HttpResponse:
    """The form once more, with what was wrong: for a browser without scripts."""
    needs = "passcode" if form.cleaned_data["passcode"] else "code"
    context = {"needs": needs, "error": error.detail, "link": form.cleaned_data["link"]}
    return _page(context, status=error.status)


def _page(context: dict[str, Any], status: int = 200) -> HttpResponse:
    # Without the request: nothing of the visitor, no token and no message gets into the page.
    response = HttpResponse(render_to_string("links/claim.html", context), status=status)
    return _no_store(response)


def _opened(claimed: actions.Claimed, *, wants_json: bool) -> HttpResponse:
    address = f"/c/{claimed.claim.pk}/"
    response = JsonResponse({"open": address}) if wants_json else redirect(address)
    if not wants_json:
        response.status_code = 303
    for cookie in principal.cookies(claimed.claim, claimed.secret):
        response.set_cookie(**cookie)
    return _no_store(response)


def _remember(request: HttpRequest, claim: Claim) -> None:
    """Whoever is signed in finds what they opened in their worklist, for as long as it is open."""
    if request.user.is_authenticated:
        request.session["claims"] = [*request.session.get("claims", ())[-49:], str(claim.pk)]


def _refuse_foreign(request: HttpRequest) -> None:
    origin = request.headers.get("Origin")
    if origin is not None and origin != f"{request.scheme}://{request.get_host()}":
        raise NotAllowedError("This form came from another site. Open the link itself.")


def _json(request: HttpRequest) -> dict[str, Any]:
    if int(request.headers.get("Content-Length") or 0) > LONGEST_BODY:
        raise InvalidInputError("This is no link.")
    try:
        found = orjson.loads(request.body)
    except orjson.JSONDecodeError as error:
        raise InvalidInputError("This is not JSON.") from error
    if not isinstance(found, dict):
        raise InvalidInputError("A link is sent as an object.")
    return found


def _no_store(response: HttpResponse) -> HttpResponse:
    response["Cache-Control"] = "no-store"
    return response


@declares(Rule.CLAIM)
def landing(request: HttpRequest) -> HttpResponse:
    """Who sends what to whom, until when, and what can be done with it."""
    visitor: Principal = request.principal  # type: ignore[attr-defined]
    claim = Claim.objects.select_related("link__institution", "link__created_by").get(
        pk=visitor.actor.id
    )
    found = [
        gate.study(visitor, Action.SEARCH, id=study_id)
        for study_id in gate.studies(visitor).order_by("-date").values_list("pk", flat=True)
    ]
    studies = [(study, list(gate.series_of(visitor, study))) for study in found]
    context = {
        "claim": claim,
        "link": claim.link,
        "institution": claim.link.institution,
        "sender": claim.link.created_by,
        "studies": studies,
        "patients": list({study.patient_id: study.patient for study in found}.values()),
        "kinds": kinds("\\".join(one.modality for _, several in studies for one in several)),
        "size": sum(one.size for _, series in studies for one in series),
        "may_download": visitor.may(Action.DOWNLOAD),
    }
    return _no_store(render(request, "links/landing.html", context))


@declares(Rule.CLAIM)
def alive(request: HttpRequest) -> HttpResponse:
    """204 for as long as the link serves its visitor: what an open page asks now and then."""
    return _no_store(HttpResponse(status=204))


@require_POST
@declares(Rule.CLAIM)
def leave(request: HttpRequest) -> HttpResponse:
    """End this opening, as on a computer that others use too."""
    visitor: Principal = request.principal  # type: ignore[attr-defined]
    actions.leave(visitor)
    response = _page({"left": True})
    response.delete_cookie("claim", path=f"/c/{visitor.actor.id}/", samesite="Lax")
    return response
