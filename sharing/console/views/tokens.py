"""Access tokens: one's own, made and revoked, and those of an institution's people."""

import uuid
from collections.abc import Iterable
from typing import Any

from allauth.account.decorators import reauthentication_required
from allauth.account.internal.flows.reauthentication import did_recently_reauthenticate
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from sharing.access.gate import declares
from sharing.access.rules import Action, Rule
from sharing.console.forms import SCOPE_WORDS, TokenForm
from sharing.console.views.account import at_a_page
from sharing.credentials.actions.tokens import (
    NewToken,
    create_token,
    revoke_token,
    token_scopes,
)
from sharing.credentials.models import ApiToken
from sharing.credentials.queries.tokens import own_tokens, tokens_of_people
from sharing.credentials.rules.lifetimes import TokenState
from sharing.kernel import durations
from sharing.kernel.errors import InvalidInputError, NotThereError

# What a new token is tried with: the first of these that it may do.
FIRST = {
    Action.SEARCH: "{base}/api/studies/",
    Action.SHARE: "{base}/api/links/",
    Action.REVIEW: "{base}/api/activity/",
    Action.UPLOAD: "-X POST {base}/api/uploads/",
}
Row = tuple[ApiToken, str]


@require_safe
@declares(Rule.SIGNED_IN)
def tokens(request: HttpRequest) -> HttpResponseBase:
    """One's own tokens: those that count, and those that have ended lately."""
    by = at_a_page(request)
    if by.membership is None:
        return redirect("account")
    return _page(request, "console/tokens.html", _sorted(own_tokens(by)))


@require_http_methods(["GET", "HEAD", "POST"])
@declares(Rule.SIGNED_IN)
def new_token(request: HttpRequest) -> HttpResponseBase:
    """The form that makes a token, for somebody who has just proved who they are."""
    if at_a_page(request).membership is None:
        raise NotThereError
    if request.method != "POST":
        asked: HttpResponseBase = _form_after_proof(request)
        return asked
    if not did_recently_reauthenticate(request):
        # What was typed is not kept aside while somebody proves who they are.
        return redirect("token-new")
    return _made(request, TokenForm(request.POST, scopes=_offered(request)))


@reauthentication_required
def _form_after_proof(request: HttpRequest) -> HttpResponse:
    return _page(request, "console/token_new.html", {"form": TokenForm(scopes=_offered(request))})


def _offered(request: HttpRequest) -> list[Action]:
    membership = at_a_page(request).membership
    allowed = token_scopes(membership) if membership else frozenset()
    return [action for action in SCOPE_WORDS if action in allowed]


def _made(request: HttpRequest, form: TokenForm) -> HttpResponse:
    """Make a token; the answer shows it this one time."""
    by = at_a_page(request)
    if by.membership is None:
        raise NotThereError
    if form.is_valid():
        try:
            made = create_token(
                membership=by.membership,
                lifetime=durations.parse(form.cleaned_data["lifetime"]),
                scopes=[Action(one) for one in form.cleaned_data["scopes"]],
                label=form.cleaned_data["label"],
                by=by,
            )
        except InvalidInputError as error:
            form.add_error(None, error.detail)
        else:
            return _page(request, "console/token_made.html", _shown_once(made))
    return _page(request, "console/token_new.html", {"form": form}, status=422)


def _shown_once(made: NewToken) -> dict[str, Any]:
    first = next((path for action, path in FIRST.items() if action in made.token.scopes), None)
    target = (first or FIRST[Action.SEARCH]).format(base=settings.BASE_URL)
    curl = f'curl -H "Authorization: Bearer {made.text}" {target}'
    return {"made": made, "may": _words(made.token), "curl": curl}


@require_http_methods(["GET", "HEAD", "POST"])
@declares(Rule.SIGNED_IN)
def end_token(request: HttpRequest, token_id: uuid.UUID) -> HttpResponseBase:
    """Ask once more, then revoke one's own token."""
    own = own_tokens(at_a_page(request)).filter(pk=token_id).first()
    return _end(request, own, back="tokens")


@require_safe
@declares(Action.ADMINISTER)
def tokens_of_all(request: HttpRequest) -> HttpResponseBase:
    """Whose programs act at the institution, and what they may; never a token itself."""
    context = _sorted(tokens_of_people(at_a_page(request)))
    return _page(request, "console/people_tokens.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@declares(Action.ADMINISTER)
def end_anothers(request: HttpRequest, token_id: uuid.UUID) -> HttpResponseBase:
    """Ask once more, then revoke a token of somebody at the institution."""
    found = tokens_of_people(at_a_page(request)).filter(pk=token_id).first()
    return _end(request, found, back="people-tokens")


def _end(request: HttpRequest, token: ApiToken | None, *, back: str) -> HttpResponseBase:
    if token is None:
        raise NotThereError
    if request.method == "POST":
        revoke_token(token.pk, by=at_a_page(request))
        messages.success(request, "The token has ended.")
        return redirect(back)
    return _page(request, "console/token_revoke.html", {"token": token, "back": back})


def _sorted(found: Iterable[ApiToken]) -> dict[str, Any]:
    rows = [(token, _words(token)) for token in found]
    return {
        "active": [row for row in rows if row[0].state == TokenState.ACTIVE],
        "ended": [row for row in rows if row[0].state != TokenState.ACTIVE],
    }


def _words(token: ApiToken) -> str:
    """What a token may, for people."""
    return ", ".join(words for action, words in SCOPE_WORDS.items() if action in token.scopes)


def _page(
    request: HttpRequest, template: str, context: dict[str, Any], status: int = 200
) -> HttpResponse:
    response = render(request, template, context, status=status)
    response["Cache-Control"] = "no-store"
    return response
