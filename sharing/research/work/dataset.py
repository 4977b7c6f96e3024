"""A release as a dataset: one ZIP with the images, an index as CSV and Parquet, and the certificate.

The index has a row for each file and names which other files of the dataset it refers to, so that
reports, segmentations and measurements stay with the images that they are about. The archive is
laid out to the byte first and then streamed from the store.
"""

import csv
import dataclasses
import enum
import io
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from sharing.access import gate
from sharing.access.principal import Principal
from sharing.access.rules import Action
from sharing.dicom import zips
from sharing.storage.objects import store
from sharing.studies.models import Instance, Study

REFERENCED = "00081155"  # Referenced SOP Instance UID (PS3.3 10.8)
FOLDERS = {"SR": "reports", "SEG": "segmentations", "RTSTRUCT": "structures", "PR": "presentations"}


class Layout(enum.StrEnum):
    FLAT = "flat"
    TREE = "tree"


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """One file of the index."""

    file: str
    patient: str
    sex: str
    study_uid: str
    study_date: str
    study_description: str
    series_uid: str
    series_number: int | None
    series_description: str
    modality: str
    body_part: str
    manufacturer: str
    sop_class_uid: str
    sop_instance_uid: str
    instance_number: int | None
    rows: int | None
    columns: int | None
    frames: int
    bytes: int
    sha256: str
    refers_to: str  # files of the dataset, with blanks between
    refers_to_others: int  # how many it refers to that are not in the dataset


def instances(by: Principal, studies: Iterable[Study]) -> Iterator[Instance]:
    """The files of `studies`, each with its header; of conflicting files the one that came first."""
    for study in studies:
        for series in gate.series_of(by, study, Action.DOWNLOAD):
            found = gate.instances_of(by, series, Action.DOWNLOAD).filter(variant=0)
            found = found.select_related("header", "series__study__patient")
            yield from found.defer("header__attributes", "header__frames").iterator(500)


class Dataset:
    """The archive; `plan.size` is known before its first byte."""

    def __init__(self, found: Iterable[Instance], layout: Layout, certificate: bytes) -> None:
        self.members: list[zips.Member] = []
        self.keys: list[str] = []
        rows = _linked(list(self._laid_out(found, layout)))
        texts = {"certificate.json": certificate, "index.csv": _csv(rows)}
        texts["index.parquet"] = _parquet(rows)
        if layout == Layout.TREE:
            texts |= {"participants.tsv": _participants(rows), "README": _readme()}
        self.texts = list(texts.values())
        beside = [zips.Member(name, len(text), zlib.crc32(text)) for name, text in texts.items()]
        self.plan = zips.Plan([*beside, *self.members])

    def stream(self) -> Iterator[bytes]:
        return self.plan.stream(self._opened)

    def _opened(self, number: int, at: int) -> Iterable[bytes]:
        if number < len(self.texts):
            return (self.texts[number][at:],)
        return store().stream(self.keys[number - len(self.texts)], at)

    def _laid_out(
        self, found: Iterable[Instance], layout: Layout
    ) -> Iterator[tuple[Row, frozenset[str]]]:
        naming = _Naming(layout)
        for one in found:
            name = naming.name(one)
            self.members.append(zips.Member(name, one.size, one.crc32))
            self.keys.append(one.key)
            metadata = orjson.loads(zlib.decompress(bytes(one.header.metadata)))
            yield _row(one, name), frozenset(_references(metadata))


class _Naming:
    """Where each file stands in the archive; numbers count in the order of the files."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.sessions: dict[str, dict[str, int]] = defaultdict(dict)
        self.counts: dict[str, int] = defaultdict(int)

    def name(self, one: Instance) -> str:
        if self.layout == Layout.FLAT:
            return f"images/{one.uid}.dcm"
        series, study = one.series, one.series.study
        subject = f"sub-{_plain(study.patient.patient_id) or 'unknown'}"
        sessions = self.sessions[subject]
        session = f"ses-{sessions.setdefault(study.uid, len(sessions) + 1):02}"
        kind = FOLDERS.get(series.modality, _plain(series.modality).lower() or "other")
        stem = f"{subject}_{session}_{_plain(series.modality) or 'OT'}-{series.number or 0}"
        folder = f"{subject}/{session}/{kind}"
        self.counts[f"{folder}/{stem}"] += 1
        return f"{folder}/{stem}_{self.counts[f'{folder}/{stem}']:05}.dcm"


def _plain(text: str) -> str:
    return "".join(letter for letter in text if letter.isascii() and letter.isalnum())


def _row(one: Instance, name: str) -> Row:
    series, study = one.series, one.series.study
    return Row(
        file=name,
        patient=study.patient.patient_id,
        sex=study.patient.sex,
        study_uid=study.uid,
        study_date=study.date,
        study_description=study.description,
        series_uid=series.uid,
        series_number=series.number,
        series_description=series.description,
        modality=series.modality,
        body_part=series.body_part,
        manufacturer=series.manufacturer,
        sop_class_uid=one.sop_class_uid,
        sop_instance_uid=one.uid,
        instance_number=one.number,
        rows=one.rows,
        columns=one.columns,
        frames=one.frame_count,
        bytes=one.size,
        sha256=bytes(one.sha256).hex(),
        refers_to="",
        refers_to_others=0,
    )


def _references(found: Any) -> Iterator[str]:
    """Every SOP Instance UID that a data set refers to, however deep."""
    for tag, element in found.items():
        for value in element.get("Value", ()):
            if isinstance(value, dict) and element.get("vr") == "SQ":
                yield from _references(value)
            elif tag == REFERENCED and isinstance(value, str):
                yield value


def _linked(found: list[tuple[Row, frozenset[str]]]) -> list[Row]:
    files = {row.sop_instance_uid: row.file for row, _ in found}
    return [
        dataclasses.replace(
            row,
            refers_to=" ".join(sorted(files[uid] for uid in named if uid in files)),
            refers_to_others=sum(uid not in files for uid in named),
        )
        for row, named in found
    ]


def _csv(rows: list[Row]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(field.name for field in dataclasses.fields(Row))
    writer.writerows(map(_safe, map(dataclasses.astuple, rows)))
    return text.getvalue().encode()


def _safe(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """A text that a spreadsheet would run as a formula is shown as a text."""
    return tuple(
        f"'{one}" if isinstance(one, str) and one[:1] in ("=", "+", "-", "@") else one
        for one in values
    )


def _parquet(rows: list[Row]) -> bytes:
    # Only here: it takes a while to load, and few come this way.
    import pyarrow
    from pyarrow import parquet

    numbers = {"series_number", "instance_number", "rows", "columns", "frames", "bytes"}
    numbers.add("refers_to_others")
    kinds = [
        (field.name, pyarrow.int64() if field.name in numbers else pyarrow.string())
        for field in dataclasses.fields(Row)
    ]
    table = pyarrow.Table.from_pylist(
        [dataclasses.asdict(row) for row in rows], schema=pyarrow.schema(kinds)
    )
    out = pyarrow.BufferOutputStream()
    parquet.write_table(table, out)
    return bytes(out.getvalue().to_pybytes())


def _participants(rows: list[Row]) -> bytes:
    people = {f"sub-{_plain(row.patient) or 'unknown'}": row.sex or "n/a" for row in rows}
    lines = ["participant_id\tsex", *(f"{one}\t{sex}" for one, sex in sorted(people.items()))]
    return "\n".join([*lines, ""]).encode()


def _readme() -> bytes:
    return (
        b"One folder for each patient (sub-), each examination (ses-) and each kind of object.\n"
        b"index.csv and index.parquet have a row for each file and say which files it refers to.\n"
        b"certificate.json says how these files were de-identified. The files are DICOM, not NIfTI.\n"
    )
