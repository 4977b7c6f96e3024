"""The worklist, a study and the activity, for programs."""

import base64
import binascii
import datetime
import uuid
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from drf_spectacular.views import SpectacularAPIView
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from sharing.access import gate
from sharing.access.principal import Principal
from sharing.access.rules import Action, Rule
from sharing.audit.actions import record
from sharing.audit.models import AuditEvent
from sharing.audit.queries import Asked, matching, newest, of_institution
from sharing.audit.rules import Act, Outcome
from sharing.console import queries
from sharing.console.forms import STATUSES
from sharing.kernel.errors import InvalidInputError
from sharing.studies.models import Patient, Series, Study
from sharing.studies.queries import NEWEST_FIRST, ORDERS, Wanted, ordered_page

LARGEST_PAGE = 200


def _by(request: Request) -> Principal:
    return request._request.principal  # type: ignore[attr-defined]


# ---- Cursors: where a list goes on, opaque to the client -----------------------------------------


def _cursor(place: Any) -> str | None:
    if place is None:
        return None
    return base64.urlsafe_b64encode(str(place).encode()).decode().rstrip("=")


def _place(cursor: str) -> str:
    try:
        return base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
    except (binascii.Error, ValueError):
        raise _no_cursor() from None


def _no_cursor() -> InvalidInputError:
    return InvalidInputError(fields={"cursor": ["This cursor is none of this list's."]})


class Paged(serializers.Serializer[Any]):
    cursor = serializers.CharField(
        required=False, max_length=100, help_text="`next` of the page before; opaque."
    )
    page_size = serializers.IntegerField(
        required=False, min_value=1, max_value=LARGEST_PAGE, default=50
    )


# ---- Studies -------------------------------------------------------------------------------------


class StudyFilters(Paged):
    search = serializers.CharField(
        required=False,
        max_length=200,
        help_text="Words of name, ID, accession, description, referrer; accents do not matter.",
    )
    modality = serializers.CharField(required=False, max_length=16, help_text="Such as `CT`.")
    patient_id = serializers.CharField(required=False, max_length=128, help_text="Exactly.")
    since = serializers.DateField(required=False, help_text="First study date.")
    until = serializers.DateField(required=False, help_text="Last study date.")
    status = serializers.ChoiceField(required=False, choices=[name for name in STATUSES if name])
    whose = serializers.ChoiceField(
        required=False,
        choices=["own", "partners"],
        default="own",
        help_text="The institution's own studies, or what partners give.",
    )
    sort = serializers.ChoiceField(
        required=False,
        choices=[f"{sign}{name}" for name in ORDERS for sign in ("", "-")],
        default=NEWEST_FIRST,
        help_text="A minus sign reverses.",
    )


class PatientShown(serializers.ModelSerializer[Patient]):
    class Meta:
        model = Patient
        fields = ("id", "patient_id", "issuer", "name", "display_name", "birth_date", "sex")


STUDY_FIELDS: tuple[str, ...] = (
    *("id", "uid", "patient", "date", "time", "accession_number", "study_id"),
    *("description", "referring_physician", "source_institution", "modalities"),
    *("series_count", "instance_count", "conflict_count", "size"),
    *("first_arrived_at", "last_arrived_at"),
)


class StudyShown(serializers.ModelSerializer[Study]):
    patient = PatientShown()
    modalities = serializers.SerializerMethodField()

    class Meta:
        model = Study
        fields = STUDY_FIELDS

    def get_modalities(self, study: Study) -> list[str]:
        return [one for one in study.modalities.split("\\") if one]


class SeriesShown(serializers.ModelSerializer[Series]):
    class Meta:
        model = Series
        fields = (
            *("id", "uid", "modality", "number", "description", "body_part", "laterality"),
            *("protocol_name", "manufacturer", "instance_count", "frame_count", "size"),
        )


class StudyWithSeries(StudyShown):
    series = serializers.SerializerMethodField()

    class Meta(StudyShown.Meta):
        fields = (*STUDY_FIELDS, "series")

    @extend_schema_field(SeriesShown(many=True))
    def get_series(self, study: Study) -> list[dict[str, Any]]:
        return list(SeriesShown(self.context["series"], many=True).data)


class StudyPage(serializers.Serializer[Any]):
    results = StudyShown(many=True)
    next = serializers.CharField(allow_null=True, help_text="Cursor of the next page.")
    previous = serializers.CharField(allow_null=True, help_text="Cursor of the page before.")


class Studies(APIView):
    """The studies within reach."""

    access_rule = Action.SEARCH

    @extend_schema(
        operation_id="studies_list",
        parameters=[StudyFilters],
        responses=StudyPage,
        tags=["studies"],
    )
    def get(self, request: Request) -> Response:
        """The institution's studies, filtered and in order, a page at a time."""
        asked = StudyFilters(data=request.query_params)
        asked.is_valid(raise_exception=True)
        wanted = asked.validated_data
        tab = wanted["whose"]
        gate.searched(
            _by(request),
            {name: wanted.get(name) for name in _NARROWING},
            partners=tab == "partners",
        )
        found = queries.listed(
            _by(request), _wanted(wanted), tab=tab, shared=wanted.get("status") == "shared"
        )
        page = ordered_page(
            found,
            order=wanted["sort"],
            size=wanted["page_size"],
            within=queries.of_tab(_by(request), tab),
            **_edge(wanted.get("cursor")),
        )
        return Response(
            {
                "results": StudyShown(page.rows, many=True).data,
                "next": _cursor(page.after and f"after:{page.after}"),
                "previous": _cursor(page.before and f"before:{page.before}"),
            }
        )


_NARROWING = ("search", "modality", "patient_id", "since", "until", "status")


def _wanted(asked: dict[str, Any]) -> Wanted:
    return Wanted(
        words=asked.get("search", ""),
        modality=asked.get("modality", ""),
        patient_id=asked.get("patient_id", ""),
        since=_dicom(asked.get("since")),
        until=_dicom(asked.get("until")),
        in_conflict=asked.get("status") == "conflict",
        arriving=asked.get("status") == "arriving",
    )


def _dicom(day: datetime.date | None) -> str:
    return f"{day:%Y%m%d}" if day else ""


def _edge(cursor: str | None) -> dict[str, uuid.UUID]:
    if not cursor:
        return {}
    side, _, edge = _place(cursor).partition(":")
    if side not in ("after", "before"):
        raise _no_cursor()
    try:
        return {side: uuid.UUID(edge)}
    except ValueError:
        raise _no_cursor() from None


class StudyDetail(APIView):
    """One study."""

    access_rule = Action.SEARCH

    @extend_schema(operation_id="studies_read", responses=StudyWithSeries, tags=["studies"])
    def get(self, request: Request, study_id: uuid.UUID) -> Response:
        """A study with its patient and its series."""
        study = gate.study(_by(request), Action.SEARCH, id=study_id)
        series = gate.series_of(_by(request), study)
        return Response(StudyWithSeries(study, context={"series": series}).data)


# ---- Activity ------------------------------------------------------------------------------------


class ActivityFilters(Paged):
    person = serializers.CharField(
        required=False, max_length=254, help_text="A part of the e-mail address, or an actor's id."
    )
    study = serializers.UUIDField(required=False)
    link = serializers.UUIDField(required=False)
    action = serializers.ChoiceField(required=False, choices=Act.choices)
    outcome = serializers.ChoiceField(required=False, choices=Outcome.choices)
    since = serializers.DateTimeField(required=False)
    until = serializers.DateTimeField(required=False, help_text="Not included.")


class EventShown(serializers.ModelSerializer[AuditEvent]):
    detail = serializers.DictField()

    class Meta:
        model = AuditEvent
        fields = (
            *("uid", "schema", "at", "action", "outcome", "custodian_id", "actor_kind", "actor_id"),
            *("actor_name", "actor_institution_id", "credential", "credential_id", "address"),
            *("agent", "channel", "study_id", "link_id", "upload_id", "patient_ref", "reason"),
            "detail",
        )


class EventPage(serializers.Serializer[Any]):
    results = EventShown(many=True)
    next = serializers.CharField(allow_null=True, help_text="Cursor of the next page.")


class Activity(APIView):
    """Who did what to which study. Rows hold ids and keyed references, no patient's name."""

    access_rule = Action.REVIEW

    @extend_schema(
        operation_id="activity_list",
        parameters=[ActivityFilters],
        responses=EventPage,
        tags=["activity"],
    )
    def get(self, request: Request) -> Response:
        """The institution's activity, newest first. Reading it is written down as well."""
        form = ActivityFilters(data=request.query_params)
        form.is_valid(raise_exception=True)
        asked = dict(form.validated_data)
        size, cursor = asked.pop("page_size"), asked.pop("cursor", "")
        record(Act.ACTIVITY_READ, by=_by(request), fields=sorted(asked))
        found = matching(of_institution(_by(request).whole_institution), Asked(**asked))
        rows, more = newest(found, before=_row(cursor), size=size)
        return Response({"results": EventShown(rows, many=True).data, "next": _cursor(more)})


def _row(cursor: str) -> int | None:
    if not cursor:
        return None
    place = _place(cursor)
    if not place.isdecimal() or len(place) > 18:
        raise _no_cursor()
    return int(place)


# ---- The description of all this -----------------------------------------------------------------


class Schema(SpectacularAPIView):
    """The API's description, the same for everybody."""

    access_rule = Rule.ANYBODY
    authentication_classes = []

    @extend_schema(
        operation_id="schema_read",
        parameters=[
            OpenApiParameter(
                "format", OpenApiTypes.STR, enum=["json", "yaml"], description="Of it."
            )
        ],
        responses={200: OpenApiTypes.OBJECT},
        tags=["schema"],
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """This description, as OpenAPI 3.1."""
        return super().get(request, *args, **kwargs)
