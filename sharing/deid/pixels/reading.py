"""Find text in a picture; runs in the reader's own child (`reader`), on pixels that were decoded.

The detector (PP-OCRv4, in the wheel of rapidocr-onnxruntime) sees the picture several times: at
twice its size, so that letters of 8 pixels are as high as those that it has learned; with its
contrast evened out locally, so that faint ones stand out; and smaller, for large ones. Bones and
vessels look like letters to it however sure it is, so that a box counts only if the recogniser
reads two letters or digits there at least. One alone identifies nobody: it stays, as the mark of a
side does.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Box = tuple[int, int, int, int]

TILE = 1280  # longest side of what the detector sees at once, after scaling
OVERLAP = 96  # higher than a line of text that the scale is meant for
SPLIT = 0.25  # probability from which a pixel belongs to text
UNSURE = 0.35  # mean probability below which a box is forgotten
READABLE = 0.6  # mean confidence of the recogniser's letters from which it is text
PERHAPS = 0.3  # and from which it may be
SHORT = 4  # letters; fewer are read into anatomy more easily, so that more confidence is asked
TALL = 64  # pixels; so are letters that are larger than anybody writes
LARGE = 3_000_000  # pixels from which a picture is enlarged less


@dataclass(frozen=True, slots=True)
class Found:
    """One piece of text.

    Attributes
    ----------
    box
        x, y, width, height in pixels of the picture.
    score
        Mean probability that its pixels are text.
    text, confidence
        What the recogniser reads there, and how sure it is; never leaves memory.
    """

    box: Box
    score: float
    text: str = ""
    confidence: float = 0.0

    @property
    def counts(self) -> bool:
        """Whether it is text, rather than something that resembles it."""
        return self._letters >= 2 and self.confidence >= self._asked(READABLE)

    @property
    def perhaps(self) -> bool:
        """Whether it may be text, so that a person has to look."""
        return self._letters >= 2 and self.confidence >= self._asked(PERHAPS)

    def _asked(self, confidence: float) -> float:
        """More than `confidence` for few letters and for tall ones."""
        few = 0.2 if self._letters < SHORT else 0.0
        tall = 0.3 if min(self.box[2:]) > TALL else 0.0
        return min(0.95, confidence + few + tall)

    @property
    def _letters(self) -> int:
        return sum(map(str.isalnum, self.text))


class Engine:
    """Detector and recogniser, loaded once; one thread each, for more threads wait by spinning."""

    def __init__(self) -> None:
        from rapidocr_onnxruntime import RapidOCR

        whole = RapidOCR(intra_op_num_threads=1, inter_op_num_threads=1)
        self._detect, self._recognise = whole.text_det.infer, whole.text_rec

    def find(self, picture: Picture, *, thorough: bool = True) -> list[Found]:
        """Text in a picture.

        Parameters
        ----------
        picture
            (rows, columns) or (rows, columns, 3).
        thorough
            All views; else the first alone, for frames that resemble one that was looked at.
        """
        seen: list[tuple[Box, float]] = []
        for view, scale in views(picture, thorough=thorough):
            for (x, y, width, height), score in self._boxes(view):
                box = round(x / scale), round(y / scale), width / scale, height / scale
                seen.append(((box[0], box[1], round(box[2]), round(box[3])), score))
        planes = grays(picture)
        found = [one for group in united(seen) for one in self._read_group(planes, *group)]
        return [one for one in found if one.perhaps]

    def _read_group(
        self, planes: list[Picture], whole: Box, score: float, parts: list[Box]
    ) -> list[Found]:
        """What is read in a group's box, or else in its parts: two lines at once read as none."""
        found = self._read(planes, whole, score)
        if found.counts or len(parts) == 1:
            return [found]
        return [found, *(self._read(planes, part, score) for part in dict.fromkeys(parts))]

    def _boxes(self, view: Picture) -> Iterator[tuple[Box, float]]:
        for x, y, tile in tiles(view):
            for (left, top, width, height), score in boxes(self._map(tile), tile.shape):
                yield (x + left, y + top, width, height), score

    def _map(self, tile: Picture) -> NDArray[np.float32]:
        """How likely each pixel is to be text, for a tile whose sides are multiples of 32."""
        rows, columns = tile.shape[:2]
        padded = cv2.copyMakeBorder(
            tile, 0, -rows % 32, 0, -columns % 32, cv2.BORDER_CONSTANT, value=edge_value(tile)
        )
        colours = padded if padded.ndim == 3 else cv2.cvtColor(padded, cv2.COLOR_GRAY2BGR)
        batch = (colours.astype(np.float32) * (2 / 255) - 1).transpose(2, 0, 1)[None]
        answer: NDArray[np.float32] = self._detect(batch)[0][0, 0, :rows, :columns]
        return answer

    def _read(self, planes: list[Picture], box: Box, score: float) -> Found:
        x, y, width, height = box
        crops = [plane[max(0, y) : y + height, max(0, x) : x + width] for plane in planes]
        if not crops[0].size:
            return Found(box, score)
        forms = [form for crop in crops for form in (crop, stretched(crop))]
        if height > 1.5 * width:
            forms = [np.rot90(form, turn) for form in forms[1::2] for turn in (1, -1)]
        best, confidence = "", 0.0
        for form in forms:
            colours = cv2.cvtColor(np.ascontiguousarray(form), cv2.COLOR_GRAY2BGR)
            ((text, sure, *_),), _ = self._recognise([colours])
            if sum(map(str.isalnum, text)) >= 2 and sure > confidence:
                best, confidence = text, float(sure)
        return Found(box, score, best, confidence)


def views(picture: Picture, *, thorough: bool) -> Iterator[tuple[Picture, float]]:
    """The picture as the detector gets it, and by how much each view is enlarged."""
    large = picture.shape[0] * picture.shape[1] > LARGE
    scale = 1.5 if large else 2.0
    first = picture[..., 0] if picture.ndim == 3 and picture.shape[2] == 2 else picture
    yield scaled(first, scale), scale
    if not thorough:
        return
    other = picture[..., 1] if picture.ndim == 3 and picture.shape[2] == 2 else luma(picture)
    yield evened(other, scale), scale
    yield evened(other, scale / 3 if large else 1.0), scale / 3 if large else 1.0


def grays(picture: Picture) -> list[Picture]:
    """What the recogniser reads: each of two planes, or brightness."""
    if picture.ndim == 3 and picture.shape[2] == 2:
        return [picture[..., 0], picture[..., 1]]
    return [luma(picture)]


def luma(picture: Picture) -> Picture:
    """Brightness of each pixel; of colours, the brightest part, so that no colour of text is dark."""
    return picture if picture.ndim == 2 else np.asarray(picture.max(axis=2))


def scaled(picture: Picture, scale: float) -> Picture:
    """Larger by cubic interpolation, smaller by mean."""
    way = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
    larger = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=way)
    return np.asarray(larger, np.uint8)


def evened(gray: Picture, scale: float) -> Picture:
    """Noise smoothed a little, local contrast stretched."""
    calm = scaled(np.asarray(cv2.GaussianBlur(gray, (3, 3), 0.7), np.uint8), scale)
    grid = max(2, calm.shape[1] // 128), max(2, calm.shape[0] // 128)
    return np.asarray(cv2.createCLAHE(4.0, grid).apply(calm), np.uint8)


def stretched(crop: Picture) -> Picture:
    """A crop from its darkest to its brightest pixel."""
    gray = luma(crop).astype(np.float32)
    low, high = np.percentile(gray, (1, 99))
    scaled = (gray - low) * (255 / max(1.0, high - low))
    return np.asarray(np.clip(scaled, 0, 255), np.uint8)


def edge_value(tile: Picture) -> tuple[float, ...]:
    """What a tile is padded with: the middle of its own values, so that no edge appears."""
    middle = np.median(tile.reshape(-1, *tile.shape[2:]), axis=0)
    return tuple(float(value) for value in np.atleast_1d(middle))


def tiles(view: Picture) -> Iterator[tuple[int, int, Picture]]:
    """Parts of at most `TILE` pixels a side that overlap; flat ones are left out."""
    down, across = (spread(length) for length in view.shape[:2])
    for (y, high), (x, wide) in itertools.product(down, across):
        tile = view[y : y + high, x : x + wide]
        if int(tile.max()) - int(tile.min()) > 4:
            yield x, y, tile


def spread(length: int) -> list[tuple[int, int]]:
    """Begin and length of as few equal parts as cover a length and overlap."""
    count = max(1, -(-(length - OVERLAP) // (TILE - OVERLAP)))
    part = -(-(length + (count - 1) * OVERLAP) // count)
    return [(min(n * (part - OVERLAP), length - part), part) for n in range(count)]


def boxes(likely: NDArray[np.float32], shape: tuple[int, ...]) -> Iterator[tuple[Box, float]]:
    """Rectangles around text in a map of probabilities, as wide as the detector shrank them."""
    mask = cv2.dilate((likely > SPLIT).astype(np.uint8), np.ones((2, 2), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    for number in range(1, count):
        x, y, width, height = (int(value) for value in stats[number][:4])
        if min(width, height) < 3:
            continue
        part = labels[y : y + height, x : x + width] == number
        score = float(likely[y : y + height, x : x + width][part].mean())
        if score < UNSURE:
            continue
        grow = width * height * 1.6 / (2 * (width + height)) + 1
        left, top = max(0.0, x - grow), max(0.0, y - grow)
        right, bottom = min(shape[1], x + width + grow), min(shape[0], y + height + grow)
        yield (int(left), int(top), round(right - left), round(bottom - top)), score


def united(seen: list[tuple[Box, float]]) -> list[tuple[Box, float, list[Box]]]:
    """Boxes of several views as one where they overlap, on the same line of text.

    Returns
    -------
    list
        The box around each group, the highest score in it, and the boxes of the group.
    """
    groups: list[tuple[Box, float, list[Box]]] = []
    for box, score in sorted(seen, key=lambda one: -one[1]):
        merged, rest = (box, score, [box]), []
        for other in groups:
            if is_same_line(merged[0], other[0]):
                whole = around(merged[0], other[0])
                merged = whole, max(merged[1], other[1]), [*merged[2], *other[2]]
            else:
                rest.append(other)
        groups = [*rest, merged]
    return groups


def is_same_line(one: Box, other: Box) -> bool:
    """Whether two boxes of about the same height overlap by a third of the smaller one's area.

    A box around a whole organ must not swallow a line of text that is written on it.
    """
    low, high = sorted((one[3], other[3]))
    if high > 2.5 * low or around(one, other)[3] > 1.5 * high:
        return False
    wide = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    deep = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    return wide > 0 and deep > 0 and 3 * wide * deep > min(one[2] * one[3], other[2] * other[3])


def around(one: Box, other: Box) -> Box:
    """The smallest box that holds both."""
    x, y = min(one[0], other[0]), min(one[1], other[1])
    right = max(one[0] + one[2], other[0] + other[2])
    bottom = max(one[1] + one[3], other[1] + other[3])
    return x, y, right - x, bottom - y
