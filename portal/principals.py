"""Who asks: one principal for each request, from its claim cookie, its token or its session."""

import functools
import ipaddress
import uuid
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils.functional import SimpleLazyObject
from rest_framework.authentication import BaseAuthentication, CSRFCheck

from portal import certificates, errors
from portal.wall import admitted
from sharing.access import principal as principals
from sharing.access.gate import permit
from sharing.access.principal import Principal
from sharing.access.rules import Action, Rule
from sharing.accounts.models import Membership
from sharing.accounts.queries import has_to_be_protected
from sharing.accounts.rules import MembershipState
from sharing.credentials.principal import bearer
from sharing.grants.principal import widened
from sharing.grants.queries.lines import asking
from sharing.grants.queries.requests import news
from sharing.kernel import wall
from sharing.kernel.errors import NotAllowedError, NotThereError, SharingError, SignInNeededError
from sharing.kernel.requests import Origin
from sharing.links.principal import claim, ended

CLAIM_COOKIE = "claim"
WHO_ASKS = "who asks: by a session, a token or a claim's cookie"
# What the staff's places are for; whoever may not use one does not see it.
PLACES = {
    "worklist": Action.SEARCH,
    "upload": Action.UPLOAD,
    "links": Action.SHARE,
    "partners": Action.AGREE,
    "research": Action.RESEARCH,
    "activity": Action.REVIEW,
    "people": Action.ADMINISTER,
}


class PrincipalMiddleware:
    """Sets `request.principal`, lazily, and answers every `SharingError`."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        self._set(request, lambda: _of_account(request))
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: dict[str, Any]
    ) -> HttpResponseBase | None:
        """Addresses under /c/<claim>/ belong to the claim, whoever else is signed in.

        `within` names the one study that an address is about, and nobody reaches further there.
        """
        within = kwargs.pop("within", None)
        claim_id = kwargs.pop("claim", None)
        if claim_id is None:
            if not _protects(request, view) and _has_to_be_protected(request):
                return _sent_to_protect(request)
            if within is not None:
                asker = request.principal  # type: ignore[attr-defined]
                self._set(request, lambda: asker.narrowed_to(within))
            return _csrf_problem(request, view)
        request.claim_id = claim_id  # type: ignore[attr-defined]
        try:
            with wall.system(WHO_ASKS):
                found = _of_claim(request, claim_id)
        except SharingError as error:
            return errors.answer(request, error)
        self._set(request, lambda: found.narrowed_to(within) if within else found)
        return None

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponseBase | None:
        return errors.answer(request, error) if isinstance(error, SharingError) else None

    @staticmethod
    def _set(request: HttpRequest, make: Callable[[], Principal]) -> None:
        def made() -> Principal:
            with wall.system(WHO_ASKS):
                found = make()
            return admitted(found)

        request.principal = SimpleLazyObject(made)  # type: ignore[attr-defined]


def _of_claim(request: HttpRequest, claim_id: uuid.UUID) -> Principal:
    """The visitor with this claim; one whose link has ended is refused, and that is written down."""
    cookie = request.COOKIES.get(CLAIM_COOKIE, "")
    found = claim(claim_id, cookie, origin(request))
    if found is not None:
        return found
    if late := ended(claim_id, cookie, origin(request)):
        permit(late, Action.VIEW)
    raise NotThereError


def _of_account(request: HttpRequest) -> Principal:
    return widened(_of_itself(request))


def _of_itself(request: HttpRequest) -> Principal:
    came = origin(request)
    header = request.headers.get("Authorization", "")
    if header:
        return _of_token(header, came)
    user = request.user
    # None: a REST view that asks nobody.
    if user is None or not user.is_authenticated:  # type: ignore[redundant-expr]
        return principals.nobody(came)
    membership = current_membership(request)
    if membership is None or _has_to_be_protected(request):
        return principals.person(user, came)
    return principals.member(membership, came, credential_id=_session_reference(request))


def _has_to_be_protected(request: HttpRequest) -> bool:
    """Whether the session's person came by a mailed link and has no passkey and no app yet."""
    if "Authorization" in request.headers:
        return False
    user = request.user
    if not user.is_authenticated:
        return False
    if not hasattr(request, "has_to_be_protected"):
        request.has_to_be_protected = has_to_be_protected(user)  # type: ignore[attr-defined]
    return bool(request.has_to_be_protected)  # type: ignore[attr-defined]


# Where somebody protects the account, or leaves.
PROTECTING = {"protect", "account_logout", "account_reauthenticate", "account_set_password"}


def _protects(request: HttpRequest, view: Any) -> bool:
    name = (request.resolver_match and request.resolver_match.url_name) or ""
    is_for_all = getattr(view, "access_rule", None) == Rule.ANYBODY
    return is_for_all or name in PROTECTING or name.startswith("mfa_")


def _sent_to_protect(request: HttpRequest) -> HttpResponseBase:
    if request.method in ("GET", "HEAD") and not _is_for_programs(request.path):
        return redirect("protect")
    return errors.answer(
        request, NotAllowedError("Protect your account first: add a passkey or an app.")
    )


def _is_for_programs(path: str) -> bool:
    return path.startswith("/api/") or "/dicom-web/" in path


def _of_token(header: str, came: Origin) -> Principal:
    scheme, _, token = header.partition(" ")
    found = bearer(token.strip(), came) if scheme.lower() == "bearer" else None
    return found or principals.nobody(came)


def _session_reference(request: HttpRequest) -> str:
    """Names a session in the audit without being its key."""
    import hashlib

    return hashlib.sha256((request.session.session_key or "").encode()).hexdigest()[:16]


def current_membership(request: HttpRequest) -> Membership | None:
    """The membership that the person works under now: the chosen one, else the first."""
    mine = (
        Membership.objects.filter(user=request.user.pk, state=MembershipState.ACTIVE)
        .select_related("user", "institution")
        .order_by("created_at")
    )
    chosen = request.session.get("membership")
    return next((one for one in mine if str(one.pk) == chosen), None) or next(iter(mine), None)


def origin(request: HttpRequest) -> Origin:
    """Where the request came from; a proxy's word counts only when we were told of the proxy."""
    path = request.path
    channel = "page"
    if path.startswith(("/api/", "/oauth/")):
        channel = "api"
    elif "/dicom-web/" in path:
        channel = "dicomweb"
    # Anybody can write a header: a certificate is what a proxy of ours says it is.
    shown = (
        certificates.thumbprint(request) if _is_proxy(request.META.get("REMOTE_ADDR", "")) else ""
    )
    agent = request.headers.get("User-Agent", "")[:200]
    return Origin(_address(request), agent, channel, shown)


def _address(request: HttpRequest) -> str:
    peer = request.META.get("REMOTE_ADDR", "")
    if _is_proxy(peer):
        # From the right: the first address that no proxy of ours wrote about another of ours.
        for hop in reversed(request.headers.get("X-Forwarded-For", "").split(",")):
            if hop.strip() and not _is_proxy(hop.strip()):
                return hop.strip()[:45]
    return peer[:45]


def _is_proxy(address: str) -> bool:
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(ip in ipaddress.ip_network(proxy) for proxy in settings.TRUSTED_PROXIES)


def _csrf_problem(request: HttpRequest, view: Any) -> HttpResponseBase | None:
    """Programs' routes are exempt from CSRF tokens, but not for a browser's session."""
    safe = request.method in ("GET", "HEAD", "OPTIONS", "TRACE")
    if safe or not getattr(view, "csrf_exempt", False) or not request.path.startswith("/api/"):
        return None
    if "Authorization" in request.headers or settings.SESSION_COOKIE_NAME not in request.COOKIES:
        return None
    check = CSRFCheck(_answer_nothing)
    check.process_request(request)
    if check.process_view(request, _answer_nothing, (), {}):
        return errors.answer(
            request, NotAllowedError("The page is out of date. Reload it and try again.")
        )
    return None


def _answer_nothing(request: HttpRequest) -> HttpResponse:
    """A view that is not exempt, for the check to look at in place of the one that is."""
    return HttpResponse()


class ApiAuthentication(BaseAuthentication):
    """REST framework's side: the principal is there already."""

    def authenticate(self, request: Any) -> tuple[Any, Any] | None:
        principal: Principal = request._request.principal
        if "Authorization" in request.headers and principal.is_nobody:
            raise SignInNeededError(
                "This token is not known, or has expired or been revoked. Make a new one."
            )
        return (principal.user, principal) if principal.user is not None else None

    def authenticate_header(self, request: Any) -> str:
        return 'Bearer realm="Handover"'


def page_context(request: HttpRequest) -> dict[str, Any]:
    """What every page's frame shows."""
    principal = getattr(request, "principal", None)
    if principal is None or principal.is_nobody or principal.membership is None:
        return {"demo": settings.DEMO}
    # Only a whole page asks; a part that renews itself does not.
    told = SimpleLazyObject(lambda: news(principal)) if principal.may(Action.VIEW) else None
    return {
        "demo": settings.DEMO,
        "membership": principal.membership,
        "institution": principal.membership.institution,
        "places": [place for place, action in PLACES.items() if principal.may(action)],
        "memberships": Membership.objects.filter(
            user=principal.user, state=MembershipState.ACTIVE
        ).select_related("institution"),
        "news": told,
        "may": {str(action): True for action in principal.actions},
        "waiting": {
            str(Action.AGREE): functools.partial(asking, principal),
            **({str(Action.VIEW): lambda: told.count} if told is not None else {}),
        },
    }


def claim_cookie_path(claim_id: uuid.UUID) -> str:
    return f"/c/{claim_id}/"
