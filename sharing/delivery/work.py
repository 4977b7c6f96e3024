"""A set of images as one ZIP that any PACS reads, laid out to the byte before it is sent."""

import dataclasses
import datetime
import itertools
import zlib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson
from django.template.loader import render_to_string
from django.utils import timezone

from sharing.dicom import media, zips
from sharing.dicom.part10 import Opening
from sharing.storage.objects import store
from sharing.studies.models import Instance

AT_ONCE = 16  # beginnings of files read side by side, where the store is far away
ENTRY_FIELDS = frozenset(field.name for field in dataclasses.fields(media.Entry))


@dataclasses.dataclass(frozen=True, slots=True)
class _File:
    """A stored instance as it is sent: `head` in place of its first `start` bytes."""

    key: str
    head: bytes
    start: int

    def opened(self, at: int) -> Iterator[bytes]:
        if at < len(self.head):
            yield self.head[at:]
        yield from store().stream(self.key, self.start + max(0, at - len(self.head)))


class Disc:
    """The ZIP: images under DICOM/, DICOMDIR and README.TXT beside them, conflicts apart.

    Of several files with one SOP Instance UID the one that came first stands in the directory;
    the others lie under CONFLICTS/, because a directory can name an image only once.
    """

    def __init__(self, instances: Iterable[Instance], *, sender: str) -> None:
        listed, apart = _sorted_out(instances)
        entries = [_entry(one) for one in listed]
        ids = media.file_ids(entries)
        names = [*ids, *(f"CONFLICTS/IM{number:06}" for number in range(1, len(apart) + 1))]
        kept = [*listed, *apart]
        self.files = list(_files(kept))
        self.texts = [media.dicomdir(entries, ids), _readme(sender, apart)]
        beside = zip(("DICOMDIR", "README.TXT"), self.texts, strict=True)
        latest = max((_local(one.arrived_at) for one in kept), default=zips.EPOCH)
        members = [zips.Member(name, len(text), zlib.crc32(text), latest) for name, text in beside]
        checked = zip(names, kept, self.files, _checksums(kept, self.files), strict=True)
        members += [
            zips.Member(name, _size(one, file), checksum, _local(one.arrived_at))
            for name, one, file, checksum in checked
        ]
        self.plan = zips.Plan(members)

    def stream(self, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        return self.plan.stream(self._opened, start, stop)

    def _opened(self, number: int, at: int) -> Iterator[bytes]:
        if number < len(self.texts):
            return iter((self.texts[number][at:],))
        return self.files[number - len(self.texts)].opened(at)


def _sorted_out(instances: Iterable[Instance]) -> tuple[list[Instance], list[Instance]]:
    """The first file of each SOP Instance UID, and all others."""
    ordered = sorted(instances, key=lambda one: (one.uid, one.variant))
    groups = [list(group) for _, group in itertools.groupby(ordered, lambda one: one.uid)]
    return [group[0] for group in groups], [one for group in groups for one in group[1:]]


def _entry(instance: Instance) -> media.Entry:
    found = orjson.loads(zlib.decompress(bytes(instance.header.attributes)))
    metadata: dict[str, Any] = {}
    if media.record_type(instance.sop_class_uid) != "IMAGE":
        metadata = orjson.loads(zlib.decompress(bytes(instance.header.metadata)))
    return media.Entry(
        sop_class_uid=instance.sop_class_uid,
        sop_instance_uid=instance.uid,
        transfer_syntax=instance.transfer_syntax_uid,
        study_uid=instance.series.study.uid,
        series_uid=instance.series.uid,
        metadata=metadata,
        **{name: value for name, value in found.items() if name in ENTRY_FIELDS},
    )


def _files(instances: Sequence[Instance]) -> Iterator[_File]:
    for one in instances:
        opening = Opening(
            one.has_preamble, one.has_meta, one.dataset_offset, one.transfer_syntax_uid
        )
        head, start = media.beginning(
            opening, sop_class_uid=one.sop_class_uid, sop_instance_uid=one.uid
        )
        yield _File(one.key, head, start)


def _size(instance: Instance, file: _File) -> int:
    return len(file.head) + instance.size - file.start


def _local(moment: datetime.datetime) -> datetime.datetime:
    return timezone.localtime(moment).replace(tzinfo=None)


def _checksums(instances: Sequence[Instance], files: Sequence[_File]) -> Iterable[int]:
    """The checksum of each file; in a bucket each costs a request, so several go side by side."""
    if not instances or store().local_path(instances[0].key) is not None:
        return map(_checksum, instances, files)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(_checksum, instances, files))


def _checksum(instance: Instance, file: _File) -> int:
    """CRC-32 of what is sent, from that of what is stored and the bytes that are replaced."""
    replaced = store().read(instance.key, 0, file.start)
    if replaced == file.head:
        return instance.crc32
    rest_size = instance.size - file.start
    rest = zips.crc_without_head(instance.crc32, replaced, rest_size)
    return zips.combined_crc(zlib.crc32(file.head), rest, rest_size)


def _readme(sender: str, apart: Sequence[Instance]) -> bytes:
    context = {
        "sender": sender,
        "conflicts": [(f"IM{number:06}", one.uid) for number, one in enumerate(apart, 1)],
    }
    text = render_to_string("delivery/readme.txt", context).strip() + "\n"
    return text.replace("\n", "\r\n").encode()
