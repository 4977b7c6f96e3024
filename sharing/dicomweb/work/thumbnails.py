"""Small pictures, drawn once and kept beside the images."""

from typing import NoReturn

from sharing.access import gate
from sharing.access.principal import Principal
from sharing.access.rules import Action
from sharing.dicom.guard import GuardError
from sharing.dicom.render import NoPictureError, UndecodableError, Viewport
from sharing.dicomweb.rules.asked import THUMBNAIL
from sharing.dicomweb.work import pixels
from sharing.kernel.errors import NotThereError
from sharing.storage.objects import ObjectMissingError, store
from sharing.studies.models import Instance, Series

QUALITY = 80


def of_series(principal: Principal, series: Series) -> Instance:
    """The instance that stands for a series: the middle one of those with a picture."""
    pictured = gate.instances_of(principal, series, Action.VIEW).filter(frame_count__gt=0)
    count = pictured.count()
    if not count:
        raise NotThereError
    return pictured.select_related("header")[count // 2]


def drawn(instance: Instance, viewport: Viewport, number: int = 1, *, by: Principal) -> bytes:
    """The thumbnail of a frame; NotThereError where nothing can be drawn.

    Only the usual size is kept: whoever asks for every size there is would fill the store.
    """
    if viewport != THUMBNAIL:
        return _draw(instance, viewport, number, by) or _nothing()
    key = f"thumbnails/{instance.pk.hex}/{number}-{viewport.width}x{viewport.height}.jpg"
    picture = _kept(key)
    if picture is None:
        picture = _draw(instance, viewport, number, by)
        store().put_bytes(key, picture)
    return picture or _nothing()


def _nothing() -> NoReturn:
    raise NotThereError


def _kept(key: str) -> bytes | None:
    try:
        return store().read(key, 0, store().size(key))
    except ObjectMissingError:
        return None


def _draw(instance: Instance, viewport: Viewport, number: int, by: Principal) -> bytes:
    """The picture, or nothing for a damaged file, so that it is tried only once."""
    try:
        return pixels.drawn(instance, number, viewport=viewport, quality=QUALITY, by=by)
    except (NoPictureError, UndecodableError):
        return b""
    except GuardError as error:
        if error.status >= 500:
            raise
        return b""
