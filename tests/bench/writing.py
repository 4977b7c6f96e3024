"""Pictures of each modality with text of known size, contrast and place, and pictures without."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from sharing.dicom import synthetic

Picture = NDArray[np.uint8]
SIZE = 512
LINES = (
    "DOE^JANE 1964-02-11", "MRN 4488213", "General Hospital", "12/03/2026 14:05", "Winter, Pat",
    "ID: GEN-10023", "Dr. A. Berg", "DOB 14.03.1967", "ACC A26-000417", "Tanaka Hiro M 052Y",
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Written:
    """One line in a picture: where its ink is."""

    box: tuple[int, int, int, int]
    ink: NDArray[np.bool_]  # of the whole picture


def us(rng: np.random.Generator) -> Picture:
    """A sector with speckle on black, as a curved probe shows it."""
    y, x = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32)
    depth, angle = np.hypot(x - SIZE / 2, y + 40), np.arctan2(x - SIZE / 2, y + 40)
    sector = (np.abs(angle) < 0.62) & (depth > 90) & (depth < 500)
    tissue = 70 + 30 * np.sin(depth / 37 + 3 * angle) + 20 * np.sin(9 * angle)
    for _ in range(5):
        cx, cy, r = rng.uniform(120, 390), rng.uniform(120, 400), rng.uniform(15, 50)
        tissue[(x - cx) ** 2 + (y - cy) ** 2 < r * r] *= rng.uniform(0.1, 1.6)
    speckle = _smooth(rng.rayleigh(1.0, (SIZE, SIZE)).astype(np.float32), 1)
    shown = np.where(sector, tissue * speckle, 0)
    shown[60:480:30, SIZE - 14 : SIZE - 8] = 180  # the scale of depths
    return _eight(shown)


def xa(rng: np.random.Generator) -> Picture:
    """Contrast-filled vessels, dark on grey."""
    shown = np.full((SIZE, SIZE), 150, np.float32)
    synthetic._ellipse(shown, 0.5, 0.5, 0.6, 0.45, 120)
    image = Image.fromarray(_eight(shown))
    draw = ImageDraw.Draw(image)
    for _ in range(7):
        at, heading = rng.uniform(100, 400, 2), rng.uniform(0, 6.3)
        for step in range(90):
            wide = max(1.0, 7 * (1 - step / 90))
            draw.ellipse((*(at - wide), *(at + wide)), fill=55)
            heading += rng.normal(0, 0.12)
            at = at + 4 * np.array([np.cos(heading), np.sin(heading)])
    blurred = _smooth(np.asarray(image, np.float32), 2)
    return _eight(blurred + rng.normal(0, 5, (SIZE, SIZE)))


def cr(rng: np.random.Generator) -> Picture:
    """A chest radiograph."""
    return _eight(synthetic._radiograph(SIZE, SIZE, rng) / 14)


def mg(rng: np.random.Generator) -> Picture:
    """A breast on black, with strands and a few calcifications."""
    shown = np.zeros((SIZE, SIZE), np.float32)
    synthetic._ellipse(shown, 0.0, 0.5, 0.62, 0.46, 95)
    mask = shown > 5
    texture = sum(
        _smooth(rng.normal(0, 1, (SIZE, SIZE)).astype(np.float32), n) * n for n in (2, 6, 14)
    )
    shown = np.where(mask, shown + 9 * texture, 0)
    for _ in range(25):
        x, y = rng.uniform(0.02, 0.4), rng.uniform(0.3, 0.7)
        synthetic._ellipse(shown, x, y, 0.003, 0.003, 230)
    return _eight(shown + rng.normal(0, 2, shown.shape))


def ct(rng: np.random.Generator) -> Picture:
    """A slice of a chest as a workstation shows it, captured with its frame."""
    hu = synthetic.chest_slice(rng.uniform(0.2, 0.9), 400, synthetic._vessels(rng))
    shown = np.full((SIZE, SIZE), 12, np.float32)
    shown[56:456, 56:456] = np.clip((hu + 160) / 400, 0, 1) * 255
    shown[56:456, 56:456] += rng.normal(0, 6, hu.shape)
    shown[50:52, 50:462] = shown[460:462, 50:462] = 90
    shown[50:462, 50:52] = shown[50:462, 460:462] = 90
    return _eight(shown)


def sheet(rng: np.random.Generator) -> Picture:
    """An empty dose sheet: a table's lines on paper or on a black screen."""
    paper = 235 if rng.random() < 0.5 else 0
    shown = np.full((SIZE, SIZE), paper, np.float32)
    for line in range(60, SIZE, 64):
        shown[line : line + 1, 20 : SIZE - 20] = 120
    for column in (20, 190, 350, SIZE - 21):
        shown[60 : 60 + 64 * 7, column : column + 1] = 120
    return _eight(shown)


BACKGROUNDS = {"US": us, "XA": xa, "CR/DX": cr, "MG": mg, "CT screen": ct, "dose sheet": sheet}


def write(
    picture: Picture,
    rng: np.random.Generator,
    *,
    size: int,
    contrast: int,
    lines: int = 4,
    stacked: bool = False,
) -> tuple[Picture, list[Written]]:
    """Write lines of text where they overlap neither each other nor the edge.

    The text's brightness differs from the mean of what is behind it by `contrast`, upwards where
    there is room; a contrast of 255 is white on whatever is there, or black on what is bright.
    Places are taken where what is behind, noise smoothed away, varies by less than a third of
    that: where a letter is as bright as what is behind it nobody can see it.

    Parameters
    ----------
    stacked
        Line under line, as machines write their settings; else wherever there is room.
    """
    image = picture.astype(np.float32)
    taken: list[tuple[int, int, int, int]] = []
    written: list[Written] = []
    for _ in range(lines * 40):
        if len(written) == lines:
            break
        cover = _rendered(str(rng.choice(LINES)), size, int(rng.integers(3)))
        high, wide = cover.shape
        if wide >= SIZE - 8 or high >= SIZE - 8:
            continue
        x, y = int(rng.integers(4, SIZE - wide - 4)), int(rng.integers(4, SIZE - high - 4))
        if stacked and taken:
            x, y = taken[-1][0], taken[-1][1] + round(1.25 * size)
        box = x, y, wide, high
        gap = 0 if stacked and taken else size
        if not _fits(box) or any(_near(box, other, gap) for other in taken):
            stacked = stacked and not taken
            continue
        place = image[y : y + high, x : x + wide]
        if _smooth(place, 6).std() > max(6, contrast / 3):
            stacked = stacked and not taken
            continue
        taken.append(box)
        behind = float(place.mean())
        value = behind + contrast if behind + contrast <= 255 or behind < 128 else behind - contrast
        place += cover * (np.clip(value, 0, 255) - place)
        ink = np.zeros(picture.shape, bool)
        ink[y : y + high, x : x + wide] = cover > 0.4
        written.append(Written(box, ink))
    return _eight(image), written


def _fits(box: tuple[int, int, int, int]) -> bool:
    x, y, wide, high = box
    return x + wide < SIZE - 4 and y + high < SIZE - 4


def _rendered(text: str, size: int, style: int) -> NDArray[np.float32]:
    """How far the letters cover each pixel: smooth, hard-edged, or in strokes of one width."""
    if style == 2:
        import cv2

        scale = size / 30
        (wide, high), base = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)
        canvas = np.zeros((high + base + 6, wide + 6), np.uint8)
        thick = max(1, round(size / 14))
        cv2.putText(
            canvas, text, (3, high + 3), cv2.FONT_HERSHEY_SIMPLEX, scale, 255, thick, cv2.LINE_AA
        )
    else:
        font = ImageFont.load_default(size)
        box = font.getbbox(text)
        image = Image.new("L", (round(box[2]) + 2, round(box[3]) + 2))
        ImageDraw.Draw(image).text((1, 1), text, fill=255, font=font)
        canvas = np.asarray(image)
        if style == 1:
            canvas = np.where(canvas > 110, 255, 0)
    rows, columns = np.nonzero(canvas)
    canvas = canvas[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    return canvas.astype(np.float32) / np.float32(255)


def _near(one: tuple[int, ...], other: tuple[int, ...], gap: int) -> bool:
    return (
        one[0] < other[0] + other[2] + gap
        and other[0] < one[0] + one[2] + gap
        and one[1] < other[1] + other[3] + gap
        and other[1] < one[1] + one[3] + gap
    )


def _smooth(values: NDArray[Any], times: int) -> NDArray[Any]:
    for _ in range(times):
        for axis in (0, 1):
            values = (np.roll(values, 1, axis) + 2 * values + np.roll(values, -1, axis)) / 4
    return values


def _eight(values: NDArray[Any]) -> Picture:
    return np.clip(values, 0, 255).astype(np.uint8)


def clean(count: int, seed: int = 7) -> Iterator[tuple[str, Picture]]:
    """Pictures without any writing."""
    for name, background in BACKGROUNDS.items():
        for number in range(count):
            yield name, background(np.random.default_rng([seed, number, len(name)]))
