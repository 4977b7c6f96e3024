"""What cleaning the pixels of one instance found and did (PS3.15 E.3.1, Clean Pixel Data Option)."""

import base64
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from sharing.deid.ledger import Doubt, Kind


class Why(StrEnum):
    """What a mask follows from."""

    DEVICE = "device"  # a rule of data/devices.yaml
    REGION = "region"  # outside of the Sequence of Ultrasound Regions (0018,6011)
    TEXT = "text"  # text was found there
    PERSON = "person"  # a reviewer drew it


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle that is masked in a range of frames.

    Attributes
    ----------
    x, y, width, height
        In pixels of the frame, from its upper left corner.
    first, last
        Frames, counted from 1, both included.
    why, reason
        What it follows from, and a sentence that holds nothing of what was written there.
    score
        How sure the detector was, 0 to 1; 1 for rules.
    """

    x: int
    y: int
    width: int
    height: int
    first: int
    last: int
    why: Why
    reason: str
    score: float = 1.0


@dataclass(frozen=True, slots=True)
class Preview:
    """One frame before and after, as small PNG files for the review page.

    `before` shows what was masked: it belongs where the original may be seen, never in what is
    released.
    """

    frame: int
    before: bytes
    after: bytes


class Wished(Protocol):
    """What of `profile.PixelSettings` is asked here."""

    @property
    def modalities(self) -> tuple[str, ...]:
        """As in `Settings`."""

    @property
    def read(self) -> bool:
        """As in `Settings`."""

    @property
    def margin(self) -> int:
        """As in `Settings`."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How pixels are cleaned; a profile's `pixels` (see `profile.Profile`).

    Attributes
    ----------
    everywhere
        Look for text in every image, also of modalities that `triage` would skip.
    modalities
        Look for text in these too; what `triage` sees a risk in is always looked at.
    read
        Whether text is looked for at all. If not, every image at risk is held for a person.
    margin
        Pixels around what was found that are masked too, at least.
    devices, regions
        Whether the rectangles of data/devices.yaml and the ultrasound regions are used.
    keep
        Words that stay, such as the marks of a side, "L" and "R".
    extra
        Further rectangles for every frame: x, y, width, height.
    previews
        At most so many frames are shown before and after.
    largest
        Megapixels of a frame beyond which no text is looked for: a person looks instead.
    most_frames
        Frames of an instance beyond which only as many are read: a person looks at the rest.
    seconds
        For reading one frame, and 30 more for each megapixel of it; the child that takes longer
        is killed.
    """

    everywhere: bool = False
    modalities: tuple[str, ...] = ()
    read: bool = True
    margin: int = 2
    devices: bool = True
    regions: bool = True
    keep: tuple[str, ...] = ()
    extra: tuple[tuple[int, int, int, int], ...] = ()
    previews: int = 2
    largest: float = 40.0
    most_frames: int = 2000
    seconds: float = 120.0

    @classmethod
    def of(cls, pixels: "Wished") -> "Settings":
        """What a profile says (`profile.PixelSettings`), the rest as it is."""
        return cls(modalities=pixels.modalities, read=pixels.read, margin=pixels.margin)


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What was done to the pixels of one instance.

    Attributes
    ----------
    frames
        How many there are.
    read
        In how many of them text was looked for; a frame with the same bytes as one before
        counts as read.
    changed
        How many were changed.
    boxes
        The masks.
    doubts
        What a person has to look at; empty means that none has.
    risk
        That text is left in the picture, 0 to 1: 0 where no rule sees a risk or everything was
        read, before and after masking, without anything in doubt; 0.1 where masks were needed
        and nothing was found under the second look; 0.5 where something weak is left; 0.9 where
        text is left or frames could not be read; 1 where words of the patient were read again.
    reason
        Why it was looked at or skipped: the sentence of the rule.
    texts
        How many pieces of text inside the compressed stream were taken out.
    previews
        Before and after.
    """

    frames: int
    read: int = 0
    changed: int = 0
    boxes: tuple[Box, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    risk: float = 0.0
    reason: str = ""
    texts: int = 0
    previews: tuple[Preview, ...] = field(default=(), repr=False)

    def to_json(self) -> dict[str, Any]:
        """As what JSON can carry; pictures in base64."""
        written = asdict(self)
        for preview in written["previews"]:
            for name in ("before", "after"):
                preview[name] = base64.b64encode(preview[name]).decode()
        return written

    @classmethod
    def from_json(cls, written: dict[str, Any]) -> "Cleaned":
        """What `to_json` made."""
        return cls(
            **{
                **written,
                "boxes": tuple(Box(**{**box, "why": Why(box["why"])}) for box in written["boxes"]),
                "doubts": tuple(
                    Doubt(**{**doubt, "kind": Kind(doubt["kind"])}) for doubt in written["doubts"]
                ),
                "previews": tuple(_opened(preview) for preview in written["previews"]),
            }
        )


def _opened(written: dict[str, Any]) -> Preview:
    before, after = (base64.b64decode(written[name]) for name in ("before", "after"))
    return Preview(written["frame"], before, after)
