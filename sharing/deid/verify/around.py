"""What is around the attributes: markers, the file's own header, bytes, and the pixels."""

import re
import zlib
from collections.abc import Iterator
from itertools import pairwise

import pydicom.uid
from pydicom.encaps import generate_fragments

from sharing.deid.verify.attributes import UID_LIKE
from sharing.deid.verify.found import Found
from sharing.deid.verify.identity import Finder
from sharing.deid.verify.reading import (
    PIXELS,
    Record,
    dotted,
    every_attribute,
    inflated,
    keyword,
    layout,
)
from sharing.deid.verify.table import Rules

# Who sent it, who received it, from where, and what somebody added (PS3.10 7.1).
_WHO = (0x16, 0x17, 0x18, 0x26, 0x27, 0x28, 0x0100, 0x0102)
_WRITER = (0x12, 0x13)
_CHUNK = 8 << 20
DEFLATED = pydicom.uid.DeflatedExplicitVRLittleEndian
_NATIVE = {
    pydicom.uid.ImplicitVRLittleEndian,
    pydicom.uid.ExplicitVRLittleEndian,
    pydicom.uid.ExplicitVRBigEndian,
    DEFLATED,
}
_LONG = 7  # the shortest that is looked for where bytes are noise


def markers(rules: Rules, new: Record, old: Record | None, found: Found) -> None:
    """(0012,0062), (0012,0063), (0012,0064), (0028,0301), (0028,0302) and (0028,0303)."""
    if new.first(0x00120062) != "YES":
        found.add("no_identity_removed", dotted(0x00120062))
    _method(rules, new, found)
    if new.first(0x00280303) != rules.longitudinal:
        found.add("no_longitudinal_flag", dotted(0x00280303), rules.longitudinal)
    for option, tag in (
        ("clean_pixel_data", 0x00280301),
        ("clean_recognizable_visual_features", 0x00280302),
    ):
        if option in rules.options:
            if new.first(tag) != "NO":
                found.add("no_pixel_flag", dotted(tag), option)
        elif old is not None and old.first(tag) != "NO" and new.first(tag) == "NO":
            found.add("false_pixel_flag", dotted(tag))


def _method(rules: Rules, new: Record, found: Found) -> None:
    methods = new.items.get(0x00120064)
    codes = {
        item[0x00080100].text
        for item in (methods.items or () if methods else ())
        if 0x00080100 in item
    }
    if not codes and not new.first(0x00120063):
        found.add("no_method", dotted(0x00120064))
    missing = rules.needed_codes() - codes
    if missing:
        found.add("method_codes", dotted(0x00120064), "missing " + " ".join(sorted(missing)))


def header(new: Record, old: Record | None, found: Found) -> None:
    """The preamble and the file's own header: who de-identifies writes its own (PS3.15 E.1.1)."""
    if new.preamble.strip(b"\0"):
        found.add("preamble_kept")
    for element in _WHO:
        _who(0x00020000 | element, new, old, found)
    for element in _WRITER:
        tag = 0x00020000 | element
        if old is not None and tag in old.meta and tag in new.meta and old.meta[tag].text:
            before, now = old.meta[tag].text, new.meta[tag].text
            found.replaced.add((tag, now, before, dotted(tag), keyword(tag)))
    instance = new.meta.get(0x00020003)
    if instance is not None and new.first(0x00080018) not in {"", instance.text}:
        found.add("meta_instance", dotted(0x00020003))
    if old is not None and old.first(0x00080016) != new.first(0x00080016):
        found.add("class_changed", dotted(0x00080016))


def _who(tag: int, new: Record, old: Record | None, found: Found) -> None:
    now = new.meta.get(tag)
    if now is None or now.empty:
        return
    if old is None or (tag in old.meta and old.meta[tag].values == now.values):
        found.add("meta_kept", dotted(tag), keyword(tag), now.text)


def order(new: Record, old: Record | None, found: Found) -> None:
    """Attributes each once, in order unless the original's were not, nothing after the last."""
    told = layout(new)
    if told.repeated:
        found.add("not_in_order", dotted(told.repeated[0]))
    elif not told.ordered and (old is None or layout(old).ordered):
        found.add("not_in_order")
    if not told.meta_length_right:
        found.add("meta_length", dotted(0x00020000))
    if told.trailing:
        found.add("trailing_bytes")


# --- bytes ----------------------------------------------------------------------------------------


def raw(rules: Rules, new: Record, finder: Finder, found: Found) -> None:
    """The bytes outside the pixels: what no attribute explained."""
    told: set[str] = set()
    for chunk, shortest in _chunks(new):
        for _, text in finder.find_bytes(chunk, new.encodings, shortest=shortest):
            if text not in found.seen and text not in told:
                told.add(text)
                found.add("identity_bytes", "", "", text)
        for value in UID_LIKE.findall(chunk.decode("latin-1")):
            if value not in found.seen:
                found.standing.setdefault(value.strip("."), "the bytes of the file")
    _blobs(new, finder, found)


def _chunks(record: Record) -> Iterator[tuple[bytes, int]]:
    """The file without its pixels; and in large pieces only what is long enough to be no chance."""
    if record.syntax == DEFLATED:
        data = inflated(record.path.read_bytes()[_meta_end(record) :])
        held = pixels_of(record, 0x7FE00010)
        yield data.replace(held, b"") if held else data, 0
        return
    size = record.path.stat().st_size
    spans = [0, *(edge for span in _pixel_spans(record) for edge in span), size]
    with record.path.open("rb") as file:
        for start, end in list(pairwise(spans))[::2]:
            file.seek(start)
            while (left := end - file.tell()) > 0:
                chunk = file.read(min(_CHUNK, left))
                if not chunk:
                    return
                yield chunk, 0 if len(chunk) < 1 << 20 else _LONG


def _meta_end(record: Record) -> int:
    length = record.meta.get(0x00020000)
    return 144 + int(length.values[0]) if length is not None and length.values else 0


def _pixel_spans(record: Record) -> Iterator[tuple[int, int]]:
    for tag in sorted(PIXELS):
        if tag not in record.dataset:
            continue
        item = record.dataset.get_item(tag, keep_deferred=True)
        tell = getattr(item, "value_tell", None)
        length = getattr(item, "length", 0)
        if tell is None or tell == 0:
            continue
        if length == 0xFFFFFFFF:
            length = len(pixels_of(record, tag))
        yield tell, tell + length


def _blobs(new: Record, finder: Finder, found: Found) -> None:
    """Values of UN and OB in the character sets of their object, and texts packed inside PDFs."""
    for one in every_attribute(new.items):
        if one.vr not in {"UN", "OB"} or not one.raw or len(one.raw) > _CHUNK:
            continue
        parts = [one.raw, *_packed(one.raw)]
        for part in parts:
            for _, text in finder.find_bytes(part, new.encodings):
                if text not in found.seen:
                    found.seen.add(text)
                    found.add("identity_bytes", dotted(one.tag), keyword(one.tag), text)


def _packed(data: bytes) -> Iterator[bytes]:
    if not data.lstrip().startswith(b"%PDF"):
        return
    for match in re.finditer(rb"stream\r?\n", data):
        try:
            yield zlib.decompressobj().decompress(data[match.end() :], _CHUNK)
        except zlib.error:
            continue


# --- pixels ---------------------------------------------------------------------------------------


def pixels_of(record: Record, tag: int) -> bytes:
    """The value of a pixel attribute; empty where there is none."""
    item = record.dataset.get_item(tag) if tag in record.dataset else None
    value = item.value if item is not None else None
    return bytes(value) if isinstance(value, bytes | bytearray) else b""


def pixels(rules: Rules, old: Record, new: Record, found: Found) -> None:
    """Pixels are as they were, unless Clean Pixel Data was asked for."""
    cleaned = "clean_pixel_data" in rules.options
    cleaned |= "clean_recognizable_visual_features" in rules.options
    for tag in sorted(PIXELS):
        if tag not in old.items:
            continue
        if tag not in new.items:
            found.add("pixels_gone", dotted(tag))
        elif not cleaned and not _same_pixels(old, new, tag):
            found.add("pixels_changed", dotted(tag))
    if cleaned and any(old.first(tag) != new.first(tag) for tag in _SHAPE):
        found.add("pixels_changed", dotted(0x00280010))


_SHAPE = (0x00280010, 0x00280011, 0x00280008, 0x00280002)


def _encapsulated(record: Record) -> bool:
    return record.syntax not in _NATIVE


def _same_pixels(old: Record, new: Record, tag: int) -> bool:
    before, now = pixels_of(old, tag), pixels_of(new, tag)
    if before.rstrip(b"\0") == now.rstrip(b"\0"):
        return True
    try:
        if old.syntax == new.syntax:
            return _encapsulated(old) and _fragments(before) == _fragments(now)
        return bool((old.dataset.pixel_array == new.dataset.pixel_array).all())
    except Exception:  # noqa: BLE001 - what cannot be decoded was not shown to be the same
        return False


def _fragments(data: bytes) -> bytes:
    """The compressed frames without the offset table and without what only comments on them."""
    frames = list(generate_fragments(data))[1:]
    return b"".join(_without_comments(one.rstrip(b"\0")) for one in frames)


def _without_comments(frame: bytes) -> bytes:
    parts, last = [], 0
    for start, end in comments(frame):
        parts.append(frame[last:start])
        last = end
    return b"".join([*parts, frame[last:]])


def comments(frame: bytes) -> Iterator[tuple[int, int]]:
    """Where the segments of a JPEG or JPEG 2000 stand that carry texts: COM, and APP1 to APP15."""
    if frame[:2] == b"\xff\xd8":
        ends, texts = {0xDA, 0xD9}, {0xFE, *range(0xE1, 0xF0)} - {0xEE}
    elif frame[:2] == b"\xff\x4f":
        ends, texts = {0x90, 0xD9}, {0x64}
    else:
        return
    at = 2
    while at + 4 <= len(frame) and frame[at] == 0xFF and frame[at + 1] not in ends:
        length = int.from_bytes(frame[at + 2 : at + 4])
        if frame[at + 1] in texts:
            yield at, at + 2 + length
        at += 2 + length


def bitstream(new: Record, finder: Finder, found: Found) -> None:
    """Texts that a compressor, or somebody, left inside the pixels, and behind them."""
    data = pixels_of(new, 0x7FE00010)
    if not data:
        return
    if _encapsulated(new):
        hits = finder.find_bytes(data, (), shortest=_LONG) if len(data) <= 4 * _CHUNK else set()
        for frame in _try_fragments(data):
            for start, end in comments(frame):
                hits |= finder.find_bytes(frame[start:end], ())
    else:
        hits = finder.find_bytes(data[_expected(new) :], ())
    for _, text in sorted(hits):
        found.add("identity_bitstream", dotted(0x7FE00010), "", text)


def _try_fragments(data: bytes) -> Iterator[bytes]:
    try:
        yield from generate_fragments(data)
    except Exception:  # noqa: BLE001 - broken items: the whole was searched already
        return


def _expected(record: Record) -> int:
    """How many bytes the native pixels take; the rest is nobody's."""
    try:
        rows, columns, bits = (
            int(record.first(tag)) for tag in (0x00280010, 0x00280011, 0x00280100)
        )
        samples = int(record.first(0x00280002) or 1)
        frames = int(record.first(0x00280008) or 1)
    except ValueError:
        return 0
    return max(0, (rows * columns * samples * frames * bits + 7) // 8)
