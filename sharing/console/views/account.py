"""One's own account, and the institution that one works for now."""

import datetime
import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from sharing.access.gate import declares
from sharing.access.principal import Principal
from sharing.access.rules import ROLE_ACTIONS, TOKEN_ACTIONS, Action, Rule
from sharing.accounts import actions
from sharing.accounts.forms import NameForm
from sharing.accounts.queries import active_memberships
from sharing.accounts.rules import ROLE_SENTENCES, Role
from sharing.console.forms import SCOPE_WORDS, TokenForm
from sharing.credentials.actions import create_token, revoke_token
from sharing.credentials.models import ApiToken
from sharing.kernel.errors import InvalidInputError, NotAllowedError, NotThereError


def _by(request: HttpRequest) -> Principal:
    return request.principal  # type: ignore[attr-defined]


@require_http_methods(["GET", "HEAD", "POST"])
@declares(Rule.SIGNED_IN)
def account(request: HttpRequest) -> HttpResponseBase:
    """Name, ways to sign in, institutions and API tokens."""
    user = _at_a_page(request).user
    form = NameForm(request.POST or None, initial={"name": user.name if user else ""})
    if request.method == "POST" and user is not None and form.is_valid():
        actions.rename(user, form.cleaned_data["name"], origin=_by(request).origin)
        messages.success(request, "Your name is changed.")
        return redirect("account")
    return _page(request, {"form": form})


def _at_a_page(request: HttpRequest) -> Principal:
    """A token does not reach the account that it belongs to."""
    principal = _by(request)
    if principal.actor.credential != "session":
        raise NotAllowedError("This needs a person at a page, not a token.")
    return principal


def _page(request: HttpRequest, context: dict[str, Any], status: int = 200) -> HttpResponse:
    principal = _by(request)
    membership = principal.membership
    tokens = ApiToken.objects.filter(membership=membership, revoked_at=None)
    context = {
        "form": NameForm(initial={"name": principal.user.name if principal.user else ""}),
        "token_form": TokenForm(scopes=_scopes(principal)),
        "tokens": tokens if membership else (),
        "mine": [
            (one, Role(one.role).label, ROLE_SENTENCES[Role(one.role)])
            for one in (active_memberships(principal.user) if principal.user else ())
        ],
        **context,
    }
    response = render(request, "console/account.html", context, status=status)
    response["Cache-Control"] = "no-store"
    return response


def _scopes(principal: Principal) -> list[Action]:
    if principal.membership is None:
        return []
    allowed = ROLE_ACTIONS[Role(principal.membership.role)] & TOKEN_ACTIONS
    return [action for action in SCOPE_WORDS if action in allowed]


@require_POST
@declares(Rule.SIGNED_IN)
def new_token(request: HttpRequest) -> HttpResponseBase:
    """Make a token; the answer shows it this one time."""
    by = _at_a_page(request)
    form = TokenForm(request.POST, scopes=_scopes(by))
    if by.membership is None:
        raise NotThereError
    if not form.is_valid():
        return _page(request, {"token_form": form}, status=422)
    try:
        made = create_token(
            membership=by.membership,
            lifetime=datetime.timedelta(days=form.cleaned_data["days"]),
            scopes=[Action(one) for one in form.cleaned_data["scopes"]],
            label=form.cleaned_data["label"],
            by=by,
        )
    except InvalidInputError as error:
        form.add_error(None, error.detail)
        return _page(request, {"token_form": form}, status=422)
    return _page(request, {"made": made})


@require_POST
@declares(Rule.SIGNED_IN)
def end_token(request: HttpRequest, token_id: uuid.UUID) -> HttpResponseBase:
    revoke_token(token_id, by=_at_a_page(request))
    messages.success(request, "The token has ended.")
    return redirect("account")


@require_POST
@declares(Rule.SIGNED_IN)
def switch(request: HttpRequest) -> HttpResponseBase:
    """Work for another of one's institutions from now on."""
    user = _at_a_page(request).user
    wanted = request.POST.get("membership", "")
    if user is None or wanted not in {str(one.pk) for one in active_memberships(user)}:
        raise NotThereError
    request.session["membership"] = wanted
    return redirect("worklist")


@require_safe
@declares(Rule.SIGNED_IN)
def fixed_address(request: HttpRequest) -> HttpResponseBase:
    """An address is what an invitation reached; another one takes another invitation."""
    messages.info(request, "Your e-mail address is fixed. For another one, ask for an invitation.")
    return redirect("account")
