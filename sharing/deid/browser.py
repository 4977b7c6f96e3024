"""The rules for the browser: a profile compiled to JSON for `static/js/deid` (PS3.15 Annex E).

The browser walks bytes and replaces values as the engine does, but reads neither words nor
pictures. So a profile that has texts, reports, graphics or pixels cleaned is not for it, and files
that may need that are refused there.
"""

import json
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

from pydicom.datadict import DicomDictionary

from sharing.deid import values
from sharing.deid.known import Kind, spared, told_by
from sharing.deid.marks import LONGITUDINAL, METHOD, REMOVED, longitudinal, method
from sharing.deid.profile import AT_RISK, Private, Profile
from sharing.deid.refusal import DeidError
from sharing.deid.rules import Decision, Do, Rules
from sharing.deid.table import BASIC_METHOD, DATA, DATES, METHODS, Action, Option
from sharing.deid.types import FILE
from sharing.deid.vocabulary import names
from sharing.dicom.dictionary import vr_of
from sharing.dicom.media import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION

PROFILE: Final = "upload"
"""Name of the bundled profile that the upload page works by."""

_STORAGE: Final = "1.2.840.10008.5.1.4.1.1."
_IMAGES: Final = ("2", "2.1", "2.2", "4", "4.1", "4.3", "4.4", "128", "128.1", "130", "20")
# Kinds that have text in their pictures more often than not (as `profile.AT_RISK` by modality).
_WRITTEN_ON: Final = (
    "1", "1.1", "1.1.1", "1.2", "1.2.1", "1.3", "1.3.1", "12.1", "12.1.1", "12.2", "12.2.1",
    "13.1.1", "13.1.2", "13.1.3", "3.1", "6.1", "7", "7.1", "7.2", "7.3", "7.4",
)  # fmt: skip
_CAN: Final = frozenset(
    {
        Option.RETAIN_LONGITUDINAL_FULL_DATES,
        Option.RETAIN_LONGITUDINAL_MODIFIED_DATES,
        Option.RETAIN_PATIENT_CHARACTERISTICS,
        Option.RETAIN_DEVICE_IDENTITY,
        Option.RETAIN_INSTITUTION_IDENTITY,
        Option.RETAIN_UIDS,
    }
)
_ANYWHERE: Final = 1  # no sequence has this tag: inside of one that no IOD says more of
_BINARY: Final = frozenset({"OB", "UN"})
_CODED: Final = frozenset({"LO", "SH", "ST", "UC"})
_IDENTIFIERS: Final = ("ID", "Identifier", "Number")
_NAMED: Final = frozenset({0x00080102, 0x00080104, 0x00080120})
_TERMS: Final = (
    0x00080005, 0x00080008, 0x00080060, 0x00080061, 0x00080064, 0x00080068, 0x00185100,
    0x00200060, 0x00200062, 0x0040A010, 0x0040A040, 0x0040A050, 0x0040A491, 0x0040A493,
)  # fmt: skip
_WORDS: Final = {
    Do.REMOVE: "remove",
    Do.EMPTY: "empty",
    Do.REPLACE: "replace",
    Do.UID: "uid",
    Do.RETAIN: "retain",
    Do.SHIFT: "shift",
    Do.CODE: "code",
    Do.CONTENT: "content",
    Do.ENTER: "",
    Do.PSEUDONYM: "pseudonym",
}


def check(profile: Profile) -> None:
    """See that a profile asks for nothing that a browser cannot do.

    Raises
    ------
    DeidError
        Which option or rule it is.
    """
    for option in sorted(profile.options - _CAN):
        raise DeidError(f"A browser cannot do what {METHODS[option][1]} asks for.")
    for rule in profile.rules:
        if rule.action is Action.CLEAN or isinstance(rule.target, Private):
            raise DeidError(f"A browser cannot do what the rule for {rule.label} asks for.")


@lru_cache(maxsize=4)
def compiled(profile: Profile) -> dict[str, Any]:
    """The profile's rules as `static/js/deid/transform.js` reads them.

    Tags are eight hexadecimal digits; `decisions` says by tag what is done, `inside` where that
    differs in sequences, `classes` where it differs for a SOP class at a place (`parent/tag`).

    Raises
    ------
    DeidError
        If the profile is not for browsers (`check`).
    """
    check(profile)
    kinds = {_STORAGE + kind: False for kind in _IMAGES}
    kinds |= {_STORAGE + kind: True for kind in _WRITTEN_ON}
    rules = Rules(profile)
    return {
        "profile": {"name": profile.name, "version": profile.version, "digest": profile.digest},
        "kinds": kinds,
        "atRisk": list(AT_RISK),
        "keepsUids": Option.RETAIN_UIDS in profile.options,
        "decisions": _decisions(rules, list(kinds)),
        "keywords": _keywords(),
        "fixed": {
            _hex(r.target): r.value for r in profile.rules if r.value and isinstance(r.target, int)
        },
        "terms": [_hex(tag) for tag in _TERMS],
        "vrs": _vrs(),
        "known": _known(profile),
        "nobody": sorted(names("nobody")),
        "dummies": _dummies(),
        "marks": _marks(profile),
        "implementation": [IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION],
    }


def _decisions(rules: Rules, classes: list[str]) -> dict[str, Any]:
    plain = rules.of(classes[0])
    tags = sorted(DicomDictionary)
    everywhere = {tag: _word(plain[tag]) for tag in tags}
    inside = {tag: _word(plain[_ANYWHERE << 32 | tag]) for tag in tags}
    return {
        "all": {_hex(tag): word for tag, word in everywhere.items() if word},
        "inside": {_hex(t): word for t, word in inside.items() if word != everywhere[t]},
        "classes": {one: dict(_own(rules, one, everywhere, inside)) for one in classes},
    }


def _own(
    rules: Rules, sop_class: str, everywhere: dict[int, str], inside: dict[int, str]
) -> Iterator[tuple[str, str]]:
    """Places at which a SOP class wants more of an attribute than others do."""
    decisions = rules.of(sop_class)
    for place in _places():
        parent, _, written = place.partition("/")
        tag = int(written, 16)
        word = _word(decisions[int(parent or "0", 16) << 32 | tag])
        if word != (inside if parent else everywhere).get(tag, ""):
            yield place, word


def _places() -> list[str]:
    modules = json.loads((DATA / FILE).read_text(encoding="utf-8"))["modules"]
    return sorted({place for module in modules.values() for place in module})


def _word(decision: Decision | None) -> str:
    return _WORDS[decision.do] if decision is not None else ""


def _hex(tag: int) -> str:
    return f"{tag:08x}"


def _keywords() -> dict[str, str]:
    """Attributes that a code takes the place of, by the keyword that the code is derived with."""
    return {
        _hex(tag): row[4]
        for tag, row in DicomDictionary.items()
        if (row[0] in _CODED and row[4].endswith(_IDENTIFIERS)) or row[0] == "AE"
    }


def _vrs() -> dict[str, str]:
    found: dict[str, list[str]] = {}
    for tag in sorted(DicomDictionary):
        found.setdefault(vr_of(tag), []).append(_hex(tag))
    return {vr: " ".join(tags) for vr, tags in found.items()}


def _known(profile: Profile) -> dict[str, list[str]]:
    """Which attributes tell what is looked for; days are not, since they move."""
    unsought = {Kind.DATE} | spared(profile.options)
    found: dict[str, list[str]] = {}
    for tag, kind in sorted(told_by().items()):
        if kind not in unsought:
            found.setdefault(kind.value, []).append(_hex(tag))
    return found


def _dummies() -> dict[str, Any]:
    """What `values.dummy` writes, found out by asking it."""
    vrs = {vr for vr in _vrs() if len(vr) == 2} - _BINARY
    empty = {vr: values.dummy(0, vr, b"") for vr in vrs}
    texts = {vr: _pair(0, vr) for vr, value in empty.items() if value.strip(b"\0")}
    other = _pair(0, "LO")
    return {
        "numbers": {vr: len(value) for vr, value in empty.items() if not value.strip(b"\0")},
        "values": {vr: pair for vr, pair in texts.items() if pair != other},
        "codes": {_hex(tag): _pair(tag, vr_of(tag)) for tag in sorted(_NAMED)},
        "other": other,
    }


def _pair(tag: int, vr: str) -> list[str]:
    first = values.dummy(tag, vr, b"")
    return [first.decode("ascii"), values.dummy(tag, vr, first).decode("ascii")]


def _marks(profile: Profile) -> dict[str, Any]:
    options = profile.options
    return {
        "texts": [
            [_hex(REMOVED), "CS", "YES"],
            [_hex(METHOD), "LO", method(profile)],
            [_hex(LONGITUDINAL), "CS", longitudinal(options)],
        ],
        "codes": [
            list(code) for code in (BASIC_METHOD, *(METHODS[o] for o in METHODS if o in options))
        ],
        "dated": bool(options & DATES),
    }
