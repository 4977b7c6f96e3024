"""QIDO-RS (PS3.18 section 10.6)."""

import itertools

from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.http import require_safe

from sharing.access import gate
from sharing.access.gate import declares
from sharing.access.rules import Action
from sharing.audit.rules import Act
from sharing.dicomweb import queries
from sharing.dicomweb.rules import asked
from sharing.dicomweb.rules.accept import wants_json
from sharing.dicomweb.views.answers import NotAcceptableError, accepted, json, principal_of


def _terms(request: HttpRequest) -> dict[str, str]:
    if not wants_json(accepted(request)):
        raise NotAcceptableError("Search results are given as application/dicom+json.")
    return queries.by_name(request.GET.dict())


@require_safe
@declares(Action.SEARCH)
def studies(request: HttpRequest) -> HttpResponseBase:
    terms, principal = _terms(request), principal_of(request)
    offset, limit = asked.page(request.GET)
    gate.searched(principal, terms)
    return json(list(queries.studies(principal, terms, offset, limit)))


@require_safe
@declares(Action.SEARCH)
def series(request: HttpRequest, study_uid: str) -> HttpResponseBase:
    terms, principal = _terms(request), principal_of(request)
    study = gate.study(principal, Action.SEARCH, uid=study_uid, act=Act.SEARCHED)
    offset, limit = asked.page(request.GET)
    found = queries.series(principal, study, terms)[offset : offset + limit]
    return json([queries.series_json(study, one) for one in found])


@require_safe
@declares(Action.SEARCH)
def instances(request: HttpRequest, study_uid: str) -> HttpResponseBase:
    terms, principal = _terms(request), principal_of(request)
    study = gate.study(principal, Action.SEARCH, uid=study_uid, act=Act.SEARCHED)
    offset, limit = asked.page(request.GET)
    found = (
        queries.instance_json(study, series, one)
        for series in queries.series(principal, study, terms)
        for one in queries.instances(principal, series, terms)
    )
    return json(list(itertools.islice(found, offset, offset + limit)))


@require_safe
@declares(Action.SEARCH)
def series_instances(request: HttpRequest, study_uid: str, series_uid: str) -> HttpResponseBase:
    terms, principal = _terms(request), principal_of(request)
    found = gate.series(
        principal, Action.SEARCH, study_uid=study_uid, uid=series_uid, act=Act.SEARCHED, searches=1
    )
    offset, limit = asked.page(request.GET)
    inside = queries.instances(principal, found, terms)[offset : offset + limit]
    return json([queries.instance_json(found.study, found, one) for one in inside])
