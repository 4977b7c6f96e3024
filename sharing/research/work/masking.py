"""What a reviewer blackens in a copy that still waits in the store."""

import hashlib
from typing import NamedTuple

import orjson
from django.db import transaction

from sharing.deid import pixels
from sharing.deid.ledger import Entry, from_json, to_json
from sharing.dicom.refusal import RefusedError
from sharing.kernel.errors import InvalidInputError, SharingError
from sharing.research.models import Item
from sharing.research.work import comparing, files, making, vault
from sharing.storage.objects import store

DRAWN = "A reviewer blackened a rectangle in every frame."
PIXELS = "(7FE0,0010)"


class Box(NamedTuple):
    """A rectangle, in pixels of the frame from its upper left corner."""

    x: int
    y: int
    width: int
    height: int


def mask(item: Item, box: Box, *, secret: bytes) -> None:
    """Put a masked copy in the place of the one that waits, with a ledger that says so.

    In the caller's transaction; what it takes the place of goes once that stands.
    """
    with files.copied(item.output_key, of=item.release_id) as path:
        shape = comparing.shape(path)
        if not _is_inside(box, shape):
            raise InvalidInputError("This rectangle does not lie in the picture.")
        drawn = pixels.Box(*box, 1, max(1, shape.frames), pixels.Why.PERSON, DRAWN)
        try:
            done = pixels.mask(path, (drawn,))
        except (RefusedError, SharingError) as error:
            raise InvalidInputError(error.detail) from None
        if done.doubts:
            raise InvalidInputError(" ".join(one.sentence for one in done.doubts))
        with path.open("rb") as source:
            sha256 = hashlib.file_digest(source, "sha256").digest()
        size = path.stat().st_size
        place = f"research/{item.release_id.hex}/{item.pk.hex}-{sha256.hex()}"
        store().put_bytes(f"{place}.ledger", _ledger(item, secret))
        store().put_file(f"{place}.dcm", path, sha256=sha256.hex())
    _replaced(item, place, sha256, size)


def _is_inside(box: Box, shape: comparing.Shape) -> bool:
    return (
        0 <= box.x < shape.columns
        and 0 <= box.y < shape.rows
        and 0 < box.width <= shape.columns - box.x
        and 0 < box.height <= shape.rows - box.y
    )


def _ledger(item: Item, secret: bytes) -> bytes:
    sealed = store().read(item.ledger_key, 0, store().size(item.ledger_key))
    written = orjson.loads(vault.opened(secret, sealed, about=item.pk))
    entries, doubts = from_json(written)
    entries.append(Entry(PIXELS, "PixelData", "C", DRAWN))
    whole = written | to_json(entries, doubts)
    return vault.close(secret, orjson.dumps(whole), about=item.pk)


def _replaced(item: Item, place: str, sha256: bytes, size: int) -> None:
    old = [item.output_key, item.ledger_key]
    item.output_key, item.ledger_key = f"{place}.dcm", f"{place}.ledger"
    item.sha256, item.size, item.masks = sha256, size, item.masks + 1
    item.counts = {**item.counts, "C": item.counts.get("C", 0) + 1}
    item.save(update_fields=["output_key", "ledger_key", "sha256", "size", "masks", "counts"])
    new = {item.output_key, item.ledger_key}
    transaction.on_commit(lambda: making.delete([key for key in old if key not in new]))
