"""De-identification as plainly as can be, so that correct outputs can be had without the engine.

Slow, on pydicom's objects, for files that the tests made themselves. The verifier is tried on its
outputs, each broken in one way.
"""

import datetime
import hashlib
from collections.abc import Iterable
from pathlib import Path

import pydicom
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID

from sharing.deid.verify.table import CODES, Rule, Rules

STAND_INS = {
    "DA": "19000101", "DT": "19000101000000", "TM": "000000", "AS": "000Y", "IS": "0", "DS": "0",
    "UI": "2.25.1", "UN": b"\0\0", "OB": b"NO",
}  # fmt: skip
IMPLEMENTATION = UID("2.25.99")
SHIFT = 411


def deidentify(
    source: Path, target: Path, *, options: Iterable[str], names: Iterable[str] = ()
) -> None:
    """Apply the table, type by type of action; texts that hold one of `names` are emptied."""
    rules = Rules(options)
    dataset = pydicom.dcmread(source)
    syntax = dataset.file_meta.TransferSyntaxUID
    _Plain(rules, [one.casefold() for one in names]).clean(dataset)
    _mark(dataset, rules)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.file_meta.ImplementationClassUID = IMPLEMENTATION
    dataset.file_meta.ImplementationVersionName = "PLAIN"
    dataset.preamble = bytes(128)
    target.parent.mkdir(parents=True, exist_ok=True)
    pydicom.dcmwrite(target, dataset, enforce_file_format=True)


def new_uid(old: str) -> str:
    digest = hashlib.sha256(f"plain {old}".encode()).digest()
    return f"2.25.{int.from_bytes(digest[:15])}"


def _mark(dataset: Dataset, rules: Rules) -> None:
    dataset.PatientIdentityRemoved = "YES"
    dataset.DeidentificationMethod = "plain"
    dataset.LongitudinalTemporalInformationModified = rules.longitudinal
    if "clean_pixel_data" in rules.options:
        dataset.BurnedInAnnotation = "NO"
    codes = []
    for option in ["basic", *sorted(rules.options)]:
        code = Dataset()
        code.CodeValue, code.CodingSchemeDesignator = CODES[option], "DCM"
        code.CodeMeaning = option
        codes.append(code)
    dataset.DeidentificationMethodCodeSequence = codes


class _Plain:
    def __init__(self, rules: Rules, names: list[str]) -> None:
        self.rules, self.names = rules, names

    def clean(self, dataset: Dataset) -> None:
        for element in list(dataset):
            tag = int(element.tag)
            rule = None if element.tag.is_private else self.rules.of(tag)
            if element.tag.is_private or (rule is not None and rule.only == "X"):
                del dataset[element.tag]
            elif rule is not None:
                self._apply(rule, dataset, element)
            elif element.VR == "SQ":
                self._inside(element)
            elif element.VR == "UI" and str(element.value).startswith("2.25."):
                element.value = new_uid(element.value)
            elif self._named(element):
                element.value = None

    def _inside(self, element: DataElement) -> None:
        if (
            "clean_structured_content" in self.rules.options
            and element.keyword == "ContentSequence"
        ):
            element.value = [item for item in element.value if not self._unwanted(item)]
        for item in element.value:
            self.clean(item)

    def _apply(self, rule: Rule, dataset: Dataset, element: DataElement) -> None:
        if "K" in rule.codes:
            return
        if "C" in rule.codes:
            self._clean(rule, dataset, element)
        elif "U" in rule.codes and element.VR == "UI":
            element.value = new_uid(element.value) if element.value else element.value
        elif "X" in rule.codes:
            del dataset[element.tag]
        elif "Z" in rule.codes:
            element.value = [] if element.VR == "SQ" else None
        else:
            self._replace(element)

    def _clean(self, rule: Rule, dataset: Dataset, element: DataElement) -> None:
        if "retain_longitudinal_modified_dates" in rule.source and element.VR in {"DA", "DT"}:
            element.value = _shifted(str(element.value)) if element.value else None
        elif element.VR == "SQ":
            self._inside(element)
        elif self._named(element):
            del dataset[element.tag]

    def _replace(self, element: DataElement) -> None:
        if element.VR == "SQ":
            element.value = [_coded()]
        elif element.value:
            vr = element.VR if element.VR in STAND_INS else "LO"
            element.value = STAND_INS.get(vr, "REMOVED")

    def _unwanted(self, item: Dataset) -> bool:
        (name,) = item.get("ConceptNameCodeSequence") or [Dataset()]
        code = name.get("CodeValue", ""), name.get("CodingSchemeDesignator", "")
        rule = self.rules.concepts.get((*code, item.get("ValueType", "")))
        return rule is not None and "X" in rule.codes

    def _named(self, element: DataElement) -> bool:
        if isinstance(element.value, bytes):
            return any(one.encode() in element.value.lower() for one in self.names)
        return any(one in str(element.value).casefold() for one in self.names)


def _shifted(text: str) -> str:
    day = datetime.date.fromisoformat(text[:8]) - datetime.timedelta(days=SHIFT)
    return f"{day:%Y%m%d}{text[8:]}"


def _coded() -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "0", "99NONE", "None"
    return code
