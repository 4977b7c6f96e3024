"""The API does what its own description says, whatever is sent to it."""

import datetime
import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from portal.wsgi import application
from sharing.credentials.actions import create_token
from sharing.ingest import actions as ingest
from sharing.ingest.api.batch import BODY_TYPE
from sharing.links import actions as links
from tests import factories as f
from tests.grants.making import sent

api = schemathesis.openapi.from_wsgi("/api/schema/?format=json", application)
# A number where a text is wanted is taken as written, as forms do; and no schema can say which cursor
# is one of ours, or that an end is later than the last.
BEYOND_A_DESCRIPTION: list[Any] = [negative_data_rejection, positive_data_acceptance]


def _batch(files: list[tuple[str, bytes]]) -> bytes:
    index = {"files": [{"path": path, "size": len(data)} for path, data in files]}
    return json.dumps(index).encode() + b"\n" + b"".join(data for _, data in files)


FILES = st.tuples(st.text(max_size=20), st.binary(min_size=1, max_size=50))
schemathesis.openapi.media_type(
    BODY_TYPE, st.binary(max_size=200) | st.lists(FILES, max_size=5).map(_batch)
)
# What is there to be found, by the name of the path's parameter.
there: dict[str, str] = {}


@pytest.fixture
def _one_connection() -> Iterator[None]:
    """The requests and the test share a transaction, so no request may end its connection."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def token(db: None, _one_connection: None) -> Iterator[str]:
    """Ada's token; her institution has a study, a link to it, and an upload under way."""
    ada = f.principal("Ada")
    study = f.study(ada)
    link = links.create_link(items=[(study, None)], lifetime=datetime.timedelta(days=7), by=ada)
    upload = ingest.start_upload(by=ada)
    offer = sent(f.study(ada, number=2), by="Ada")
    there.update(study_id=str(study.pk), link_id=str(link.link.pk), upload_id=str(upload.pk))
    there.update(offer_id=str(offer.pk))
    made = create_token(membership=f.member("Ada"), lifetime=datetime.timedelta(hours=1), by=ada)
    yield made.text
    there.clear()


@api.hook
def map_path_parameters(context: Any, path_parameters: dict[str, Any] | None) -> Any:
    """Every other address that could be right is one that is."""
    for name, value in (path_parameters or {}).items():
        if name in there and _is_odd(value):
            path_parameters[name] = there[name]  # type: ignore[index]
    return path_parameters


def _is_odd(value: Any) -> bool:
    try:
        return uuid.UUID(str(value)).int % 2 == 1
    except ValueError:
        return False


@api.parametrize()
@settings(max_examples=20, suppress_health_check=list(HealthCheck), deadline=None)
def test_every_answer_is_one_that_the_description_names(
    case: schemathesis.Case, token: str
) -> None:
    case.call_and_validate(
        headers={"Authorization": f"Bearer {token}"}, excluded_checks=BEYOND_A_DESCRIPTION
    )
