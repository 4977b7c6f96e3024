"""Clean the pixels of one file: triage, rectangles, text, masks, and a second look."""

import io
import tempfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

from sharing.deid.ledger import Doubt, Kind
from sharing.deid.pixels import children, native, streams, writing
from sharing.deid.pixels.facts import Facts, Sight, see
from sharing.deid.pixels.findings import Box, Cleaned, Preview, Settings, Why
from sharing.deid.pixels.looking import Shown, opened
from sharing.deid.pixels.rules import Risk, device_boxes, outside, triage
from sharing.deid.pixels.survey import Piece, Rectangle, Survey, Words, survey
from sharing.dicom.decoding import DEFLATED_FRAME, frame_bytes
from sharing.dicom.details import BIG_ENDIAN_PIXELS
from sharing.dicom.part10 import DEFLATED, NATIVE
from sharing.dicom.places import BusyError
from sharing.dicom.render import NoPictureError, Picture
from sharing.kernel.errors import SharingError

PATH = "(7FE0,0010)"
ROUNDS = 2  # how often what the second look finds is masked, before a person has to look
FILMS = tuple(f"1.2.840.10008.1.2.4.10{n}" for n in range(10))
_LOSSY, _RATIO, _METHOD = 0x00282110, 0x00282112, 0x00282114
_PHOTOMETRIC = 0x00280004


def clean(
    path: Path,
    *,
    settings: Settings | None = None,
    words: Words | None = None,
    original: Facts | None = None,
) -> Cleaned:
    """Mask what is written in the pixels of a file, in place (PS3.15 E.3.1, Clean Pixel Data).

    The file is replaced at once or not at all. Its header stays, except for the Extended Offset
    Table and, where JPEG had to be written anew, Lossy Image Compression (0028,2110), its ratio
    and its method; (0028,0301), (0012,0063) and (0012,0064) are the engine's.

    Parameters
    ----------
    path
        A de-identified Part 10 file.
    settings
        From the profile.
    words
        What is known of the patient, to recognise it in what is read; see `known.Known`.
    original
        `facts.facts` of the file before de-identification, if that may have changed what
        `triage` and the device rules ask for.

    Returns
    -------
    Cleaned
        What was done. With `doubts` the file is not to be released before a person has looked.

    Raises
    ------
    sharing.dicom.refusal.RefusedError
        The file is none that the scan would take.
    sharing.dicom.places.BusyError
        Too much is decoded just now.
    """
    chosen = settings or Settings()
    with path.open("rb") as source:
        sight = see(source, path.stat().st_size)
        if sight.header.transfer_syntax == DEFLATED:
            return _inflated(
                path,
                sight,
                lambda plain: clean(plain, settings=chosen, words=words, original=original),
            )
        return _Cleaning(path, source, sight, chosen, words, original or sight.facts).run()


def mask(path: Path, boxes: tuple[Box, ...]) -> Cleaned:
    """Mask what a reviewer drew, in place; nothing is read for text."""
    with path.open("rb") as source:
        sight = see(source, path.stat().st_size)
        if sight.header.transfer_syntax == DEFLATED:
            return _inflated(path, sight, lambda plain: mask(plain, boxes))
        job = _Cleaning(path, source, sight, Settings(), None, sight.facts)
        job.boxes = list(boxes)
        return job.by_hand()


def forget(path: Path, words: Words) -> int:
    """Blank the texts inside of compressed frames, in place, if one of them tells what is known.

    For profiles that leave pixels alone: the picture stays as it is, and a comment in it that
    names the patient does not. Answers how many texts were blanked.
    """
    with path.open("rb") as source:
        sight = see(source, path.stat().st_size)
        return _Cleaning(path, source, sight, Settings(), words, sight.facts).forget()


def _inflated(path: Path, sight: Sight, work: Callable[[Path], Cleaned]) -> Cleaned:
    """A deflated data set is worked on as a file of its own, then deflated again (PS3.5 A.5)."""
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        plain = Path(folder) / "plain"
        with plain.open("wb") as target:
            target.write(sight.dataset.window.take(0, sight.dataset.window.size))
        cleaned = work(plain)
        if cleaned.changed:
            with path.open("rb") as old, writing.replaced(path) as target:
                target.write(old.read(sight.header.dataset_offset))
                packer = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
                target.write(packer.compress(plain.read_bytes()) + packer.flush())
                target.write(bytes(target.tell() % 2))
    return cleaned


@dataclass
class _Cleaning:
    """One file on its way; also the `survey.Frames` of it."""

    path: Path
    source: BinaryIO
    sight: Sight
    settings: Settings
    words: Words | None
    facts: Facts

    def __post_init__(self) -> None:
        self.boxes: list[Box] = []
        self.doubts: list[Doubt] = []
        self.texts = 0

    # --- frames ---

    @cached_property
    def _picture(self) -> Picture:
        return Picture.of(self.sight.header)

    @property
    def picture(self) -> Picture:
        return self._picture

    @property
    def count(self) -> int:
        return len(self.sight.header.frames or ())

    @cached_property
    def _head(self) -> bytes:
        begin, end = self.sight.header.dataset_offset, self.sight.header.pixel_offset or 0
        self.source.seek(begin)
        return self.source.read(end - begin)

    def head(self) -> bytes:
        return self._head if self.picture.wants_head else b""

    def payload(self, number: int) -> bytes:
        return writing.frame(self.source, self.sight, number)

    # --- the way ---

    def run(self) -> Cleaned:
        risk = triage(self.facts)
        try:
            self.picture  # noqa: B018 (asked for, to learn whether there is one)
        except NoPictureError:
            return Cleaned(0, reason="There are no pixels.")
        wanted = self.settings.everywhere or self.facts.modality in self.settings.modalities
        if not (risk.at_risk or wanted):
            self._strip()
            return Cleaned(self.count, reason=risk.reason, texts=self.texts)
        if self.picture.transfer_syntax.startswith(FILMS):
            self._doubt("This is a film, in which text is not looked for. Watch all of it.")
            return Cleaned(self.count, doubts=tuple(self.doubts), risk=0.9, reason=risk.reason)
        self._plan()
        unable = self._unable()
        if unable:
            self._doubt(unable)
            return replace(self.by_hand(), risk=0.9, reason=risk.reason)
        return self._cleaned(risk)

    def by_hand(self) -> Cleaned:
        """Mask what is planned, and read nothing."""
        changed = self._write(self.boxes, self._darkness() if self.boxes else 0)
        return Cleaned(
            self.count,
            changed=changed,
            boxes=tuple(self.boxes),
            doubts=tuple(self.doubts),
            texts=self.texts,
        )

    def _darkness(self) -> int:
        """The stored value that is shown black; 0 if the first frame does not say."""
        try:
            return opened(children.looked(self.payload(1), self.head(), self.picture, 1))[0]
        except BusyError:
            raise
        except SharingError:
            return 0

    def _unable(self) -> str:
        """Why no text can be looked for; "" if it can."""
        if not self.settings.read:
            return "The profile has no text looked for in such a picture. Look at all of it."
        if self.picture.rows * self.picture.columns > self.settings.largest * 1e6:
            return "The picture is too large to be read for text. Look at all of it."
        return ""

    def _cleaned(self, risk: Risk) -> Cleaned:
        first = self._survey(keep=self.settings.previews)
        self._mask_pieces(first.certain)
        self._tell_unread(first)
        changed = self._write(self.boxes, first.dark)
        second, after = first, dict(first.shown)
        if changed:
            second, after = self._second_look(first)
        self._judge(first, second)
        before = {number: shown for number, shown in first.shown.items() if number in after}
        return Cleaned(
            frames=self.count,
            read=first.read,
            changed=changed,
            boxes=tuple(self.boxes),
            doubts=tuple(self.doubts),
            risk=self._risk(second),
            reason=risk.reason,
            texts=self.texts,
            previews=tuple(_previews(before, after)) if changed or self.doubts else (),
        )

    def _survey(self, *, only: list[int] | None = None, keep: int = 0) -> Survey:
        masks = [(box.x, box.y, box.width, box.height) for box in self.boxes]
        return survey(
            self, masks=masks, settings=self.settings, words=self.words, only=only, keep=keep
        )

    def _plan(self) -> None:
        """Rectangles that follow from the header and the profile."""
        rows, columns = self.picture.rows, self.picture.columns
        if self.settings.devices:
            seen = replace(self.facts, rows=rows, columns=columns)
            for x, y, width, height, reason in device_boxes(seen):
                self._add((x, y, width, height), Why.DEVICE, reason)
        if self.settings.regions:
            for box in outside(self.sight.regions, rows, columns):
                reason = "It is outside of the ultrasound regions that the header names."
                self._add(box, Why.REGION, reason)
        for box in self.settings.extra:
            self._add(box, Why.DEVICE, "The profile masks it in every image.")

    def _add(self, box: Rectangle, why: Why, reason: str, score: float = 1.0) -> None:
        self.boxes.append(Box(*box, 1, self.count, why, reason, score))

    def _mask_pieces(self, pieces: list[Piece]) -> None:
        for piece in pieces:
            reason = (
                "Words of the patient are written there."
                if piece.known
                else "Text is written there."
            )
            self._add(piece.box, Why.TEXT, reason, round(piece.score, 2))

    def _second_look(self, first: Survey) -> tuple[Survey, dict[int, Shown]]:
        """Read the masked file; what is found now is masked too, and looked at again."""
        again = sorted({1, *first.shown, *(piece.frame for piece in first.pieces)})[:16]
        for left in range(ROUNDS, -1, -1):
            with self.path.open("rb") as source:
                sight = see(source, self.path.stat().st_size)
                other = _Cleaning(self.path, source, sight, self.settings, self.words, self.facts)
                found = survey(
                    other, masks=[], settings=self.settings, words=self.words,
                    only=again, keep=len(again),
                )  # fmt: skip
                shown = {
                    number: one for number, one in found.shown.items() if number in first.shown
                }
                if not found.certain or not left:
                    return found, shown
                before = len(self.boxes)
                self._mask_pieces(found.certain)
                other._write(self.boxes[before:], first.dark)
        raise AssertionError

    # --- writing ---

    def _write(self, boxes: list[Box], dark: int) -> int:
        """Mask, and blank the streams' texts; the number of frames that changed."""
        syntax = self.picture.transfer_syntax
        if syntax not in NATIVE:
            return self._write_compressed(boxes, dark)
        numbers = [n for n in range(1, self.count + 1) if _within(boxes, n)]
        if numbers:
            writing.rewrite_native(
                self.path, self.sight, numbers, lambda n, raw: self._native(n, raw, boxes, dark)
            )
        return len(numbers)

    def _native(self, number: int, raw: bytes, boxes: list[Box], dark: int) -> bytes:
        picture = self.picture
        bits = picture.rows * picture.columns * picture.samples_per_pixel
        return native.masked(
            raw,
            picture,
            _within(boxes, number),
            dark,
            swapped=self._is_swapped(),
            first_bit=(number - 1) * bits % 8 if picture.bits_allocated == 1 else 0,
        )

    def _is_swapped(self) -> bool:
        """Whether words are big endian; bytes on their own (OB) have no order."""
        if self.picture.transfer_syntax not in BIG_ENDIAN_PIXELS:
            return False
        return self.picture.bits_allocated > 8 or self._head[-8:-6] != b"OB"

    def _strip(self) -> None:
        """Blank the streams' texts alone, where there are any."""
        if self.picture.transfer_syntax in NATIVE or self.picture.transfer_syntax.startswith(FILMS):
            return
        if any(streams.texts(self.payload(n)) for n in range(1, self.count + 1)):
            self._write_compressed([], 0)

    def forget(self) -> int:
        if self.sight.header.transfer_syntax.startswith(FILMS) or not any(
            map(self._tells, range(1, self.count + 1))
        ):
            return 0
        self._write_compressed([], 0)
        return self.texts

    def _tells(self, number: int) -> bool:
        assert self.words is not None
        stream = self.payload(number)
        written = [stream[begin:end] for begin, end in streams.texts(stream)]
        return any(
            self.words.find(text.decode(charset, "replace"))
            for text in written
            for charset in ("utf-8", "latin-1")
        )

    def _write_compressed(self, boxes: list[Box], dark: int) -> int:
        changed: list[int] = []
        failed: dict[str, int] = {}
        self.texts = 0

        def redraw(number: int, raw: bytes) -> bytes:
            rectangles = _within(boxes, number)
            if rectangles:
                try:
                    raw = self._redrawn(raw, [list(one) for one in rectangles], dark)
                    changed.append(number)
                except SharingError as error:
                    failed[error.detail] = failed.get(error.detail, 0) + 1
            raw, count = streams.without_texts(raw)
            self.texts += count
            return raw

        if not boxes and not any(streams.texts(self.payload(n)) for n in range(1, self.count + 1)):
            return 0
        edits = lambda size: self._edits(size) if changed else {}  # noqa: E731
        writing.rewrite_compressed(self.path, self.sight, redraw, edits)
        for detail, count in failed.items():
            self._doubt(f"{count} of {self.count} frames could not be masked. {detail}")
        return len(changed)

    def _redrawn(self, raw: bytes, boxes: list[list[int]], dark: int) -> bytes:
        if self.picture.transfer_syntax == DEFLATED_FRAME:
            most = frame_bytes(self.picture)
            plain = zlib.decompressobj(-zlib.MAX_WBITS).decompress(raw, most)
            pieces = [(x, y, width, height) for x, y, width, height in boxes]
            drawn = native.masked(plain, self.picture, pieces, dark, swapped=False)
            packer = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
            return packer.compress(drawn) + packer.flush()
        return children.redrawn_safely(raw, self.picture, boxes, dark)

    def _edits(self, size: int) -> dict[int, bytes]:
        """What the header has to say now: one more lossy step (PS3.3 C.7.6.1.1.5), other colours."""
        picture = self.picture
        if picture.photometric == "YBR_ICT":
            return {_PHOTOMETRIC: writing.element(_PHOTOMETRIC, "CS", b"YBR_RCT")}
        if not picture.transfer_syntax.endswith((".4.50", ".4.51")):
            return {}
        whole = frame_bytes(replace(picture, photometric="")) * self.count
        ratio = f"{whole / max(1, size):.4g}"
        ratios, methods = (self.sight.values.get(tag, "") for tag in (_RATIO, _METHOD))
        return {
            _LOSSY: writing.element(_LOSSY, "CS", b"01"),
            _RATIO: writing.element(_RATIO, "DS", _appended(ratios, ratio)),
            _METHOD: writing.element(_METHOD, "CS", _appended(methods, "ISO_10918_1")),
        }

    # --- judging ---

    def _doubt(self, sentence: str) -> None:
        self.doubts.append(Doubt(Kind.PIXELS, PATH, sentence))

    def _tell_unread(self, first: Survey) -> None:
        by_sentence: dict[str, list[int]] = {}
        for number, sentence in first.unread.items():
            by_sentence.setdefault(sentence, []).append(number)
        for sentence, numbers in by_sentence.items():
            self._doubt(f"Frame {_ranges(numbers)} could not be read for text. {sentence}")
        if self.count > self.settings.most_frames:
            self._doubt(f"Only the first {self.settings.most_frames} frames were read for text.")

    def _judge(self, first: Survey, second: Survey) -> None:
        if any(piece.known for piece in second.certain):
            self._doubt("Words of the patient can still be read in the masked picture.")
        elif second.certain:
            self._doubt("Text can still be seen in the masked picture.")
        weak = first.weak if second is first else [*second.weak, *self._still_weak(first)]
        if weak:
            where = _ranges(sorted({piece.frame for piece in weak}))
            self._doubt(f"Something in frame {where} may be text. Look whether it is.")

    def _still_weak(self, first: Survey) -> list[Piece]:
        """What was unsure in frames that the second look did not read, and that no mask covers."""
        return [piece for piece in first.weak if piece.frame > 1 and not self._covered(piece.box)]

    def _covered(self, box: Rectangle) -> bool:
        x, y, width, height = box
        return any(
            one.x <= x and one.y <= y
            and one.x + one.width >= x + width and one.y + one.height >= y + height
            for one in self.boxes
        )  # fmt: skip

    def _risk(self, second: Survey) -> float:
        if any(piece.known for piece in second.certain):
            return 1.0
        if second.certain or second.unread or any("masked." in one.sentence for one in self.doubts):
            return 0.9
        if self.doubts:
            return 0.5
        return 0.1 if self.boxes else 0.0


def _within(boxes: list[Box], number: int) -> list[Rectangle]:
    return [
        (box.x, box.y, box.width, box.height) for box in boxes if box.first <= number <= box.last
    ]


def _appended(values: str, value: str) -> bytes:
    kept = [one.strip() for one in values.split("\\") if one.strip()]
    return "\\".join([*kept, value]).encode("ascii")


def _ranges(numbers: list[int]) -> str:
    """Numbers in words: 1, 3 and 5-9."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    texts = [str(a) if a == b else f"{a}–{b}" for a, b in runs]
    if len(texts) > 6:
        texts = [*texts[:6], "others"]
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"


def _previews(before: dict[int, Shown], after: dict[int, Shown]) -> list[Preview]:
    return [Preview(n, _png(before[n]), _png(after[n])) for n in sorted(before)]


def _png(shown: Shown, most: int = 512) -> bytes:
    from PIL import Image

    plain = shown[..., 0] if shown.ndim == 3 and shown.shape[2] == 2 else shown
    image = Image.fromarray(plain)
    image.thumbnail((most, most))
    target = io.BytesIO()
    image.save(target, "PNG", optimize=False)
    return target.getvalue()
