"""How much of what is written in pictures is found and masked, and what it costs (PS3.15 E.3.1).

    python -m tests.bench burned-in

needs no portal. Each line of text counts as masked if at least 95 % of its ink is covered after
the two looks that `sharing.deid.pixels.clean` takes. The figures go into sharing/deid/README.md.
"""

import dataclasses
import os
from collections import defaultdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sharing.deid.pixels import reader
from sharing.deid.pixels.survey import grown
from sharing.dicom.part10 import EXPLICIT
from sharing.dicom.render import Picture
from tests.bench import writing

README = Path(__file__).resolve().parents[2] / "sharing/deid/README.md"
BEGIN, END = "<!-- burned-in: written by make bench -->", "<!-- burned-in: end -->"
SIZES = (8, 10, 12, 16, 24, 32, 48)
CONTRASTS = (20, 40, 80, 160, 255)
COVERED = 0.95
CLEAN = int(os.environ.get("BENCH_CLEAN", "8"))


@dataclasses.dataclass
class Figures:
    """What was measured: hits of lines by size and contrast and by modality, false boxes, cost."""

    cells: dict[tuple[int, int], list[bool]]
    places: dict[str, list[bool]]
    hard: dict[str, list[bool]]
    clean: int
    false: list[str]
    perhaps: int
    seconds: float
    megapixels: float

    @property
    def due(self) -> list[bool]:
        """The lines of 12 pixels and more with a contrast of 80 and more."""
        cells = [
            hits for (size, contrast), hits in self.cells.items() if size >= 12 and contrast >= 80
        ]
        return [hit for hits in cells for hit in hits]


def measure() -> Figures:
    """Write, look, count."""
    found = Figures(defaultdict(list), defaultdict(list), defaultdict(list), 0, [], 0, 0.0, 0.0)
    reader.warm()
    for size in SIZES:
        for contrast in CONTRASTS:
            for name, background in writing.BACKGROUNDS.items():
                rng = np.random.default_rng([size, contrast, len(name), 11])
                picture, written = writing.write(background(rng), rng, size=size, contrast=contrast)
                hits = _hits(picture, written, found)
                found.cells[size, contrast] += hits
                into = found.places if size >= 12 and contrast >= 80 else found.hard
                into[name] += hits
    for name, picture in writing.clean(CLEAN):
        pieces = _timed(picture, found)
        found.clean += 1
        found.false += [name for piece in pieces if piece.counts]
        found.perhaps += sum(not piece.counts for piece in pieces)
    return found


def _hits(picture: writing.Picture, written: list[writing.Written], into: Figures) -> list[bool]:
    masks = _masks(picture, _timed(picture, into))
    if all(masks[one.ink].mean() >= COVERED for one in written):
        return [True] * len(written)  # a second look takes nothing away
    again = np.where(masks, picture.min(), picture).astype(np.uint8)
    masks |= _masks(again, reader.find(again))
    return [bool(masks[one.ink].mean() >= COVERED) for one in written]


def _masks(picture: writing.Picture, pieces: list[reader.Piece]) -> NDArray[np.bool_]:
    masks = np.zeros(picture.shape, bool)
    shape = Picture(EXPLICIT, *picture.shape)
    for piece in pieces:
        if piece.counts:
            x, y, width, height = grown(piece.box, shape)
            masks[y : y + height, x : x + width] = True
    return masks


def _timed(picture: writing.Picture, into: Figures) -> list[reader.Piece]:
    """One look, and the processor's time that the child took for it."""
    before = _processor()
    pieces = reader.find(picture)
    into.seconds += _processor() - before
    into.megapixels += picture.size / 1e6
    return pieces


def _processor() -> float:
    child = reader._holder.child
    assert child is not None
    fields = Path(f"/proc/{child.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def table(figures: Figures) -> str:
    """The figures as Markdown."""
    lines = [
        _about(),
        "",
        "| size (px) | " + " | ".join(f"contrast {contrast}" for contrast in CONTRASTS) + " |",
        "|---|" + "---|" * len(CONTRASTS),
    ]
    for size in SIZES:
        cells = [_share(figures.cells[size, contrast]) for contrast in CONTRASTS]
        lines.append(f"| {size} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", _due(figures), _rest(figures), _without(figures), _cost(figures)])


def _about() -> str:
    kinds = ", ".join(writing.BACKGROUNDS)
    return (
        f"Lines of text on generated pictures of six kinds ({kinds}; 512 × 512), in smooth, "
        f"hard-edged and stroked letters, half of them line under line: the share that is masked (at least {COVERED:.0%} of its "
        "ink), by size of the letters and contrast to what is behind."
    )


def _due(figures: Figures) -> str:
    by_place = "; ".join(f"{name} {_share(hits)}" for name, hits in figures.places.items())
    share = f"**{_share(figures.due)}** of {len(figures.due)} lines"
    return f"- At least 12 px and contrast 80: {share} ({by_place})."


def _rest(figures: Figures) -> str:
    by_place = "; ".join(f"{name} {_share(hits)}" for name, hits in figures.hard.items())
    return f"- Smaller or fainter: {by_place}."


def _without(figures: Figures) -> str:
    return (
        f"- Boxes on {figures.clean} pictures without text: **{len(figures.false)}** that would be "
        f"masked, {figures.perhaps} that would hold the picture for a person."
    )


def _cost(figures: Figures) -> str:
    cost = figures.seconds / figures.megapixels
    return (
        f"- One look costs {cost:.1f} s of processor time a megapixel (one thread; larger pictures "
        "than 3 megapixels cost less), a second look follows where something was masked."
    )


def _share(hits: list[bool]) -> str:
    if not hits:
        return "–"
    share = 100 * sum(hits) / len(hits)
    return f"{share:.0f} %" if share in (0, 100) else f"{share:.1f} %"


def write_down(text: str, readme: Path = README) -> None:
    """Put the figures between their marks."""
    whole = readme.read_text(encoding="utf-8")
    head, rest = whole.split(BEGIN)
    _, tail = rest.split(END)
    readme.write_text(f"{head}{BEGIN}\n{text}\n{END}{tail}", encoding="utf-8")


def run() -> None:
    """Measure, print, write down."""
    text = table(measure())
    print(text)
    write_down(text)
