"""What the viewing page shows before any script runs: the series, and one picture."""

import dataclasses
import itertools
from collections.abc import Iterator
from typing import NamedTuple

from sharing.access import gate
from sharing.access.principal import Principal
from sharing.access.rules import Action
from sharing.studies import rules
from sharing.studies.models import Series, Study

LARGEST_PICTURE = 1024
# Where reading starts in the middle: stacks of slices. Everything else starts with its first image.
SLICED = frozenset({"CT", "MR", "PT"})
STACK = 10
# What was never meant to be a picture. A file of another kind that holds none lacks it.
DOCUMENTS = frozenset(
    {"SR", "DOC", "KO", "PR", "RTPLAN", "RTSTRUCT", "ECG", "HP", "REG", "ANN", "SEG"}
)


@dataclasses.dataclass(frozen=True, slots=True)
class Item:
    """One series of the list."""

    uid: str
    label: str
    modality: str
    number: int | None
    kind: str  # "images" or "document"
    images: int
    count: str
    thumbnail: str
    href: str
    selected: bool


class Frame(NamedTuple):
    """One frame of a series; `place` counts all of them from 1."""

    uid: str
    rows: int
    columns: int
    number: int
    place: int


@dataclasses.dataclass(frozen=True, slots=True)
class First:
    """The picture that stands in the page."""

    src: str
    width: int
    height: int
    alt: str
    series_uid: str
    instance_uid: str
    frame: int
    index: int
    total: int
    previous_href: str
    next_href: str


def items(found: list[Series], chosen: Series | None, root: str) -> list[Item]:
    return [_item(series, series == chosen, root) for series in found]


def _item(series: Series, selected: bool, root: str) -> Item:
    pictured = series.frame_count > 0
    address = f"{root}/studies/{series.study.uid}/series/{series.uid}"
    return Item(
        uid=series.uid,
        label=label(series),
        modality=series.modality,
        number=series.number,
        kind="images" if pictured else "document",
        images=series.frame_count,
        count=_count(series),
        thumbnail=f"{address}/thumbnail" if pictured else "",
        href=f"?series={series.uid}",
        selected=selected,
    )


def label(series: Series) -> str:
    words = series.description or series.protocol_name or series.body_part.capitalize()
    return words or (f"Series {series.number}" if series.number is not None else "Series")


def _count(series: Series) -> str:
    lacking = series.instance_count - series.frame_count
    if not series.frame_count:
        document = series.modality in DOCUMENTS
        return (
            _counted(lacking, "document")
            if document
            else f"{_counted(lacking, 'file')}, no picture"
        )
    if lacking > 0:
        return f"{_counted(series.frame_count, 'image')}, {lacking} without a picture"
    if series.frame_count == series.instance_count:
        return _counted(series.frame_count, "image")
    return f"{_counted(series.instance_count, 'clip')}, {_counted(series.frame_count, 'image')}"


def _counted(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def chosen(found: list[Series], uid: str) -> Series | None:
    """The series asked for, else the first with pictures, else the first."""
    named = next((series for series in found if series.uid == uid), None)
    pictured = next((series for series in found if series.frame_count), None)
    return named or pictured or next(iter(found), None)


def first(principal: Principal, series: Series | None, asked: str, root: str) -> First | None:
    """The picture to begin with: the one asked for, the middle of a stack, else the first."""
    if series is None or not series.frame_count:
        return None
    index = min(int(asked), series.frame_count) if asked.isdecimal() and len(asked) < 8 else 0
    frame = frame_at(principal, series, index or _begin(series))
    return _first(series, frame, root) if frame else None


def _begin(series: Series) -> int:
    one_each = series.frame_count == series.instance_count
    sliced = series.modality in SLICED and one_each and series.instance_count >= STACK
    return (series.instance_count + 1) // 2 if sliced else 1


def frame_at(principal: Principal, series: Series, index: int) -> Frame | None:
    """The frame with this number in the order of reading."""
    frames = _frames(principal, series)
    return next(itertools.islice(frames, max(index, 1) - 1, None), None)


def _frames(principal: Principal, series: Series) -> Iterator[Frame]:
    rows = gate.instances_of(principal, series, Action.VIEW).filter(frame_count__gt=0)
    seen: set[str] = set()
    index = itertools.count(1)
    for uid, count, height, width in rows.values_list("uid", "frame_count", "rows", "columns"):
        if uid in seen:
            continue
        seen.add(uid)
        for number in range(1, count + 1):
            yield Frame(uid, height or 1, width or 1, number, next(index))


def _first(series: Series, frame: Frame, root: str) -> First:
    longest = max(frame.rows, frame.columns)
    side = min(longest, LARGEST_PICTURE)
    instance = f"{root}/studies/{series.study.uid}/series/{series.uid}/instances/{frame.uid}"
    last = frame.place >= series.frame_count
    return First(
        src=f"{instance}/frames/{frame.number}/rendered?viewport={side},{side}",
        width=max(1, round(frame.columns * side / longest)),
        height=max(1, round(frame.rows * side / longest)),
        alt=f"{label(series)}, image {frame.place} of {series.frame_count}",
        series_uid=series.uid,
        instance_uid=frame.uid,
        frame=frame.number,
        index=frame.place,
        total=series.frame_count,
        previous_href=_page(series, frame.place - 1) if frame.place > 1 else "",
        next_href="" if last else _page(series, frame.place + 1),
    )


def _page(series: Series, index: int) -> str:
    return f"?series={series.uid}&image={index}"


def banner(study: Study) -> dict[str, str]:
    patient = study.patient
    return {
        "patient_name": patient.display_name or patient.name,
        "birth_date": rules.date_text(patient.birth_date),
        "patient_id": patient.patient_id,
        "study_date": rules.date_text(study.date),
        "study_description": study.description,
    }
