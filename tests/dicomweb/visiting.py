"""Visitors with a link, and members, as programs that ask for images."""

import dataclasses
import io
from typing import Any

import numpy as np
import orjson
from django.test import Client
from PIL import Image

from sharing.access.principal import Principal
from sharing.kernel.requests import Origin
from sharing.links import actions as links
from sharing.links.models import ShareLink
from sharing.studies.models import Instance, Series, Study
from tests import factories as make

OCTETS = "application/octet-stream; transfer-syntax=*"


@dataclasses.dataclass(frozen=True)
class Reader:
    """Somebody who reads images below `prefix`: a member at "", a visitor at /c/<claim>."""

    client: Client
    prefix: str = ""
    link: ShareLink | None = None

    def get(self, path: str, accept: str = "*/*", **query: str) -> Any:
        address = f"{self.prefix}/dicom-web/{path}"
        return self.client.get(address, query, headers={"Accept": accept})

    def page(self, study: Study, **query: str) -> Any:
        where = f"/viewer/{study.pk}/" if self.prefix else f"/studies/{study.pk}/viewer/"
        return self.client.get(self.prefix + where, query)

    def pixels(self, instance: Instance, frame: int = 1, **query: str) -> "np.ndarray[Any, Any]":
        answer = self.get(f"{path(instance)}/frames/{frame}/rendered", "image/png", **query)
        assert answer.status_code == 200, answer.content
        return np.asarray(Image.open(io.BytesIO(answer.content)))


def member(name: str = "Rosa") -> Reader:
    return Reader(make.browser(name))


def visitor(
    study: Study, *series: Series, by: Principal | None = None, may_download: bool = False
) -> Reader:
    """Somebody who opened a link to the study, or to these series of it."""
    made = links.create_link(
        items=[(study, one) for one in series] or [(study, None)],
        by=by or make.principal("Ada"),
        may_download=may_download,
        note="Is this nodule new?",
    )
    opened = links.claim_link(
        made.link.pk,
        made.url.rpartition(".")[2],
        origin=Origin("192.0.2.9"),
        passcode=made.passcode,
    )
    assert isinstance(opened, links.Claimed)
    client = Client()
    client.cookies["claim"] = opened.secret
    return Reader(client, f"/c/{opened.claim.pk}", made.link)


def path(of: Study | Series | Instance) -> str:
    """Where something is below /dicom-web/."""
    if isinstance(of, Study):
        return f"studies/{of.uid}"
    if isinstance(of, Series):
        return f"{path(of.study)}/series/{of.uid}"
    return f"{path(of.series)}/instances/{of.uid}"


def body(answer: Any) -> bytes:
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


def stored(data: bytes, name: str = "Ben") -> Instance:
    """The instance of a file that was just uploaded."""
    by = make.principal(name)
    received = make.upload(by, data).files.get()
    assert received.instance_id is not None, received.reason
    return Instance.objects.get(pk=received.instance_id)


def headers(reader: Reader, of: Study | Series | Instance) -> list[dict[str, Any]]:
    """The DICOM JSON of every instance in it."""
    found: list[dict[str, Any]] = orjson.loads(body(reader.get(f"{path(of)}/metadata")))
    return found
