"""Answers that are longer than memory should be: files, documents, metadata, multipart."""

import secrets
import zlib
from collections.abc import Iterable, Iterator

import orjson
from django.db.models import QuerySet

from sharing.dicom import documents, media
from sharing.dicom.part10 import Opening
from sharing.dicomweb.rules.headers import for_pictures
from sharing.dicomweb.work.objects import closing_file
from sharing.storage.objects import store
from sharing.studies.models import Instance

BATCH = 64


def boundary() -> str:
    return secrets.token_hex(16)


def multipart(parts: Iterable[tuple[str, Iterable[bytes]]], line: str) -> Iterator[bytes]:
    """A multipart/related body of (content type, content) parts (RFC 2387)."""
    for content_type, chunks in parts:
        yield f"--{line}\r\nContent-Type: {content_type}\r\n\r\n".encode()
        yield from chunks
        yield b"\r\n"
    yield f"--{line}--\r\n".encode()


def part10(instance: Instance) -> tuple[int, Iterator[bytes]]:
    """Size and bytes of the instance as a valid Part 10 file, its preamble zeroed."""
    head, start = media.beginning(
        _opening(instance), sop_class_uid=instance.sop_class_uid, sop_instance_uid=instance.uid
    )
    return len(head) + instance.size - start, _after(head, instance, start)


def _opening(instance: Instance) -> Opening:
    return Opening(
        instance.has_preamble,
        instance.has_meta,
        instance.dataset_offset,
        instance.transfer_syntax_uid,
    )


def _after(head: bytes, instance: Instance, start: int) -> Iterator[bytes]:
    yield head
    yield from store().stream(instance.key, start)


def document(instance: Instance) -> tuple[int, Iterator[bytes]] | None:
    """The document that the instance encloses."""
    source = closing_file(instance)
    found = documents.enclosed(source, instance.size, _opening(instance))
    if found is None:
        source.close()
        return None
    length, pieces = found
    return length, _closing(source, pieces)


def _closing(source: object, pieces: Iterator[bytes]) -> Iterator[bytes]:
    try:
        yield from pieces
    finally:
        source.close()  # type: ignore[attr-defined]


# ---- Metadata ----------------------------------------------------------------------------------


def metadata(found: Iterable[QuerySet[Instance]], *, whole: bool) -> Iterator[bytes]:
    """A JSON array of the stored DICOM JSON of every instance, made when they arrived.

    Not `whole`: as much of it as goes with pictures.
    """
    separator = b"["
    for instances in found:
        rows = instances.values_list("transfer_syntax_uid", "header__metadata")
        for syntax, stored in rows.iterator(chunk_size=BATCH):
            header = zlib.decompress(bytes(stored))
            if not whole:
                header = orjson.dumps(for_pictures(orjson.loads(header)))
            yield separator + _with_syntax(header, syntax)
            separator = b","
    yield b"[]" if separator == b"[" else b"]"


def _with_syntax(stored: bytes, syntax: str) -> bytes:
    """Tells in which transfer syntax the frames are to be had (0008,3002)."""
    added = b'{"00083002":{"vr":"UI","Value":["%s"]}' % syntax.encode("ascii", "replace")
    return added + (b"}" if stored == b"{}" else b"," + stored[1:])


def gzipped(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """`chunks` as one gzip stream, quick rather than small."""
    packer = zlib.compressobj(1, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    for chunk in chunks:
        if packed := packer.compress(chunk):
            yield packed
    yield packer.flush()
