"""Look for text in the frames of one instance: in each of them, in none twice."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Protocol

import numpy as np

from sharing.deid.pixels import children, looking, reader
from sharing.deid.pixels.findings import Settings
from sharing.deid.pixels.looking import Shown
from sharing.dicom.places import BusyError
from sharing.dicom.render import Picture
from sharing.kernel.errors import SharingError

Rectangle = tuple[int, int, int, int]
STILL = 12  # steps of brightness that a block may change and count as the same
BLOCK = 16
KEYS = 4  # frames of a clip that are looked at in all ways, spread over it
MARGIN = 2
PATIENCE = 30.0  # seconds for each megapixel, on a busy machine


class Words(Protocol):
    """What is known of a patient (`known.Known`)."""

    def find(self, text: str) -> Sequence[object]:
        """Where words of the patient stand in a text."""


class Frames(Protocol):
    """Frames by number, from 1."""

    @property
    def picture(self) -> Picture:
        """What the header says of each frame."""

    @property
    def count(self) -> int:
        """How many there are."""

    def payload(self, number: int) -> bytes:
        """Its bytes."""

    def head(self) -> bytes:
        """The data set up to the pixels, if drawing needs it."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece of text: where, how sure, and whether it is the patient's."""

    frame: int
    box: Rectangle
    score: float
    counts: bool
    known: bool


@dataclass(slots=True)
class Survey:
    """What was found.

    Attributes
    ----------
    dark
        The stored value that is shown black.
    unread
        Frames that could not be read, each with a sentence.
    shown
        Some frames as they are seen, by number, for the review page.
    """

    pieces: list[Piece] = field(default_factory=list)
    unread: dict[int, str] = field(default_factory=dict)
    read: int = 0
    dark: int = 0
    shown: dict[int, Shown] = field(default_factory=dict)

    @property
    def certain(self) -> list[Piece]:
        return [piece for piece in self.pieces if piece.counts or piece.known]

    @property
    def weak(self) -> list[Piece]:
        return [piece for piece in self.pieces if not (piece.counts or piece.known)]


def survey(
    frames: Frames,
    *,
    masks: list[Rectangle],
    settings: Settings,
    words: Words | None,
    only: list[int] | None = None,
    keep: int = 0,
) -> Survey:
    """Read frames for text.

    Parameters
    ----------
    masks
        Rectangles that are masked anyway: nothing is looked for there.
    only
        The frames to read; else all, as far as `settings` goes.
    keep
        So many pictures are kept for the review page.
    """
    found = Survey()
    numbers = only or list(range(1, min(frames.count, settings.most_frames) + 1))
    state = _Reading(frames, settings, words, list(masks), found, keep)
    keys = set(_spread(numbers))
    for number in [*sorted(keys), *(one for one in numbers if one not in keys)]:
        state.read(number, thorough=number in keys)
    return found


def _spread(numbers: list[int]) -> list[int]:
    if len(numbers) <= KEYS:
        return numbers
    return [numbers[round(n * (len(numbers) - 1) / (KEYS - 1))] for n in range(KEYS)]


@dataclass(slots=True)
class _Reading:
    frames: Frames
    settings: Settings
    words: Words | None
    masks: list[Rectangle]
    found: Survey
    keep: int
    seen: set[bytes] = field(default_factory=set)
    last: list[Shown] = field(default_factory=list)

    def read(self, number: int, *, thorough: bool) -> None:
        try:
            payload = self.frames.payload(number)
            digest = blake2b(payload, digest_size=16).digest()
            if digest not in self.seen:
                self._look(number, payload, thorough=thorough)
                self.seen.add(digest)
        except BusyError:
            raise
        except (SharingError, EOFError, OSError) as error:
            detail = getattr(error, "detail", "")
            self.found.unread[number] = detail or "This frame is cut short."
        else:
            self.found.read += 1

    def _look(self, number: int, payload: bytes, *, thorough: bool) -> None:
        picture = self.frames.picture
        answer = children.looked(payload, self.frames.head(), picture, number)
        dark, shown = looking.opened(answer)
        if not self.last:
            self.found.dark = dark
        if len(self.found.shown) < self.keep:
            self.found.shown[number] = shown
        # The first is read whole: a mask that follows from the header may cut letters in two.
        for x, y, part in self._parts(self._masked(shown) if self.last else shown):
            seconds = self.settings.seconds + PATIENCE * part.shape[0] * part.shape[1] / 1e6
            for piece in reader.find(part, thorough=thorough, seconds=seconds):
                left, top, width, height = piece.box
                self._take(number, (x + left, y + top, width, height), piece)
        self.last = [shown]

    def _masked(self, shown: Shown) -> Shown:
        covered = shown.copy()
        for x, y, width, height in self.masks:
            covered[max(0, y) : y + height, max(0, x) : x + width] = 0
        return covered

    def _parts(self, shown: Shown) -> Iterator[tuple[int, int, Shown]]:
        """The whole frame, or what has changed since the frame before."""
        if not self.last or self.last[0].shape != shown.shape:
            yield 0, 0, shown
            return
        area = changed(self._masked(self.last[0]), shown)
        if area is not None:
            x, y, width, height = area
            yield x, y, shown[y : y + height, x : x + width]

    def _take(self, number: int, box: Rectangle, piece: reader.Piece) -> None:
        if piece.text.strip() in self.settings.keep:
            return
        if any(_holds(mask, box) for mask in self.masks):
            return
        known = bool(self.words and piece.text and self.words.find(piece.text))
        whole = grown(box, self.frames.picture, self.settings.margin)
        self.found.pieces.append(Piece(number, whole, piece.score, piece.counts, known))
        if piece.counts or known:
            self.masks.append(whole)


def _holds(mask: Rectangle, box: Rectangle) -> bool:
    return (
        mask[0] <= box[0]
        and mask[1] <= box[1]
        and mask[0] + mask[2] >= box[0] + box[2]
        and mask[1] + mask[3] >= box[1] + box[3]
    )


def grown(box: Rectangle, picture: Picture, margin: int = MARGIN) -> Rectangle:
    """A box with a little room around it, inside of the frame."""
    x, y, width, height = box
    line = min(width, height)
    room = max(margin, round(0.15 * line))
    along = max(margin, round(0.6 * line))  # the detector cuts the first or last letter short
    across, down = (along, room) if width >= height else (room, along)
    left, top = max(0, x - across), max(0, y - down)
    right = min(picture.columns, x + width + across)
    bottom = min(picture.rows, y + height + down)
    return left, top, right - left, bottom - top


def changed(one: Shown, other: Shown) -> Rectangle | None:
    """The rectangle in which two pictures differ, with room for a line of text; None if nowhere."""
    far = np.abs(one.astype(np.int16) - other)
    far = far.max(axis=2) if far.ndim == 3 else far
    rows, columns = np.nonzero(far > STILL)
    if not rows.size:
        return None
    top, bottom = max(0, int(rows.min()) - BLOCK), min(far.shape[0], int(rows.max()) + BLOCK)
    left, right = max(0, int(columns.min()) - BLOCK), min(far.shape[1], int(columns.max()) + BLOCK)
    return left, top, right - left, bottom - top
