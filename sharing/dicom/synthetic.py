"""Studies of people who do not exist, for the demo and the tests.

The pictures are drawn, not taken: ellipses and tubes that look enough like a chest, a head or a
radiograph for windowing, scrolling and measuring to make sense. The same arguments give the same
bytes. Arrays are (rows, columns); lengths on the image are fractions of its size.
"""

import dataclasses
import functools
import hashlib
import io
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import (
    UID,
    ComputedRadiographyImageStorage,
    CTImageStorage,
    ExplicitVRLittleEndian,
    MRImageStorage,
)

Image = NDArray[np.float32]

_AIR, _LUNG, _FAT, _SOFT, _BLOOD, _CONTRAST, _MARROW, _BONE = (
    -1000, -860, -95, 45, 60, 280, 220, 900,
)  # fmt: skip  # in HU


@dataclasses.dataclass(frozen=True, slots=True)
class Person:
    name: str
    patient_id: str
    birth_date: str
    sex: str


@dataclasses.dataclass(frozen=True, slots=True)
class Study:
    """One examination; its UIDs follow from its accession number."""

    person: Person
    accession: str
    date: str
    time: str
    description: str
    referring: str = "Berg^Ada^^Dr."
    institution: str = "General"

    @property
    def uid(self) -> str:
        return uid("study", self.accession)


PAT = Person("Winter^Pat", "GEN-10023", "19670314", "F")
NOOR = Person("Álvarez^Noor", "GEN-10431", "19880921", "M")
HIRO = Person("Tanaka^Hiro=田中^博", "GEN-11702", "19520105", "M")

CHEST_CT = Study(PAT, "A26-000417", "20261102", "091500", "CT chest with contrast")
HEAD_MR = Study(NOOR, "A26-000533", "20261109", "143000", "MR head")
CHEST_CR = Study(HIRO, "A26-000561", "20261112", "080500", "Chest PA")


def demo_files() -> Iterator[tuple[str, bytes]]:
    """Path and bytes of every file of the demo: 60 slices of CT, 2 × 24 of MR, one radiograph."""
    yield from _named("chest-ct", ct_chest(CHEST_CT))
    for number, weighting in enumerate(("T1", "T2"), 1):
        series = mr_head(HEAD_MR, number=number, weighting=weighting)
        yield from _named(f"head-mr/{weighting.lower()}", series)
    yield from _named("chest-radiograph", [cr_chest(CHEST_CR)])


def _named(folder: str, files: "Iterator[bytes] | list[bytes]") -> Iterator[tuple[str, bytes]]:
    return ((f"{folder}/{number:04}.dcm", data) for number, data in enumerate(files, 1))


def uid(*parts: object) -> str:
    """A UID derived from a UUID (PS3.5 B.2) that follows from `parts`."""
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return f"2.25.{int.from_bytes(digest[:16], 'big')}"


# --- series ---------------------------------------------------------------------------------------


def ct_chest(
    study: Study, *, number: int = 2, slices: int = 60, size: int = 512
) -> Iterator[bytes]:
    """A contrast-enhanced chest, head to foot, 5 mm apart."""
    rng = np.random.default_rng(_seed(study, number))
    noise = rng.normal(0, 14, (size, size)).astype(np.float32)
    vessels = _vessels(rng)
    for index in range(slices):
        hu = chest_slice(index / max(1, slices - 1), size, vessels)
        hu += np.roll(noise, (index * 37, index * 61), (0, 1))
        dataset = _image(study, "CT", CTImageStorage, number, index + 1, "Chest 5.0 soft tissue")
        _ct_elements(dataset, index, slices, size)
        yield _encoded(dataset, np.clip(hu + 1024, 0, 4095).astype("<u2"), bits=12)


def mr_head(
    study: Study,
    *,
    number: int = 1,
    weighting: str = "T1",
    slices: int = 24,
    size: int = 256,
) -> Iterator[bytes]:
    """An axial head, T1 or T2 weighted, 6 mm apart, from the skull base up."""
    rng = np.random.default_rng(_seed(study, number))
    noise = np.abs(rng.normal(0, 9, (size, size))).astype(np.float32)
    texture = _texture(rng, size)
    for index in range(slices):
        signal = head_slice(index / max(1, slices - 1), size, weighting, texture)
        signal += np.roll(noise, (index * 29, index * 53), (0, 1))
        dataset = _image(study, "MR", MRImageStorage, number, index + 1, f"{weighting} axial")
        _mr_elements(dataset, index, size, weighting)
        yield _encoded(dataset, np.clip(signal, 0, 4095).astype("<u2"), bits=12)


def cr_chest(study: Study, *, number: int = 1, rows: int = 1024, columns: int = 880) -> bytes:
    """A chest radiograph, MONOCHROME1 as many plates are."""
    rng = np.random.default_rng(_seed(study, number))
    shown = _radiograph(rows, columns, rng)
    dataset = _image(study, "CR", ComputedRadiographyImageStorage, number, 1, "Chest PA")
    dataset.BodyPartExamined = "CHEST"
    dataset.ViewPosition = "PA"
    dataset.ImagerPixelSpacing = dataset.PixelSpacing = [0.4, 0.4]
    dataset.PhotometricInterpretation = "MONOCHROME1"
    dataset.WindowCenter, dataset.WindowWidth = "2048", "3600"
    return _encoded(dataset, np.clip(4095 - shown, 0, 4095).astype("<u2"), bits=12)


# --- pictures -------------------------------------------------------------------------------------


def chest_slice(level: float, size: int, vessels: "NDArray[np.float64] | None" = None) -> Image:
    """One axial slice of a chest in HU.

    Parameters
    ----------
    level
        0 at the apex of the lungs, 1 below the diaphragm.
    vessels
        Of the lungs, one a row: side, where it starts, its drift with the level, radius.
    """
    hu = np.full((size, size), _AIR, np.float32)
    wide = 0.36 + 0.06 * np.sin(np.pi * min(1.0, level + 0.2))
    _ellipse(hu, 0.5, 0.52, wide, 0.27, _FAT)
    _ellipse(hu, 0.5, 0.52, wide - 0.022, 0.248, _SOFT)
    _ribs(hu, level, wide)
    lung = np.sqrt(max(0.0, np.sin(np.pi * np.clip(0.12 + 0.86 * level, 0, 1))))
    for side in (-1, 1):
        center = 0.5 + side * (0.165 + 0.02 * lung)
        _ellipse(hu, center, 0.51, 0.125 * lung, 0.19 * lung, _LUNG)
        if vessels is not None:
            _draw_vessels(hu, vessels[vessels[:, 0] == side], center, lung, level)
    _mediastinum(hu, level)
    _spine(hu)
    _ellipse(hu, 0.5, 0.86, 0.42, 0.018, -600)  # the table under the patient
    return hu


def _mediastinum(hu: Image, level: float) -> None:
    heart = max(0.0, np.sin(np.pi * np.clip((level - 0.35) / 0.55, 0, 1)))
    _ellipse(hu, 0.5, 0.5, 0.055, 0.16, _SOFT)
    if heart > 0.05:
        _ellipse(hu, 0.535, 0.44, 0.135 * heart, 0.105 * heart, _BLOOD)
        _ellipse(hu, 0.57, 0.45, 0.06 * heart, 0.055 * heart, _CONTRAST)
        _ellipse(hu, 0.48, 0.42, 0.045 * heart, 0.05 * heart, _CONTRAST - 60)
    if level > 0.72:
        _ellipse(hu, 0.36, 0.48, 0.16 * (level - 0.5), 0.32 * (level - 0.5), 105)  # liver
    if level > 0.25:
        _ellipse(hu, 0.555, 0.6, 0.026, 0.026, _CONTRAST)  # descending aorta
    if level < 0.6:
        _ellipse(hu, 0.5, 0.47 + 0.05 * level, 0.019, 0.021, _AIR)  # trachea
    _ellipse(hu, 0.5, 0.275, 0.035, 0.014, _MARROW + 150)  # sternum


def _spine(hu: Image) -> None:
    _ellipse(hu, 0.5, 0.655, 0.045, 0.04, _BONE - 250)
    _ellipse(hu, 0.5, 0.655, 0.036, 0.031, _MARROW)
    _ellipse(hu, 0.5, 0.713, 0.05, 0.026, _BONE - 300)
    _ellipse(hu, 0.5, 0.709, 0.018, 0.014, 20)  # the canal
    _ellipse(hu, 0.5, 0.755, 0.011, 0.028, _BONE - 350)


def _ribs(hu: Image, level: float, wide: float) -> None:
    """Ribs run downwards to the front, so each slice cuts them elsewhere."""
    for rib in range(7):
        for side in (-1, 1):
            angle = -0.5 + 0.42 * rib + 0.9 * (level * 5 % 1) * 0.42
            x = 0.5 + side * (wide - 0.045) * np.cos(angle)
            y = 0.52 + 0.222 * np.sin(angle)
            _ellipse(hu, x, y, 0.021, 0.012, _BONE)
            _ellipse(hu, x, y, 0.014, 0.007, _MARROW)


def _vessels(rng: np.random.Generator, count: int = 90) -> "NDArray[np.float64]":
    side = rng.choice((-1.0, 1.0), count)
    return np.column_stack(
        (side, rng.uniform(-0.85, 0.85, (count, 2)), rng.normal(0, 0.5, (count, 2)),
         rng.gamma(2.0, 0.0011, count) + 0.0016)
    )  # fmt: skip


def _draw_vessels(
    hu: Image, vessels: "NDArray[np.float64]", center: float, lung: float, level: float
) -> None:
    for _, x, y, drift_x, drift_y, radius in vessels:
        across, down = x + drift_x * (level - 0.5), y + drift_y * (level - 0.5)
        if across**2 + down**2 < 0.8:
            middle = center + 0.125 * lung * across, 0.51 + 0.19 * lung * down
            _ellipse(hu, *middle, radius, radius * 1.2, _BLOOD)


def head_slice(level: float, size: int, weighting: str, texture: Image) -> Image:
    """One axial slice of a head; `level` 0 at the skull base, 1 at the vertex."""
    scalp, marrow, gray, white, fluid = (
        (900, 620, 560, 720, 180) if weighting == "T1" else (760, 420, 820, 600, 1500)
    )
    signal = np.zeros((size, size), np.float32)
    round_ = np.sqrt(max(0.02, 1 - (max(0.0, level - 0.25) / 0.82) ** 2))
    wide, long = 0.34 * round_, 0.43 * round_
    _ellipse(signal, 0.5, 0.5, wide + 0.035, long + 0.035, scalp)
    _ellipse(signal, 0.5, 0.5, wide + 0.02, long + 0.02, 40)
    _ellipse(signal, 0.5, 0.5, wide + 0.012, long + 0.012, marrow)
    _ellipse(signal, 0.5, 0.5, wide + 0.004, long + 0.004, 40)
    _ellipse(signal, 0.5, 0.5, wide, long, fluid)
    _brain(signal, wide, long, gray, white, texture)
    _ventricles(signal, level, gray, fluid)
    return signal


def _brain(signal: Image, wide: float, long: float, gray: int, white: int, texture: Image) -> None:
    """Grey matter folded over white; the fissure between the halves meanders a little."""
    y, x = _grid(signal.shape[0])
    d = ((x - 0.5) / (wide * 0.97)) ** 2 + ((y - 0.5) / (long * 0.97)) ** 2
    across = np.abs(x - 0.5) + 0.003 * texture
    brain = (d < 1) & (d + 0.09 * texture < 0.98) & (across > 0.006)
    signal[brain] = gray
    signal[brain & (d + 0.24 * texture < 0.68) & (across + 0.012 * texture > 0.028)] = white


def _ventricles(signal: Image, level: float, gray: int, fluid: int) -> None:
    open_ = max(0.0, np.sin(np.pi * np.clip((level - 0.25) / 0.5, 0, 1)))
    for side in (-1, 1):
        if level < 0.6:
            _ellipse(signal, 0.5 + side * 0.075, 0.5, 0.032, 0.06, gray)  # basal ganglia
        if open_ > 0.1:
            _ellipse(signal, 0.5 + side * 0.035, 0.42, 0.02 * open_, 0.075 * open_, fluid)
            _ellipse(signal, 0.5 + side * 0.055, 0.58, 0.018 * open_, 0.065 * open_, fluid)
    if level < 0.22:
        _ellipse(signal, 0.5, 0.7, 0.16, 0.11, gray)  # cerebellum
        _ellipse(signal, 0.5, 0.62, 0.02, 0.018, fluid)


def _radiograph(rows: int, columns: int, rng: np.random.Generator) -> Image:
    """Attenuation summed along the beam: dark lungs between a white middle and ribs."""
    shown = np.full((rows, columns), 150, np.float32)
    _ellipse(shown, 0.5, 0.62, 0.46, 0.62, 2300)
    _ellipse(shown, 0.5, 0.02, 0.16, 0.18, 2250)
    for side in (-1, 1):
        _ellipse(shown, 0.5 + side * 0.205, 0.47, 0.16, 0.335, 900)
    for rib in range(9):
        for side in (-1, 1):
            _rib_shadow(shown, side, 0.2 + 0.07 * rib)
    _add(shown, 0.5, 0.5, 0.055, 0.6, 900)
    _add(shown, 0.56, 0.62, 0.14, 0.14, 1300)
    for side, dome in ((-1, 0.79), (1, 0.82)):
        _ellipse(shown, 0.5 + side * 0.22, dome + 0.14, 0.21, 0.16, 2900)
        _add(shown, 0.5 + side * 0.2, 0.15, 0.17, 0.014, 550)  # clavicles
    blurred = (shown + np.roll(shown, 2, 0) + np.roll(shown, 2, 1) + np.roll(shown, -2, 0)) / 4
    noise = rng.normal(0, 22, shown.shape).astype(np.float32)
    return np.asarray(blurred + noise, np.float32)


def _rib_shadow(shown: Image, side: int, height: float) -> None:
    for step in range(16):
        angle = step / 15 * np.pi * 0.9
        x = 0.5 + side * (0.04 + 0.155 * (1 - np.cos(angle)))
        _add(shown, x, height + 0.075 * np.sin(angle / 1.6), 0.026, 0.011, 150)


@functools.lru_cache(maxsize=4)
def _grid(size: int) -> tuple[Image, Image]:
    y, x = np.mgrid[0:size, 0:size].astype(np.float32) / size
    return y, x


def _texture(rng: np.random.Generator, size: int) -> Image:
    """Smooth bumps between about -1 and 1: a few waves of random direction and phase."""
    y, x = _grid(size)
    bumps = np.zeros((size, size), np.float32)
    for _ in range(9):
        along, across, phase = rng.uniform(35, 95), rng.uniform(0, 2 * np.pi), rng.uniform(0, 6.3)
        bumps += np.sin(along * (np.cos(across) * x + np.sin(across) * y) + phase)
    return bumps / np.float32(4)


def _cover(
    image: Image, x: float, y: float, rx: float, ry: float
) -> tuple[tuple[slice, slice], Image] | None:
    """Where an ellipse lies and how far it covers each pixel there, its edge one pixel soft."""
    rows, columns = image.shape
    cx, cy, ax, ay = x * columns, y * rows, rx * columns, ry * rows
    left, right = max(0, int(cx - ax) - 1), min(columns, int(cx + ax) + 3)
    top, bottom = max(0, int(cy - ay) - 1), min(rows, int(cy + ay) + 3)
    if min(ax, ay) < 0.3 or left >= right or top >= bottom:
        return None
    across = ((np.arange(left, right, dtype=np.float32) - cx) / ax) ** 2
    down = ((np.arange(top, bottom, dtype=np.float32) - cy) / ay) ** 2
    distance = (1 - np.sqrt(down[:, None] + across[None, :])) * min(ax, ay)
    return (slice(top, bottom), slice(left, right)), np.clip(distance + 0.5, 0, 1)


def _ellipse(image: Image, x: float, y: float, rx: float, ry: float, value: float) -> None:
    if found := _cover(image, x, y, rx, ry):
        where, share = found
        image[where] += share * (np.float32(value) - image[where])


def _add(image: Image, x: float, y: float, rx: float, ry: float, value: float) -> None:
    if found := _cover(image, x, y, rx, ry):
        where, share = found
        image[where] += share * np.float32(value)


# --- DICOM ----------------------------------------------------------------------------------------


def _seed(study: Study, number: int) -> int:
    return int.from_bytes(hashlib.sha256(f"{study.accession}/{number}".encode()).digest()[:8])


def _image(
    study: Study, modality: str, sop_class: UID, series: int, instance: int, description: str
) -> Dataset:
    """What all images of the demo have: patient, study, series, equipment, general image."""
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL" if modality == "CT" else "OTHER"]
    dataset.SOPClassUID = sop_class
    dataset.SOPInstanceUID = uid("instance", study.accession, series, instance)
    dataset.StudyDate = dataset.SeriesDate = dataset.ContentDate = study.date
    dataset.StudyTime = dataset.SeriesTime = dataset.ContentTime = study.time
    dataset.AcquisitionDate, dataset.AcquisitionTime = study.date, study.time
    dataset.AccessionNumber = study.accession
    dataset.Modality = modality
    dataset.Manufacturer = "Handover"
    dataset.ManufacturerModelName = "Synthetic"
    dataset.InstitutionName = study.institution
    dataset.ReferringPhysicianName = study.referring
    dataset.StudyDescription = study.description
    dataset.SeriesDescription = description
    dataset.PatientName = study.person.name
    dataset.PatientID = study.person.patient_id
    dataset.PatientBirthDate = study.person.birth_date
    dataset.PatientSex = study.person.sex
    dataset.StudyInstanceUID = study.uid
    dataset.SeriesInstanceUID = uid("series", study.accession, series)
    dataset.StudyID = study.accession[-6:]
    dataset.SeriesNumber, dataset.InstanceNumber = series, instance
    dataset.AcquisitionNumber = 1
    dataset.PatientOrientation = ""
    dataset.BurnedInAnnotation = "NO"
    return dataset


def _ct_elements(dataset: Dataset, index: int, slices: int, size: int) -> None:
    dataset.BodyPartExamined = "CHEST"
    dataset.PatientPosition = "HFS"
    dataset.KVP = "120"
    dataset.SliceThickness = "5"
    dataset.ConvolutionKernel = "SOFT"
    dataset.ContrastBolusAgent = "IODINE"
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = "-1024", "1", "HU"
    dataset.WindowCenter, dataset.WindowWidth = ["40", "-500"], ["400", "1500"]
    dataset.WindowCenterWidthExplanation = ["Soft tissue", "Lung"]
    _place(dataset, 400 / size, 5.0 * (slices - index))


def _mr_elements(dataset: Dataset, index: int, size: int, weighting: str) -> None:
    echo, repetition, window = ("12", "520", 1100) if weighting == "T1" else ("98", "4200", 1800)
    dataset.BodyPartExamined = "HEAD"
    dataset.PatientPosition = "HFS"
    dataset.ScanningSequence, dataset.SequenceVariant, dataset.ScanOptions = "SE", "SK", ""
    dataset.MRAcquisitionType = "2D"
    dataset.MagneticFieldStrength = "1.5"
    dataset.EchoTime, dataset.RepetitionTime = echo, repetition
    dataset.EchoTrainLength = "1"
    dataset.SliceThickness, dataset.SpacingBetweenSlices = "5", "6"
    dataset.WindowCenter, dataset.WindowWidth = str(window // 2), str(window)
    _place(dataset, 240 / size, 6.0 * index)


def _place(dataset: Dataset, spacing: float, height: float) -> None:
    """An axial slice around the middle of the scanner; `spacing` and `height` in millimetres."""
    size = 400 if dataset.Modality == "CT" else 240
    dataset.FrameOfReferenceUID = uid("frame", dataset.StudyInstanceUID)
    dataset.PositionReferenceIndicator = ""
    dataset.PixelSpacing = [f"{spacing:.6g}"] * 2
    dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    dataset.ImagePositionPatient = [-size / 2, -size / 2, height]
    dataset.SliceLocation = height


def _encoded(dataset: Dataset, pixels: NDArray[Any], *, bits: int) -> bytes:
    dataset.SamplesPerPixel = 1
    dataset.setdefault("PhotometricInterpretation", "MONOCHROME2")
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, bits, bits - 1
    dataset.PixelRepresentation = 0
    dataset["PixelData"] = _pixel_element(pixels)
    return part10(dataset)


def _pixel_element(pixels: NDArray[Any]) -> Any:
    holder = Dataset()
    holder.add_new("PixelData", "OW", pixels.tobytes())
    return holder["PixelData"]


def part10(dataset: Dataset, syntax: UID = ExplicitVRLittleEndian) -> bytes:
    """A data set as the bytes of a Part 10 file."""
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.file_meta.ImplementationVersionName = "HANDOVER"
    target = io.BytesIO()
    dcmwrite(target, dataset, enforce_file_format=True)
    return target.getvalue()
