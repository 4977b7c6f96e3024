"""Studies that are sent, for programs."""

import datetime
import uuid
from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.pagination import PageNumberPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from sharing.access.principal import Principal
from sharing.access.rules import Action
from sharing.audit.actions import record
from sharing.audit.rules import Act
from sharing.grants.actions import offers as actions
from sharing.grants.models import Offer
from sharing.grants.queries import offers as queries
from sharing.grants.rules.offers import (
    LONGEST,
    LONGEST_NOTE,
    LONGEST_WHY,
    USUAL,
    OfferState,
    Priority,
)
from sharing.jobs.actions import idempotent


class Pages(PageNumberPagination):
    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200


class NewOffer(serializers.Serializer[Any]):
    study = serializers.UUIDField(help_text="The study's id.")
    recipient = serializers.UUIDField(help_text="The institution's id.")
    person = serializers.EmailField(
        required=False,
        allow_blank=True,
        help_text="For one person there alone, where the institution allows that.",
    )
    priority = serializers.ChoiceField(choices=Priority.choices, default=Priority.ROUTINE)
    note = serializers.CharField(required=False, allow_blank=True, max_length=LONGEST_NOTE)
    may_download = serializers.BooleanField(
        default=False, help_text="Whether the files can be downloaded, not only viewed."
    )
    days = serializers.IntegerField(
        default=USUAL.days, min_value=1, max_value=LONGEST.days, help_text="How long it is open."
    )


class Reason(serializers.Serializer[Any]):
    why = serializers.CharField(max_length=LONGEST_WHY, help_text="The sender reads this.")


class OfferShown(serializers.Serializer[Offer]):
    id = serializers.UUIDField()
    study = serializers.UUIDField(source="study_id")
    sender = serializers.CharField(source="sender.name")
    recipient = serializers.CharField(source="recipient.name")
    person = serializers.EmailField(source="person.email", allow_null=True, default=None)
    priority = serializers.ChoiceField(choices=Priority.choices)
    note = serializers.CharField()
    may_download = serializers.BooleanField()
    state = serializers.ChoiceField(choices=OfferState.choices)
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    opened_at = serializers.DateTimeField(allow_null=True)
    answered_at = serializers.DateTimeField(allow_null=True)
    declined_why = serializers.CharField()
    ended_at = serializers.DateTimeField(allow_null=True)


class _Filter(serializers.Serializer[Any]):
    box = serializers.ChoiceField(choices=["received", "sent"], default="received")
    state = serializers.ChoiceField(choices=OfferState.choices, required=False)


class Offers(GenericAPIView[Offer]):
    access_rule: ClassVar = {"GET": Action.VIEW, "POST": Action.SHARE}
    pagination_class = Pages
    serializer_class = OfferShown

    @extend_schema(
        operation_id="offers_list",
        responses=OfferShown(many=True),
        parameters=[
            OpenApiParameter("box", enum=["received", "sent"], description="What came, or went."),
            OpenApiParameter("state", enum=OfferState.values, description="Only those like this."),
        ],
    )
    def get(self, request: Request) -> Response:
        """Studies that were sent to your institution, or by it; the newest first."""
        by = _by(request)
        wanted = _Filter(data=request.query_params)
        wanted.is_valid(raise_exception=True)
        box = wanted.validated_data["box"]
        found = queries.sent(by) if box == "sent" else queries.received(by)
        if state := wanted.validated_data.get("state"):
            found = found.filter(state=state)
        page = self.paginate_queryset(found.order_by("-created_at", "-pk")) or []
        record(Act.INBOX_READ, by=by, tab=box, count=len(page))
        return self.get_paginated_response(OfferShown(page, many=True).data)  # type: ignore[arg-type]

    @extend_schema(operation_id="offers_create", request=NewOffer, responses={201: OfferShown})
    @idempotent
    def post(self, request: Request) -> Response:
        """Send a study: it is in the other institution's inbox at once, and no copy is made."""
        given = NewOffer(data=request.data)
        given.is_valid(raise_exception=True)
        wishes = dict(given.validated_data)
        made = actions.send(
            wishes.pop("study"),
            to=wishes.pop("recipient"),
            lasts=datetime.timedelta(days=wishes.pop("days")),
            priority=Priority(wishes.pop("priority")),
            by=_by(request),
            **wishes,
        )
        return Response(OfferShown(made).data, status=201)


class Accept(APIView):
    access_rule = Action.VIEW

    @extend_schema(operation_id="offers_accept", request=None, responses=OfferShown)
    def post(self, request: Request, offer_id: uuid.UUID) -> Response:
        """Accept a study that was sent. It could be read before, too."""
        return Response(OfferShown(actions.accept(offer_id, by=_by(request))).data)


class Decline(APIView):
    access_rule = Action.VIEW

    @extend_schema(operation_id="offers_decline", request=Reason, responses=OfferShown)
    def post(self, request: Request, offer_id: uuid.UUID) -> Response:
        """Decline a study that was sent; from then on it is out of reach."""
        given = Reason(data=request.data)
        given.is_valid(raise_exception=True)
        declined = actions.decline(offer_id, why=given.validated_data["why"], by=_by(request))
        return Response(OfferShown(declined).data)


class Withdraw(APIView):
    access_rule = Action.SHARE

    @extend_schema(operation_id="offers_withdraw", request=None, responses=OfferShown)
    def post(self, request: Request, offer_id: uuid.UUID) -> Response:
        """Take back a study that your institution has sent, from this moment on."""
        return Response(OfferShown(actions.withdraw(offer_id, by=_by(request))).data)


def _by(request: Request) -> Principal:
    return request._request.principal  # type: ignore[attr-defined]
