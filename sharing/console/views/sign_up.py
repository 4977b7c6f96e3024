"""An institution signs up, and proves its domain: pages for whoever comes."""

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.template.loader import render_to_string
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from sharing.access.gate import declares
from sharing.access.rules import Rule
from sharing.accounts import actions
from sharing.accounts.forms import LocatorForm, SignUpForm
from sharing.accounts.queries import SignUpSeen, evidence_of, sign_up_for
from sharing.accounts.rules import SignUpState, is_at
from sharing.accounts.work import Look
from sharing.console.views.join import refuse_foreign
from sharing.kernel.errors import InvalidInputError, NotThereError, SharingError

OVER = "This link has ended, was used already, or is none. You can sign up again at any time."


@require_http_methods(["GET", "HEAD", "POST"])
@declares(Rule.ANYBODY)
def new(request: HttpRequest) -> HttpResponseBase:
    """What an institution says of itself; then, this once, how it proves its domain."""
    form = SignUpForm(request.POST if request.method == "POST" else None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                made = actions.sign_up(origin=_origin(request), **form.cleaned_data)
            except SharingError as error:
                status = error.status
                _show(form, error)
            else:
                response = render(request, "console/signed_up.html", {"made": made})
                response["Cache-Control"] = "no-store"
                return response
    return render(request, "console/sign_up.html", {"form": form}, status=status)


# Exempt as `join` is: the page is the same for everybody, and the link's secret authorises.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@declares(Rule.ANYBODY)
def prove(request: HttpRequest) -> HttpResponseBase:
    """GET: the page, which uses nothing up. POST: how far it is, and each step as `step`."""
    if request.method != "POST":
        return _page({"form": LocatorForm()})
    refuse_foreign(request)
    form = LocatorForm(request.POST)
    if not form.is_valid():
        return _page({"form": form}, status=422)
    seen, status = sign_up_for(*form.cleaned_data["link"]), 200
    if seen is None:
        return _over(form)
    try:
        said = _step(request, form, request.POST.get("step", ""))
    except NotThereError:
        return _over(form)
    except SharingError as error:
        said, status = error.detail, error.status
    return _page(_told(form, seen, said), status=status)


def _over(form: LocatorForm) -> HttpResponse:
    form.add_error("link", OVER)
    return _page({"form": form}, status=404)


def _step(request: HttpRequest, form: LocatorForm, step: str) -> str:
    """Do one step, and say what came of it."""
    sign_up_id, secret = form.cleaned_data["link"]
    match step:
        case "check":
            look = actions.check_record(sign_up_id, secret, origin=_origin(request))
            return "" if look == Look.PROVEN else "The record is not there yet."
        case "mail":
            if actions.mail_again(sign_up_id, secret):
                return "A mail with a fresh link is on its way."
            return "No more mails go there today."
        case "confirm":
            actions.confirm_by_mail(sign_up_id, secret, origin=_origin(request))
            return "Thank you. The domain is proven."
    return ""


def _told(form: LocatorForm, seen: SignUpSeen, said: str) -> dict[str, Any]:
    sign_up = seen.sign_up
    sign_up.refresh_from_db()
    return {
        "form": form,
        "sign_up": sign_up,
        "by_mail": seen.by_mail,
        "is_open": sign_up.state == SignUpState.APPLIED,
        "can_be_mailed": is_at(sign_up.contact_email, sign_up.domain),
        "evidence": evidence_of(sign_up),
        "said": said,
    }


def _origin(request: HttpRequest) -> Any:
    return request.principal.origin  # type: ignore[attr-defined]


def _show(form: SignUpForm, error: SharingError) -> None:
    fields = error.fields if isinstance(error, InvalidInputError) else {}
    for name, sentences in (fields or {"": [error.detail]}).items():
        form.add_error(name or None, sentences)


def _page(context: dict[str, Any], status: int = 200) -> HttpResponse:
    # Without the request: nothing of the visitor gets into the page.
    response = HttpResponse(render_to_string("console/prove.html", context), status=status)
    response["Cache-Control"] = "no-store"
    return response
