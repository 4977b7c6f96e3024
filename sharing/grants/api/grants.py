"""Grants, and their switch. A person has to be signed in: no token speaks for an institution."""

import uuid
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.pagination import PageNumberPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from sharing.access.principal import Principal
from sharing.access.rules import Action
from sharing.grants import actions
from sharing.grants.queries.lines import Line, line, lines
from sharing.grants.rules.states import GrantState
from sharing.grants.rules.terms import ACTIONS, PURPOSES, Channel, Transform


class Side(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="pk")
    name = serializers.CharField()


class FilterShown(serializers.Serializer[Any]):
    modalities = serializers.ListField(child=serializers.CharField())
    departments = serializers.ListField(child=serializers.UUIDField())
    tags = serializers.ListField(child=serializers.CharField())
    referrer = serializers.CharField()
    since = serializers.DateField(allow_null=True)
    until = serializers.DateField(allow_null=True)
    last_days = serializers.IntegerField(allow_null=True)


class TermsShown(serializers.Serializer[Any]):
    version = serializers.IntegerField(source="number")
    digest = serializers.CharField(help_text="SHA-256 of both sides and all terms, hexadecimal.")
    agreed_at = serializers.DateTimeField(allow_null=True)
    actions = serializers.ListField(
        source="read.actions", child=serializers.ChoiceField(choices=list(ACTIONS))
    )
    purpose = serializers.ChoiceField(source="read.purpose", choices=list(PURPOSES.items()))
    filter = FilterShown(source="read.filter", help_text="Empty fields do not narrow.")
    channels = serializers.ListField(
        source="read.channels", child=serializers.ChoiceField(choices=Channel.choices)
    )
    networks = serializers.ListField(source="read.networks", child=serializers.CharField())
    transform = serializers.ChoiceField(source="read.transform", choices=Transform.choices)
    studies_per_day = serializers.IntegerField(source="read.studies_per_day", allow_null=True)
    valid_from = serializers.DateTimeField()
    valid_until = serializers.DateTimeField()
    text = serializers.CharField(source="read.text")


class GrantShown(serializers.Serializer[Line]):
    id = serializers.UUIDField(source="grant.pk")
    custodian = Side(source="grant.custodian", help_text="Whose studies are seen.")
    recipient = Side(source="grant.recipient", help_text="By whom.")
    state = serializers.ChoiceField(source="grant.state", choices=GrantState.choices)
    counts_now = serializers.BooleanField(
        source="counts", help_text="Whether anything passes at this moment."
    )
    stopped_by_custodian_at = serializers.DateTimeField(
        source="grant.custodian_stopped_at", allow_null=True
    )
    stopped_by_recipient_at = serializers.DateTimeField(
        source="grant.recipient_stopped_at", allow_null=True
    )
    ended_at = serializers.DateTimeField(source="grant.ended_at", allow_null=True)
    used_today = serializers.IntegerField(help_text="Studies that were opened today (UTC).")
    last_used_at = serializers.DateTimeField(source="last_used", allow_null=True)
    agreed = TermsShown(
        source="grant.version", allow_null=True, help_text="The terms that both agreed to last."
    )
    asked = TermsShown(allow_null=True, help_text="Terms that wait for an answer.")
    yes_wanted = serializers.BooleanField(
        source="asks_me", help_text="Whether they wait for the yes of whoever asks."
    )


class Pages(PageNumberPagination):
    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200


class Grants(APIView):
    access_rule = Action.AGREE
    pagination_class = Pages  # for the description; a grant's line is no row of a table

    @extend_schema(operation_id="grants_list", responses=GrantShown(many=True))
    def get(self, request: Request) -> Response:
        """What your institution has agreed with others, or is asked to: the newest first."""
        pages = Pages()
        page = pages.paginate_queryset(lines(_by(request)), request)
        return pages.get_paginated_response(GrantShown(page or [], many=True).data)  # type: ignore[arg-type]


class Grant(APIView):
    access_rule = Action.AGREE

    @extend_schema(operation_id="grants_retrieve", responses=GrantShown)
    def get(self, request: Request, grant_id: uuid.UUID) -> Response:
        """One of them, with all its terms."""
        return Response(GrantShown(line(_by(request), grant_id)).data)


class Stop(APIView):
    access_rule = Action.AGREE

    @extend_schema(operation_id="grants_stop", request=None, responses=GrantShown)
    def post(self, request: Request, grant_id: uuid.UUID) -> Response:
        """Stop it at once: nothing passes any more, until your side lets it go on at its page."""
        actions.stop(grant_id, by=_by(request))
        return Response(GrantShown(line(_by(request), grant_id)).data)


def _by(request: Request) -> Principal:
    return request._request.principal  # type: ignore[attr-defined]
