"""Look at a file that nobody vouches for: what it is, whose it is, where its frames are.

The scan walks the bytes of the header and of item headers, never those of pixels, in constant
memory. It is liberal where a clinician wants the image kept (odd lengths, illegal dates, VRs of
no consequence, missing meta length, bytes behind the end) and strict where identity or safety is
at stake (UIDs, lengths, depth, truncated pixels).
"""

import re
from array import array
from dataclasses import dataclass, field, replace
from typing import BinaryIO, Final

from sharing.dicom import dictionary as tags
from sharing.dicom import frames
from sharing.dicom.attributes import IN_GROUPS, WANTED, Attributes, Raw, read_attributes, whole
from sharing.dicom.elements import Form, Fragments, Source, Step, Walk, What, Window
from sharing.dicom.frames import FrameIndex, Shape
from sharing.dicom.inflate import Inflated, measure
from sharing.dicom.limits import LIMITS, Limits
from sharing.dicom.part10 import (
    DEFLATED,
    MEDIA_DIRECTORY,
    META_CLASS,
    META_INSTANCE,
    NATIVE,
    Opening,
    as_uid,
    form_of,
    is_uid,
    open_file,
)
from sharing.dicom.refusal import Reason, RefusedError

INSTANCE: Final = "instance"
DICOMDIR: Final = "dicomdir"

_VALUE: Final = What.VALUE
_CHARSET: Final = 0x00080005
_CLASS: Final = 0x00080016
_INSTANCE: Final = 0x00080018
_STUDY: Final = 0x0020000D
_SERIES: Final = 0x0020000E
_DIRECTORY: Final = 0x00041220
_FRAMES: Final = 0x00280008
_SHARED_GROUPS: Final = 0x52009229
_FRAME_GROUPS: Final = 0x52009230
_KEPT: Final = WANTED | {_CHARSET, _CLASS, _INSTANCE, _STUDY, _SERIES}
_SEEN: Final = _KEPT | tags.PIXELS | {tags.OFFSET_TABLE}
_IDENTITY: Final = (
    (_CLASS, Reason.NO_CLASS_UID),
    (_STUDY, Reason.NO_STUDY_UID),
    (_SERIES, Reason.NO_SERIES_UID),
    (_INSTANCE, Reason.NO_INSTANCE_UID),
)
# Hanging protocols, palettes, implant templates and scan protocols belong to no patient.
_PATIENTLESS: Final = re.compile(
    r"1\.2\.840\.10008\.5\.1\.4\.(?:38|39|43|44|45)\.\d+|1\.2\.840\.10008\.5\.1\.4\.1\.1\.200\.[137]"
)
_HOSTILE: Final = frozenset({Reason.TOO_DEEP, Reason.TOO_MANY_ELEMENTS, Reason.TOO_MANY_FRAMES})


@dataclass(frozen=True, slots=True)
class Header:
    """What a scan found.

    Attributes
    ----------
    kind
        `instance`, or `dicomdir`: an index of a disc, which has no identity of its own.
    transfer_syntax
        As the data set is really written, where the declaration is missing or wrong.
    charset
        Specific Character Set, several terms separated by a backslash.
    dataset_offset
        First byte of the data set in the file, behind the meta information.
    pixel_offset, pixel_length
        Of the pixel data's value; None without pixels. The length is None if it is undefined. For
        a deflated data set they count in the inflated stream, as the frames do.
    """

    kind: str
    has_preamble: bool
    has_meta: bool
    transfer_syntax: str
    sop_class_uid: str
    sop_instance_uid: str
    study_uid: str
    series_uid: str
    charset: str
    attributes: Attributes
    dataset_offset: int
    pixel_offset: int | None = None
    pixel_length: int | None = None
    frames: FrameIndex | None = None


def scan(
    source: BinaryIO, *, size: int, limits: Limits = LIMITS, identified: bool = True
) -> Header:
    """Scan one file.

    Parameters
    ----------
    source
        Seekable, opened for reading bytes; its position afterwards is undefined.
    size
        Bytes in the file.
    limits
        Bounds that a hostile file meets.
    identified
        Whether the UIDs of class, study, series and instance have to be there and legal; else
        they are "" where they are not.

    Returns
    -------
    Header
        Identity, attributes and frame index.

    Raises
    ------
    RefusedError
        If the file is not taken, with the reason.
    """
    window = Window(source, size)
    opening = open_file(window)
    if as_uid(opening.meta.get(META_CLASS, b"")) == MEDIA_DIRECTORY:
        return _directory(opening)
    dataset = open_dataset(source, opening, window, limits)
    sighting = _Sighting(dataset, limits)
    try:
        sighting.look()
    except RefusedError as error:
        if opening.has_meta or opening.has_preamble or _STUDY in sighting.found:
            raise
        raise _not_dicom_unless(error, hostile=_HOSTILE) from error
    if sighting.is_directory:
        return _directory(opening)
    return _header(opening, sighting, limits, identified=identified)


def _not_dicom_unless(error: RefusedError, *, hostile: frozenset[Reason]) -> RefusedError:
    """Without a DICOM mark, contradictions mean that the file was something else all along."""
    return error if error.reason in hostile else RefusedError(Reason.NOT_DICOM)


@dataclass(frozen=True, slots=True)
class DataSet:
    """A data set ready to be walked: its window, first byte, form and transfer syntax."""

    window: Window
    start: int
    form: Form
    transfer_syntax: str

    @property
    def inflated(self) -> bool:
        """Whether positions count in an inflated stream."""
        return self.transfer_syntax == DEFLATED


def open_dataset(
    source: BinaryIO, opening: Opening, window: Window, limits: Limits = LIMITS
) -> DataSet:
    """The data set behind an opening, inflated on the way if it is deflated.

    Raises
    ------
    RefusedError
        If it inflates too far, is damaged, or does not look like a data set.
    """
    start, syntax = opening.dataset_offset, opening.transfer_syntax
    if syntax == DEFLATED:
        inflated: Source = Inflated(source, start)
        size = measure(source, start, window.size, limits)
        window, start = Window(inflated, size), 0
    left = window.size - start
    head = window.take(start, min(8, left))
    form, actual = form_of(syntax, head, left)
    return DataSet(window, start, form, actual)


@dataclass(slots=True)
class _Sighting:
    """What the walk keeps of one data set: short values that are wanted, and where pixels are."""

    dataset: DataSet
    limits: Limits
    found: dict[int, Raw] = field(default_factory=dict)
    in_groups: dict[int, Raw] = field(default_factory=dict)
    pixels: Step | None = None
    fragments: Fragments | None = None
    extended: tuple[int, int] | None = None
    is_directory: bool = False
    _path: list[int] = field(default_factory=list)
    _walk: Walk | None = None

    def look(self) -> None:
        """Walk to the end; behind the pixels only what would be dangerous is refused."""
        self._walk = Walk(self.dataset.window, self.dataset.start, self.limits, _SEEN)
        try:
            for step in self._walk.steps(self.dataset.form):
                if self._path or step.what is not _VALUE:
                    self._see_nested(step)
                    if self.is_directory:
                        return
                elif step.tag in _KEPT:
                    self._keep(self.found, step)
                else:
                    self._see_pixels(step)
        except RefusedError as error:
            if self.pixels is None or error.reason in _HOSTILE:
                raise

    def _keep(self, into: dict[int, Raw], step: Step) -> None:
        _, tag, vr, length, at, form = step
        if length and tag not in into:
            value = self.dataset.window.take(at, min(length, self.limits.text_bytes))
            into[tag] = Raw(vr, value, form.little)

    def _see_nested(self, step: Step) -> None:
        what = step.what
        if what is What.SEQUENCE:
            self.is_directory = self.is_directory or (step.tag == _DIRECTORY and not self._path)
            self._path.append(step.tag)
        elif what is What.SEQUENCE_END:
            self._path.pop()
        elif what is What.FRAGMENTS and not self._path:
            self._see_pixels(step)
        elif what is What.VALUE and step.tag in IN_GROUPS and self._path[0] in _GROUPS:
            self._keep(self.in_groups, step)

    def _see_pixels(self, step: Step) -> None:
        if step.tag == tags.OFFSET_TABLE:
            self.extended = step.at, step.length
        elif step.tag in tags.PIXELS and self.pixels is None:
            self.pixels = step
            if step.what is What.FRAGMENTS and self._walk:
                self.fragments = self._walk.fragments

    def shape(self, attributes: Attributes) -> Shape:
        return Shape(
            rows=attributes.rows or 0,
            columns=attributes.columns or 0,
            samples=attributes.samples_per_pixel,
            bits_allocated=attributes.bits_allocated,
            frames=attributes.number_of_frames,
            photometric=attributes.photometric,
            transfer_syntax=self.dataset.transfer_syntax,
        )

    def index(self, attributes: Attributes) -> FrameIndex | None:
        """Where the frames are; None without pixels."""
        if self.pixels is None:
            return None
        shape = self.shape(attributes)
        shape.check(self.limits)
        at, length = self.pixels.at, self.pixels.length
        if self.fragments is not None:
            table = self._extended_table()
            index = frames.encapsulated(shape, self.fragments, self.dataset.window, table)
            return replace(index, inflated=self.dataset.inflated) if index else None
        if self.dataset.transfer_syntax not in NATIVE:
            # Compressed frames without the items they belong in: one stream is one frame.
            shape = replace(shape, bits_allocated=0)
        return frames.native(shape, at, length, inflated=self.dataset.inflated)

    def recount(self, attributes: Attributes) -> Attributes:
        """Count native frames by their bytes where the announced number cannot be read."""
        announced = self.found.get(_FRAMES)
        readable = announced is None or whole(announced, "", self.limits) is not None
        bits = self.shape(attributes).frame_bits
        if readable or self.pixels is None or self.fragments is not None or not bits:
            return attributes
        return replace(attributes, number_of_frames=max(1, self.pixels.length * 8 // bits))

    def _extended_table(self) -> "array[int] | None":
        if self.extended is None or self.extended[1] > 8 * self.limits.frames:
            return None
        return frames.read_table(self.dataset.window, *self.extended, "<Q")


_GROUPS: Final = frozenset({_SHARED_GROUPS, _FRAME_GROUPS})


def _directory(opening: Opening) -> Header:
    return Header(
        kind=DICOMDIR,
        has_preamble=opening.has_preamble,
        has_meta=opening.has_meta,
        transfer_syntax=opening.transfer_syntax,
        sop_class_uid=MEDIA_DIRECTORY,
        sop_instance_uid=as_uid(opening.meta.get(META_INSTANCE, b"")),
        study_uid="",
        series_uid="",
        charset="",
        attributes=Attributes(),
        dataset_offset=opening.dataset_offset,
    )


def _header(opening: Opening, sighting: _Sighting, limits: Limits, *, identified: bool) -> Header:
    found, pixels = sighting.found, sighting.pixels
    uids = _uids(opening, found)
    if identified:
        _identify(opening, uids)
    sop_class, study, series, instance = (uid if is_uid(uid) else "" for uid in uids.values())
    charset = as_uid(found[_CHARSET].value) if _CHARSET in found else ""
    attributes = read_attributes(
        {**sighting.in_groups, **found}, charset, limits, has_pixels=pixels is not None
    )
    attributes = sighting.recount(attributes)
    undefined = pixels is not None and pixels.length == tags.UNDEFINED
    return Header(
        kind=INSTANCE,
        has_preamble=opening.has_preamble,
        has_meta=opening.has_meta,
        transfer_syntax=sighting.dataset.transfer_syntax,
        sop_class_uid=sop_class,
        sop_instance_uid=instance,
        study_uid=study,
        series_uid=series,
        charset=charset,
        attributes=attributes,
        dataset_offset=opening.dataset_offset,
        pixel_offset=pixels.at if pixels else None,
        pixel_length=pixels.length if pixels and not undefined else None,
        frames=sighting.index(attributes),
    )


def _uids(opening: Opening, found: dict[int, Raw]) -> dict[int, str]:
    """The UIDs of class, study, series and instance as they stand there.

    The class may come from the meta information; what tells images from each other may not, for
    there it is a copy that tools forget to change.
    """
    values = {tag: as_uid(found[tag].value) if tag in found else "" for tag, _ in _IDENTITY}
    values[_CLASS] = values[_CLASS] or as_uid(opening.meta.get(META_CLASS, b""))
    return values


def _identify(opening: Opening, values: dict[int, str]) -> None:
    """Refuse what does not say whose it is."""
    if not values[_STUDY] and _PATIENTLESS.fullmatch(values[_CLASS]):
        raise RefusedError(Reason.NOT_OF_A_PATIENT)
    if not any(values.values()) and not opening.has_meta and not opening.has_preamble:
        raise RefusedError(Reason.NOT_DICOM)
    for tag, missing in _IDENTITY:
        if not values[tag]:
            raise RefusedError(missing)
        if not is_uid(values[tag]):
            raise RefusedError(Reason.BAD_UID)
