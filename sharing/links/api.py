"""Share links, and opening them, for programs."""

import datetime
import uuid
from collections.abc import Sequence
from typing import Any, ClassVar

from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.pagination import PageNumberPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from sharing.access import gate
from sharing.access.principal import Principal
from sharing.access.rules import Action, Rule
from sharing.audit.actions import record
from sharing.audit.rules import Act
from sharing.jobs.actions import idempotent
from sharing.links import actions, principal, queries
from sharing.links.forms import ClaimForm
from sharing.links.models import Claim, ShareLink
from sharing.links.rules import MOST_USES, Factor, LinkState, masked


class Pages(PageNumberPagination):
    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200


class Chosen(serializers.Serializer[Any]):
    study = serializers.UUIDField(help_text="The study's id.")
    series = serializers.ListField(
        child=serializers.UUIDField(),
        required=False,
        allow_empty=False,
        max_length=1000,
        help_text="Ids of the series to give. Without it the whole study is given, with the "
        "series that are still on their way.",
    )


class NewLink(serializers.Serializer[Any]):
    items = Chosen(many=True, allow_empty=False, help_text="What the link gives.")
    days = serializers.IntegerField(
        required=False, min_value=1, max_value=30, help_text="How long the link is open."
    )
    may_download = serializers.BooleanField(
        default=False, help_text="Whether the files can be downloaded, not only viewed."
    )
    max_uses = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=1,
        max_value=MOST_USES,
        help_text="How often the link may be opened; without it as often as needed.",
    )
    note = serializers.CharField(
        required=False, allow_blank=True, max_length=2000, help_text="For the reader."
    )
    recipient_name = serializers.CharField(required=False, allow_blank=True, max_length=120)
    recipient_email = serializers.EmailField(
        required=False, allow_blank=True, help_text="Needed for the factor `mailbox`."
    )
    factor = serializers.ChoiceField(
        choices=Factor.choices,
        default=Factor.PASSCODE,
        help_text="How the recipient proves who they are.",
    )


class Extension(serializers.Serializer[Any]):
    days = serializers.IntegerField(min_value=1, max_value=30, help_text="Counted from now.")


class LinkShown(serializers.Serializer[ShareLink]):
    id = serializers.UUIDField()
    state = serializers.ChoiceField(choices=LinkState.choices)
    created_at = serializers.DateTimeField()
    created_by = serializers.EmailField(source="created_by.email")
    expires_at = serializers.DateTimeField()
    revoked_at = serializers.DateTimeField(allow_null=True)
    may_download = serializers.BooleanField()
    max_uses = serializers.IntegerField(allow_null=True)
    uses = serializers.IntegerField(help_text="How often it was opened.")
    last_opened_at = serializers.DateTimeField(source="last_claim_at", allow_null=True)
    note = serializers.CharField()
    recipient_name = serializers.CharField()
    recipient_email = serializers.CharField()
    factor = serializers.ChoiceField(choices=Factor.choices)
    items = serializers.SerializerMethodField(help_text="What the link gives.")

    @extend_schema_field(Chosen(many=True))
    def get_items(self, link: ShareLink) -> list[dict[str, Any]]:
        return [
            {"study": str(one.study.pk)}
            | ({} if one.whole else {"series": sorted(map(str, one.series_ids))})
            for one in self.context["contents"].get(link.pk, [])
        ]


class LinkMade(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="link.pk")
    url = serializers.URLField(help_text="The link itself. It is shown this one time.")
    passcode = serializers.CharField(
        allow_blank=True,
        help_text="Shown this one time. Pass it on by another way than the link. Empty for the "
        "factor `mailbox`.",
    )
    expires_at = serializers.DateTimeField(source="link.expires_at")
    link = serializers.SerializerMethodField(help_text="Where the API has it.")

    @extend_schema_field(OpenApiTypes.URI_REF)
    def get_link(self, made: actions.NewLink) -> str:
        return reverse("api-link", args=[made.link.pk])


class ClaimShown(serializers.Serializer[Claim]):
    id = serializers.UUIDField()
    opened_at = serializers.DateTimeField(source="created_at")
    ends_at = serializers.DateTimeField(source="expires_at")
    address = serializers.CharField(help_text="From where: the IP address.")
    device = serializers.CharField(help_text="With what, such as: Chrome on Windows.")


class Opening(serializers.Serializer[Any]):
    link = serializers.CharField(
        max_length=2000, help_text="The whole link, or what stands in it behind the #."
    )
    passcode = serializers.CharField(required=False, allow_blank=True, max_length=40)
    code = serializers.CharField(
        required=False, allow_blank=True, max_length=40, help_text="The mailed code."
    )
    send_code = serializers.BooleanField(
        required=False, help_text="Have a new code mailed, for the factor `mailbox`."
    )


class Opened(serializers.Serializer[Any]):
    open = serializers.CharField(
        required=False,
        help_text="Where the images are. The cookie that comes with this answer opens it, and "
        "the DICOMweb service below it at `dicom-web/`.",
    )
    needs = serializers.ChoiceField(
        choices=["passcode", "code"], required=False, help_text="What is asked for first."
    )
    mailbox = serializers.CharField(
        required=False, help_text="Where a code is mailed to, for its owner to recognise."
    )
    sent = serializers.BooleanField(required=False, help_text="Whether a code was mailed now.")


class Links(GenericAPIView[ShareLink]):
    access_rule: ClassVar = {"GET": Action.SHARE, "POST": Action.SHARE}
    pagination_class = Pages
    serializer_class = LinkShown

    @extend_schema(
        operation_id="links_list",
        responses=LinkShown(many=True),
        parameters=[
            OpenApiParameter("state", enum=LinkState.values, description="Only links like this."),
            OpenApiParameter(
                "study", OpenApiTypes.UUID, description="Only links that give this study."
            ),
        ],
    )
    def get(self, request: Request) -> Response:
        """Your share links, the newest first; for an administrator the whole institution's."""
        by = _by(request)
        found = queries.links_for(by)
        wanted = _Filter(data=request.query_params)
        wanted.is_valid(raise_exception=True)
        if wanted.validated_data.get("state"):
            found = queries.in_state(found, LinkState(wanted.validated_data["state"]))
        if wanted.validated_data.get("study"):
            found = found.filter(items__study=wanted.validated_data["study"]).distinct()
        page = self.paginate_queryset(found) or []
        record(Act.LINKS_LISTED, by=by, count=len(page))
        return self.get_paginated_response(_shown(by, page, many=True))

    @extend_schema(operation_id="links_create", request=NewLink, responses={201: LinkMade})
    @idempotent
    def post(self, request: Request) -> Response:
        """Make a share link. The answer holds its secret and its passcode, this one time."""
        given = NewLink(data=request.data)
        given.is_valid(raise_exception=True)
        wishes = dict(given.validated_data)
        days = wishes.pop("days", None)
        by = _by(request)
        made = actions.create_link(
            items=_chosen(by, wishes.pop("items")),
            lifetime=datetime.timedelta(days=days) if days else None,
            by=by,
            **wishes | {"factor": Factor(wishes["factor"])},
        )
        return Response(LinkMade(made).data, status=201)


class _Filter(serializers.Serializer[Any]):
    state = serializers.ChoiceField(choices=LinkState.choices, required=False)
    study = serializers.UUIDField(required=False)


class Link(APIView):
    access_rule = Action.SHARE

    @extend_schema(operation_id="links_retrieve", responses=LinkShown)
    def get(self, request: Request, link_id: uuid.UUID) -> Response:
        """One share link. Its secret is not kept and cannot be shown again."""
        by = _by(request)
        link = queries.link_for(by, link_id)
        record(Act.LINKS_LISTED, by=by, link_id=link.pk, count=1)
        return Response(_shown(by, link))


class Revoke(APIView):
    access_rule = Action.SHARE

    @extend_schema(operation_id="links_revoke", request=None, responses=LinkShown)
    def post(self, request: Request, link_id: uuid.UUID) -> Response:
        """Close a link for good, with everything that was opened by it. Again does no harm."""
        by = _by(request)
        return Response(_shown(by, actions.revoke_link(link_id, by=by)))


class Extend(APIView):
    access_rule = Action.SHARE

    @extend_schema(operation_id="links_extend", request=Extension, responses=LinkShown)
    def post(self, request: Request, link_id: uuid.UUID) -> Response:
        """Let a link serve for longer: at most 30 days from now."""
        by = _by(request)
        given = Extension(data=request.data)
        given.is_valid(raise_exception=True)
        lifetime = datetime.timedelta(days=given.validated_data["days"])
        return Response(_shown(by, actions.extend_link(link_id, lifetime=lifetime, by=by)))


class Claims(GenericAPIView[Claim]):
    access_rule = Action.SHARE
    pagination_class = Pages
    serializer_class = ClaimShown

    @extend_schema(operation_id="links_claims_list", responses=ClaimShown(many=True))
    def get(self, request: Request, link_id: uuid.UUID) -> Response:
        """Every opening of a link: when, and from where."""
        by = _by(request)
        link = queries.link_for(by, link_id)
        record(Act.LINKS_LISTED, by=by, link_id=link.pk, count=1)
        page = self.paginate_queryset(link.claims.order_by("-created_at")) or []
        data = ClaimShown(page, many=True).data  # type: ignore[arg-type]
        return self.get_paginated_response(data)


class NewClaim(APIView):
    """Open to anybody: the link's own secret, and its second factor, are what authorises."""

    access_rule = Rule.ANYBODY
    authentication_classes: Sequence[Any] = ()

    @extend_schema(
        operation_id="claims_create", request=Opening, responses={200: Opened, 201: Opened}, auth=[]
    )
    def post(self, request: Request) -> Response:
        """Open a share link. 201 sets the cookie of the opening, 200 asks for the second factor.

        An unknown, expired, revoked, used-up or locked link is one and the same 404.
        """
        given = Opening(data=request.data)
        given.is_valid(raise_exception=True)
        form = ClaimForm(given.validated_data)
        form.full_clean()
        outcome = self._outcome(request, form)
        if isinstance(outcome, actions.Asked):
            return Response(_question(outcome))
        response = Response({"open": f"/c/{outcome.claim.pk}/"}, status=201)
        for cookie in principal.cookies(outcome.claim, outcome.secret):
            response.set_cookie(**cookie)
        return response

    @staticmethod
    def _outcome(request: Request, form: ClaimForm) -> actions.Claimed | actions.Asked:
        origin = _by(request).origin
        link_id, secret = form.locator()
        wanted = form.cleaned_data
        if wanted["send_code"]:
            return actions.send_code(link_id, secret, origin=origin)
        return actions.claim_link(
            link_id, secret, origin=origin, passcode=wanted["passcode"], code=wanted["code"]
        )


def _question(asked: actions.Asked) -> dict[str, Any]:
    mailed = asked.link.factor == Factor.MAILBOX
    return {
        "needs": "code" if mailed else "passcode",
        "mailbox": masked(asked.link.recipient_email) if mailed else "",
        "sent": asked.code_sent,
    }


def _chosen(by: Principal, items: list[dict[str, Any]]) -> list[actions.Chosen]:
    chosen: list[actions.Chosen] = []
    for item in items:
        study = gate.study(by, Action.SHARE, id=item["study"], act=None)
        wanted = item.get("series")
        if not wanted:
            chosen.append((study, None))
            continue
        found = queries.series_named(by, study, wanted)
        chosen += [(study, one) for one in found]
    return chosen


def _shown(by: Principal, links: Any, *, many: bool = False) -> Any:
    contents = queries.contents(by, links if many else [links])
    return LinkShown(links, many=many, context={"contents": contents}).data


def _by(request: Request) -> Principal:
    return request._request.principal  # type: ignore[attr-defined]
