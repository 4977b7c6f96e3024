"""One's own access tokens, for a person's HTTP session: a token neither makes nor sees tokens."""

import uuid
from typing import Any, ClassVar

from allauth.account.internal.flows.reauthentication import did_recently_reauthenticate
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.pagination import PageNumberPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from sharing.access.principal import Principal
from sharing.access.rules import TOKEN_ACTIONS, Action, Credential, Rule
from sharing.credentials.actions.tokens import create_token, revoke_token
from sharing.credentials.models import ApiToken
from sharing.credentials.queries.tokens import own_tokens
from sharing.credentials.rules.lifetimes import LIFETIMES, USUAL, TokenState
from sharing.jobs.actions import idempotent
from sharing.kernel import durations
from sharing.kernel.errors import NotAllowedError, NotThereError

SCOPES = sorted(str(action) for action in TOKEN_ACTIONS)


class Pages(PageNumberPagination):
    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200


class NewToken(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=80, help_text="What it is for.")
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=SCOPES),
        allow_empty=False,
        max_length=len(SCOPES),
        help_text="What it may do; no more than your role.",
    )
    lifetime = serializers.ChoiceField(
        choices=list(LIFETIMES), default=USUAL, help_text="How long it lasts."
    )


class TokenShown(serializers.Serializer[ApiToken]):
    id = serializers.UUIDField()
    name = serializers.CharField(source="label")
    scopes = serializers.ListField(child=serializers.CharField())
    state = serializers.ChoiceField(choices=TokenState.choices)
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    last_used_on = serializers.DateField(
        source="last_used_day", allow_null=True, help_text="To the day."
    )


class TokenMade(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="token.pk")
    token = serializers.CharField(
        source="text", help_text="The token itself. It is shown this one time."
    )
    scopes = serializers.ListField(source="token.scopes", child=serializers.CharField())
    expires_at = serializers.DateTimeField(source="token.expires_at")


class Tokens(GenericAPIView[ApiToken]):
    access_rule: ClassVar = {"GET": Rule.SIGNED_IN, "POST": Rule.SIGNED_IN}
    pagination_class = Pages
    serializer_class = TokenShown

    @extend_schema(operation_id="tokens_list", responses=TokenShown(many=True))
    def get(self, request: Request) -> Response:
        """Your access tokens, the newest first, without the tokens themselves."""
        page = self.paginate_queryset(own_tokens(_by(request))) or []
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(operation_id="tokens_create", request=NewToken, responses={201: TokenMade})
    @idempotent
    def post(self, request: Request) -> Response:
        """Make an access token, if you are signed in and have just proved who you are."""
        by = _by(request)
        given = NewToken(data=request.data)
        if not did_recently_reauthenticate(request._request):
            raise ProofNeededError
        given.is_valid(raise_exception=True)
        if by.membership is None:
            raise NotThereError
        made = create_token(
            membership=by.membership,
            label=given.validated_data["name"],
            lifetime=durations.parse(given.validated_data["lifetime"]),
            scopes=[Action(one) for one in given.validated_data["scopes"]],
            by=by,
        )
        return Response(TokenMade(made).data, status=201)


class Token(APIView):
    access_rule: ClassVar = {"DELETE": Rule.SIGNED_IN}

    @extend_schema(operation_id="tokens_revoke", responses={204: None})
    def delete(self, request: Request, token_id: uuid.UUID) -> Response:
        """Revoke a token of yours or, as an administrator, of your people. Again does no harm."""
        revoke_token(token_id, by=_by(request))
        return Response(status=204)


class ProofNeededError(NotAllowedError):
    title = "Is it you?"
    code = "proof-needed"

    def __init__(self) -> None:
        super().__init__("Prove at /accounts/reauthenticate/ that it is you, then ask again.")


def _by(request: Request) -> Principal:
    """The person at the page; a program is refused."""
    principal: Principal = request._request.principal  # type: ignore[attr-defined]
    if principal.actor.credential != Credential.SESSION:
        raise NotAllowedError("This needs a person who is signed in, not a token.")
    return principal
