"""Writes the studies: which objects each patient has, in which transfer syntax."""

from collections.abc import Callable, Iterable
from pathlib import Path

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
)

from tests.deid.phi import images, papers
from tests.deid.phi.people import PEOPLE, Person
from tests.deid.phi.truth import Node, Plant, Truth

Making = Callable[[Node], None]

SYNTAXES = (
    ("explicit", ExplicitVRLittleEndian),
    ("implicit", ImplicitVRLittleEndian),
    ("big", ExplicitVRBigEndian),
    ("deflated", DeflatedExplicitVRLittleEndian),
    ("rle", RLELossless),
    ("j2k", JPEG2000Lossless),
    ("jls", JPEGLSLossless),
    ("jpeg", JPEGBaseline8Bit),
)
OBJECTS: dict[str, Making] = {
    "mr": images.mr,
    "us": images.us,
    "cr": images.cr,
    "every-vr": images.every_vr,
    "sr": papers.sr,
    "gsps": papers.gsps,
    "seg": papers.seg,
    "rtstruct": papers.rtstruct,
    "kos": papers.kos,
    "pdf": papers.pdf,
    "cda": papers.cda,
}


def make(
    folder: Path, *, people: Iterable[Person] = PEOPLE, bitstream: bool = False, pixels: bool = True
) -> Truth:
    """Write every object of every patient below `folder`.

    Parameters
    ----------
    folder
        Takes one folder a patient.
    people
        The patients.
    bitstream
        Also plant a comment inside a JPEG, which nobody can take out without touching the pixels'
        bytes.
    pixels
        Also draw the name into the pixels of the ultrasound image.
    """
    truth = Truth()
    for number, person in enumerate(people):
        for offset in range(3):
            name, syntax = SYNTAXES[(3 * number + offset) % len(SYNTAXES)]
            _write(folder, truth, person, f"ct-{name}", images.ct(offset), syntax)
        for name, making in OBJECTS.items():
            if pixels or name != "us":
                _write(folder, truth, person, name, making, ExplicitVRLittleEndian)
        if bitstream:
            _write(folder, truth, person, "comment", images.commented, JPEGBaseline8Bit)
    return truth


def _write(
    folder: Path, truth: Truth, person: Person, name: str, making: Making, syntax: UID
) -> None:
    file = f"{person.key}/{name}.dcm"
    dataset = Dataset()
    node = Node(truth, file, person, dataset)
    images.common(node)
    making(node)
    images.padded(node)
    _encode(dataset, syntax)
    dataset.file_meta = _header(node, dataset, syntax)
    dataset.preamble = _preamble(node)
    path = folder / file
    path.parent.mkdir(parents=True, exist_ok=True)
    little, implicit = syntax != ExplicitVRBigEndian, syntax == ImplicitVRLittleEndian
    dcmwrite(path, dataset, implicit_vr=implicit, little_endian=little, enforce_file_format=True)
    if name == "kos":
        with path.open("ab") as more:
            needle = person.patient_id
            more.write(b"\xfc\xff\xfc\xffOB\0\0\x40\0\0\0" + needle.encode().ljust(64, b"\0"))
        truth.plants.append(Plant("trailing padding", file, (), needle))


def _encode(dataset: Dataset, syntax: UID) -> None:
    if syntax in {RLELossless, JPEG2000Lossless, JPEGLSLossless}:
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.compress(syntax, generate_instance_uid=False)
    elif syntax == JPEGBaseline8Bit:
        images.as_jpeg(dataset)


def _header(node: Node, dataset: Dataset, syntax: UID) -> FileMetaDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = syntax
    meta.ImplementationClassUID = UID("1.2.826.0.1.3680043.9.9999.1")
    meta.ImplementationVersionName = "MADEUP_1"
    meta.SourceApplicationEntityTitle = "HEDWIGAE9"
    meta.PrivateInformationCreatorUID = UID("1.2.826.0.1.3680043.9.9999.2")
    needle = node.person.patient_id
    meta.PrivateInformation = needle.encode()
    node.truth.plants.append(Plant("file meta", node.file, (), needle))
    node.truth.plants.append(Plant("file meta", node.file, (), "HEDWIGAE9"))
    return meta


def _preamble(node: Node) -> bytes:
    text = f"{node.person.patient_id} {node.person.accession}"
    node.truth.plants.append(Plant("preamble", node.file, (), text))
    return text.encode().ljust(128, b"\0")
