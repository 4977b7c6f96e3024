"""One's own account, and the institution that one works for now."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from sharing.access.gate import declares
from sharing.access.principal import Principal
from sharing.access.rules import Rule
from sharing.accounts import actions
from sharing.accounts.forms import NameForm
from sharing.accounts.queries import active_memberships, is_protected
from sharing.accounts.rules import ROLE_SENTENCES, Role
from sharing.credentials.queries.tokens import own_tokens
from sharing.credentials.rules.lifetimes import TokenState
from sharing.kernel.errors import NotAllowedError, NotThereError


def _by(request: HttpRequest) -> Principal:
    return request.principal  # type: ignore[attr-defined]


@require_http_methods(["GET", "HEAD", "POST"])
@declares(Rule.SIGNED_IN)
def account(request: HttpRequest) -> HttpResponseBase:
    """Name, ways to sign in, institutions, and where the access tokens are."""
    user = at_a_page(request).user
    form = NameForm(request.POST or None, initial={"name": user.name if user else ""})
    if request.method == "POST" and user is not None and form.is_valid():
        actions.rename(user, form.cleaned_data["name"], origin=_by(request).origin)
        messages.success(request, "Your name is changed.")
        return redirect("account")
    return _page(request, form)


def at_a_page(request: HttpRequest) -> Principal:
    """A token does not reach the account that it belongs to."""
    principal = _by(request)
    if principal.actor.credential != "session":
        raise NotAllowedError("This needs a person at a page, not a token.")
    return principal


def _page(request: HttpRequest, form: NameForm) -> HttpResponse:
    principal = _by(request)
    tokens = [one for one in own_tokens(principal) if one.state == TokenState.ACTIVE]
    context = {
        "form": form,
        "tokens": len(tokens),
        "mine": [
            (one, Role(one.role).label, ROLE_SENTENCES[Role(one.role)])
            for one in (active_memberships(principal.user) if principal.user else ())
        ],
    }
    response = render(request, "console/account.html", context)
    response["Cache-Control"] = "no-store"
    return response


@require_safe
@declares(Rule.SIGNED_IN)
def protect(request: HttpRequest) -> HttpResponseBase:
    """A passkey, or a password and an app: where whoever came by a mailed link stays until then."""
    user = at_a_page(request).user
    context = {
        "is_protected": user is not None and is_protected(user),
        "has_password": user is not None and user.has_usable_password(),
    }
    return render(request, "console/protect.html", context)


@require_POST
@declares(Rule.SIGNED_IN)
def switch(request: HttpRequest) -> HttpResponseBase:
    """Work for another of one's institutions from now on."""
    user = at_a_page(request).user
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
