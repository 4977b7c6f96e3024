"""Text of a data set in Unicode, whatever its Specific Character Set (PS3.5 6.1, PS3.3 C.12.1.1.2).

Clinicians want the name readable even where the header is wrong, so: unknown terms count as
absent, text that its declared set cannot read is tried as UTF-8 and then as Latin-1, and escape
sequences work whether or not they were announced.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

_ESC: Final = b"\x1b"

_CODEC_OF_NUMBER: Final = {
    "6": "ascii",
    "100": "latin_1",
    "101": "iso8859_2",
    "109": "iso8859_3",
    "110": "iso8859_4",
    "144": "iso8859_5",
    "127": "iso8859_6",
    "126": "iso8859_7",
    "138": "iso8859_8",
    "148": "iso8859_9",
    "203": "iso8859_15",
    "13": "shift_jis",
    "166": "iso8859_11",
    "87": "iso2022_jp",
    "159": "iso2022_jp_2",
    "149": "euc_kr",
    "58": "gb2312",
    "192": "utf_8",
}
_CODEC_OF_NAME: Final = {
    "GB18030": "gb18030",
    "GBK": "gbk",
    "GB2312": "gb18030",
    "UTF8": "utf_8",
    "LATIN1": "latin_1",
    "ISO88591": "latin_1",
}
# A set that two-byte text of G0 belongs to needs its escape in front: Python's codec reads both.
_SHIFTED: Final = frozenset({"iso2022_jp", "iso2022_jp_2"})

_ESCAPES: Final[dict[bytes, tuple[str, bytes]]] = {
    b"(B": ("ascii", b""),
    b"(J": ("shift_jis", b""),
    b")I": ("shift_jis", b""),
    b"$B": ("iso2022_jp", b"\x1b$B"),
    b"$@": ("iso2022_jp", b"\x1b$@"),
    b"$(D": ("iso2022_jp_2", b"\x1b$(D"),
    b"$)C": ("euc_kr", b""),
    b"$)A": ("gb2312", b""),
    b"-A": ("latin_1", b""),
    b"-B": ("iso8859_2", b""),
    b"-C": ("iso8859_3", b""),
    b"-D": ("iso8859_4", b""),
    b"-L": ("iso8859_5", b""),
    b"-G": ("iso8859_6", b""),
    b"-F": ("iso8859_7", b""),
    b"-H": ("iso8859_8", b""),
    b"-M": ("iso8859_9", b""),
    b"-b": ("iso8859_15", b""),
    b"-T": ("iso8859_11", b""),
}
_G0: Final = frozenset({b"(B", b"(J"})

NAME_BREAKS: Final = b"\\\\^="
VALUE_BREAKS: Final = b"\\\\\\r\\n\\f\\t"


def codec_of(term: str) -> str:
    """Python's codec for one defined term, spelled well or badly; "" if it means nothing.

    Examples
    --------
    >>> codec_of("ISO_IR 100"), codec_of("ISO 2022 IR 87"), codec_of("utf-8"), codec_of("X")
    ('latin_1', 'iso2022_jp', 'utf_8', '')
    """
    plain = re.sub(r"[^A-Z0-9]", "", term.upper())
    if plain in _CODEC_OF_NAME:
        return _CODEC_OF_NAME[plain]
    named = re.fullmatch(r"(?:ISO)?(?:2022)?(?:IR)?(\d{1,3})|(?:ISO)?2022(GBK)", plain)
    if named is None:
        return ""
    return _CODEC_OF_NUMBER.get(named[1], "") if named[1] else _CODEC_OF_NAME["GBK"]


@lru_cache(maxsize=256)
def codecs_of(charset: str) -> tuple[str, ...]:
    """Codecs of a Specific Character Set; the first is the one text begins in.

    Parameters
    ----------
    charset
        The element's value, its several terms separated by a backslash.

    Examples
    --------
    >>> codecs_of(r"\\ISO 2022 IR 149")
    ('ascii', 'euc_kr')
    """
    found = [codec_of(term) if term.strip() else "ascii" for term in charset.split("\\")]
    known = [codec for codec in found if codec]
    if known and known[0] in _SHIFTED:
        known.insert(0, "ascii")
    return tuple(known) or ("ascii",)


def decode(raw: bytes, charset: str, breaks: bytes = VALUE_BREAKS) -> str:
    """Unicode of a text value; never raises.

    Parameters
    ----------
    raw
        The value's bytes, without padding or with it.
    charset
        Specific Character Set of the data set or item, terms separated by a backslash.
    breaks
        Characters (inside a bytes pattern's brackets) that end the reach of an escape:
        `NAME_BREAKS` for PN, `VALUE_BREAKS` for other text.
    """
    if _ESC not in raw:
        return raw.decode("ascii") if raw.isascii() else _plain(raw, codecs_of(charset))
    return "".join(_escaped(raw, codecs_of(charset), breaks))


def _plain(raw: bytes, codecs: tuple[str, ...]) -> str:
    """Text without escapes: the first set, then any other announced, then the usual mistakes."""
    candidates = (*codecs, "utf_8") if codecs != ("utf_8",) else codecs
    for codec in candidates:
        if codec in _SHIFTED:
            continue
        try:
            return raw.decode(codec)
        except UnicodeDecodeError:
            continue
    multibyte = codecs[0] in ("gb18030", "gbk", "shift_jis", "euc_kr")
    return raw.decode(codecs[0], "replace") if multibyte else raw.decode("latin_1")


def _escaped(raw: bytes, codecs: tuple[str, ...], breaks: bytes) -> Iterator[str]:
    """Pieces of text with ISO 2022 escapes, each read in the set designated before it."""
    first, *rest = raw.split(_ESC)
    yield _run(first, codecs[0], codecs)
    upper = codecs[0]
    for piece in rest:
        escape = next((e for e in _ESCAPES if piece.startswith(e)), b"")
        body = piece[len(escape) :]
        if not escape:
            yield _run(body, upper, codecs)
            continue
        codec, shift = _ESCAPES[escape]
        if shift:
            yield _shifted(shift, body, codec)
            continue
        # G0 to ASCII or JIS romaji leaves the set of the upper half as it was.
        upper = upper if escape in _G0 and codec == "ascii" else codec
        yield from _reset_at_breaks(body, upper, codecs, breaks)


def _reset_at_breaks(
    body: bytes, codec: str, codecs: tuple[str, ...], breaks: bytes
) -> Iterator[str]:
    """A run in one set; behind a delimiter the initial set holds again (PS3.5 6.1.2.5.3)."""
    match = re.search(b"[" + breaks + b"]", body)
    if match is None:
        yield _run(body, codec, codecs)
        return
    yield _run(body[: match.start()], codec, codecs)
    # Writers that forget to escape again mean the same set, not question marks.
    yield _run(body[match.start() :], codecs[0], (codecs[0], codec, *codecs[1:]))


def _run(raw: bytes, codec: str, codecs: tuple[str, ...]) -> str:
    if raw.isascii():
        return raw.decode("ascii")
    try:
        return raw.decode(codec)
    except UnicodeDecodeError:
        return _plain(raw, codecs)


def _shifted(shift: bytes, body: bytes, codec: str) -> str:
    """Two-byte text of G0; a single-byte rest behind it is read as ASCII."""
    return (shift + body).decode(codec, "replace")
