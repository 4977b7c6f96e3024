"""How far a file may go before it is refused; real images stay far below."""

from dataclasses import dataclass

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one scan.

    Attributes
    ----------
    depth
        Nested sequences; real files have up to about 8.
    elements
        Elements of all levels, items included; a whole-slide image has up to a million.
    fragments, frames
        Pieces of compressed pixel data, and images in one file.
    frame_bytes
        Size of one decoded frame in bytes.
    identity_bytes
        Length of a value that says whose image it is; longer ones are refused, never cut.
    text_bytes
        Length up to which other values are decoded; longer ones are cut.
    inflated_bytes
        Size of a deflated data set once inflated.
    inflated_free_bytes, inflated_ratio
        A deflated data set may grow to the first whatever its ratio, beyond it only by the second.
    """

    depth: int = 64
    elements: int = 2_000_000
    fragments: int = 4_000_000
    frames: int = 2_000_000
    frame_bytes: int = GIB
    identity_bytes: int = 1024
    text_bytes: int = 4096
    inflated_bytes: int = 512 * MIB
    inflated_free_bytes: int = 64 * MIB
    inflated_ratio: int = 100


LIMITS = Limits()
