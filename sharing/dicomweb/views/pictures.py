"""Pictures made by the server: rendered frames and thumbnails (PS3.18 sections 10.4.1.1.3, .4)."""

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.views.decorators.http import require_safe

from sharing.access import gate
from sharing.access.gate import declares
from sharing.access.rules import Action
from sharing.audit.rules import Act
from sharing.dicomweb.rules import accept, asked
from sharing.dicomweb.views.answers import (
    NotAcceptableError,
    Uids,
    accepted,
    instance_of,
    kept,
    principal_of,
)
from sharing.dicomweb.views.retrieve import document
from sharing.dicomweb.work import pixels, thumbnails
from sharing.studies.models import Instance


@require_safe
@declares(Action.VIEW)
def rendered_frame(
    request: HttpRequest, study_uid: str, series_uid: str, uid: str, number: str
) -> HttpResponseBase:
    return _rendered(request, (study_uid, series_uid, uid), asked.frame_numbers(number)[0])


@require_safe
@declares(Action.VIEW)
def rendered(request: HttpRequest, study_uid: str, series_uid: str, uid: str) -> HttpResponseBase:
    if accept.wants(accepted(request), "application/pdf"):
        return document(request, study_uid, series_uid, uid)
    return _rendered(request, (study_uid, series_uid, uid), 1)


def _rendered(request: HttpRequest, uids: Uids, number: int) -> HttpResponseBase:
    media_type = accept.picture_type(accepted(request))
    if media_type is None:
        raise NotAcceptableError("Pictures are given as image/jpeg or image/png.")
    window, viewport = (
        asked.window(_given(request, "window")),
        asked.viewport(_given(request, "viewport")),
    )
    quality = asked.quality(_given(request, "quality"))
    instance = instance_of(request, Action.VIEW, uids, pictures=1)
    picture = pixels.drawn(
        instance,
        number,
        window=window,
        viewport=viewport,
        media_type=media_type,
        quality=quality,
        by=principal_of(request),
    )
    return kept(HttpResponse(picture, content_type=media_type), request)


def _given(request: HttpRequest, name: str) -> str:
    return request.GET.get(name, "")


@require_safe
@declares(Action.VIEW)
def series_thumbnail(request: HttpRequest, study_uid: str, series_uid: str) -> HttpResponseBase:
    principal = principal_of(request)
    series = gate.series(
        principal,
        Action.VIEW,
        study_uid=study_uid,
        uid=series_uid,
        act=Act.IMAGES_VIEWED,
        thumbnails=1,
    )
    return _thumbnail(request, thumbnails.of_series(principal, series))


@require_safe
@declares(Action.VIEW)
def instance_thumbnail(
    request: HttpRequest, study_uid: str, series_uid: str, uid: str
) -> HttpResponseBase:
    uids = study_uid, series_uid, uid
    return _thumbnail(request, instance_of(request, Action.VIEW, uids, thumbnails=1))


def _thumbnail(request: HttpRequest, instance: Instance) -> HttpResponseBase:
    viewport = asked.thumbnail_viewport(_given(request, "viewport"))
    picture = thumbnails.drawn(instance, viewport, by=principal_of(request))
    return kept(HttpResponse(picture, content_type="image/jpeg"), request)
