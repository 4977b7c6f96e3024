"""Taking up an invitation: one page that is the same for every invitation and everybody."""

from typing import Any

from allauth.account.internal.flows.reauthentication import reauthenticate_by_password
from allauth.account.utils import perform_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from sharing.access.gate import declares
from sharing.access.principal import Principal
from sharing.access.rules import Rule
from sharing.accounts import actions
from sharing.accounts.forms import JoinForm
from sharing.accounts.models import Invitation, User
from sharing.accounts.queries import open_invitation
from sharing.accounts.rules import ROLE_SENTENCES, Role
from sharing.kernel.errors import ConflictError, InvalidInputError, NotAllowedError, SharingError


# Exempt, because a token would make the page differ from visitor to visitor. What authorises is
# the invitation's own secret, and a form on another site is refused by its Origin.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@declares(Rule.ANYBODY)
def join(request: HttpRequest) -> HttpResponseBase:
    """GET: the page. POST: what the invitation offers, and with `step=join` to take it up."""
    if request.method != "POST":
        return _page({"form": JoinForm()})
    refuse_foreign(request)
    form = JoinForm(request.POST)
    if not form.is_valid():
        return _page({"form": form}, status=422)
    invitation = open_invitation(*form.cleaned_data["link"])
    if invitation is None:
        form.add_error("link", actions.InvitationOverError().detail)
        return _page({"form": form}, status=404)
    if request.POST.get("step") != "join":
        return _page(_offer(request, JoinForm({"link": form.data["link"]}), invitation))
    return _take_up(request, form, invitation)


def _user(request: HttpRequest) -> User | None:
    principal: Principal = request.principal  # type: ignore[attr-defined]
    return principal.user if principal.actor.credential == "session" else None


def _offer(request: HttpRequest, form: JoinForm, invitation: Invitation) -> dict[str, Any]:
    known = User.objects.filter(email__iexact=invitation.email).exists()
    return {
        "form": form,
        "invitation": invitation,
        "role": Role(invitation.role).label,
        "sentence": ROLE_SENTENCES[Role(invitation.role)],
        "person": _user(request),
        "has_account": known,
    }


def _take_up(request: HttpRequest, form: JoinForm, invitation: Invitation) -> HttpResponseBase:
    user = _user(request)
    by_passkey = request.POST.get("way") == "passkey"
    try:
        membership = actions.accept_invitation(
            *form.cleaned_data["link"],
            user=user,
            name=form.cleaned_data["name"],
            password=None if by_passkey else form.cleaned_data["password"],
            origin=request.principal.origin,  # type: ignore[attr-defined]
        )
    except (ConflictError, InvalidInputError, actions.InvitationOverError) as error:
        _show(form, error)
        return _page(_offer(request, form, invitation), status=error.status)
    response: HttpResponseBase = redirect("worklist")
    if user is None:
        # Whoever came by a link protects the account before anything else.
        then = "mfa_add_webauthn" if by_passkey else "protect"
        response = perform_login(request, membership.user, redirect_url=reverse(then))
        if not by_passkey:
            # Who has just chosen a password has proved enough to add a passkey.
            reauthenticate_by_password(request)
    request.session["membership"] = str(membership.pk)
    return response


def _show(form: JoinForm, error: SharingError) -> None:
    fields = error.fields if isinstance(error, InvalidInputError) else {}
    for name, sentences in (fields or {"": [error.detail]}).items():
        form.add_error(name or None, sentences)


def refuse_foreign(request: HttpRequest) -> None:
    origin = request.headers.get("Origin")
    if origin is not None and origin != f"{request.scheme}://{request.get_host()}":
        raise NotAllowedError("This form came from another site. Open the link itself.")


def _page(context: dict[str, Any], status: int = 200) -> HttpResponse:
    # Without the request: nothing of the visitor gets into the page.
    response = HttpResponse(render_to_string("account/join.html", context), status=status)
    response["Cache-Control"] = "no-store"
    return response
