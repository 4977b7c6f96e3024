"""What the verifier answers: violations, each of a category, and what was counted beside them."""

import dataclasses
from collections import Counter
from typing import Any

# Each category with the sentence that explains it. None of them quotes a patient's data.
CATEGORIES = {
    # privacy
    "removed_present": "An attribute that must be removed is still there.",
    "unchanged": "An attribute that must be emptied or replaced has its original value.",
    "uid_unchanged": "A UID that must be replaced is the original one.",
    "uid_leak": "An original UID stands where nobody replaces UIDs.",
    "private_retained": "A private attribute was kept, though none may be.",
    "private_unsafe": "A private attribute was kept that nobody has called safe.",
    "group_0004": "Directory attributes stand outside a DICOMDIR.",
    "identity": "Something that identifies this patient stands in a value.",
    "identity_bytes": "Something that identifies this patient stands in the bytes of the file.",
    "identity_bitstream": "Something that identifies this patient stands inside the compressed pixels.",
    "date_unshifted": "A date that must be shifted is the original one.",
    "date_in_text": "A date of the original stands in a text.",
    "contact": "A telephone number, an e-mail address or a web address stands in a text.",
    "content_kept": "A text, name or number of the original stands in replaced content.",
    "concept_kept": "A content item was kept whose concept must be removed or replaced.",
    "document_kept": "The encapsulated document is the original one.",
    "graphics_kept": "An overlay or a curve was kept.",
    "icon_kept": "A small picture made from the original was kept.",
    "meta_kept": "The file's own header repeats what the original's says of who made it.",
    "preamble_kept": "The preamble is not empty.",
    "trailing_bytes": "Bytes follow after the last attribute.",
    "not_a_stand_in": "A value stands where only nothing or a stand-in may.",
    # consistency
    "uid_inconsistent": "One original UID became two different ones.",
    "uid_collision": "Two original UIDs became one.",
    "reference_broken": "A reference no longer leads to the object that it led to.",
    "date_inconsistent": "Two dates of one patient were shifted by different numbers of days.",
    "patient_split": "One patient became two.",
    "patients_merged": "Two patients became one.",
    # conformance
    "stand_in_empty": "An attribute that needs a value was left empty.",
    "uid_invalid": "A UID is none.",
    "kept_changed": "An attribute that an option keeps was changed.",
    "kept_removed": "An attribute that an option keeps is gone.",
    "date_removed": "A date that must be shifted is gone.",
    "no_identity_removed": "Patient Identity Removed does not say YES.",
    "no_method": "The object does not say how it was de-identified.",
    "method_codes": "De-identification Method Code Sequence does not name the profile and its options.",
    "no_longitudinal_flag": "Longitudinal Temporal Information Modified does not say what was done.",
    "no_pixel_flag": "Burned In Annotation or Recognizable Visual Features does not say NO.",
    "false_pixel_flag": "The object says that its pixels are clean, and nobody cleaned them.",
    "meta_instance": "The file's own header names another instance than the object.",
    "meta_length": "The file's own header states a wrong length.",
    "not_in_order": "Attributes are doubled or out of order.",
    "broken_sequence": "A sequence cannot be read.",
    "class_changed": "The object has become one of another class.",
    # integrity
    "missing": "There is no output for this original.",
    "unreadable": "The output cannot be read.",
    "pixels_changed": "The pixels were changed, and nobody asked for it.",
    "pixels_gone": "The pixels are gone.",
}


@dataclasses.dataclass(frozen=True, slots=True)
class Violation:
    """A rule that does not hold.

    Attributes
    ----------
    category
        A name of `CATEGORIES`.
    file
        The file, relative to the folder that was looked at.
    where
        The attribute's path: tags with item numbers, `(0040,A730)[2].(0040,A160)`.
    rule
        The rule that was broken, in the words of the table: `X (basic profile): Patient's Name`.
    value
        What was found, only when values are asked for.
    """

    category: str
    file: str
    where: str = ""
    rule: str = ""
    value: str = ""

    @property
    def sentence(self) -> str:
        """What is wrong, without a word of the patient's data."""
        place = f" {self.where}" if self.where else ""
        rule = f" Rule: {self.rule}." if self.rule else ""
        return f"{self.file}{place}: {CATEGORIES[self.category]}{rule}"


@dataclasses.dataclass(slots=True)
class Report:
    """What a comparison found. It holds (`ok`) when there is no violation and something was seen."""

    violations: list[Violation] = dataclasses.field(default_factory=list)
    originals: int = 0
    pairs: int = 0
    examined: int = 0
    kept: int = 0
    unlisted: int = 0
    lost: Counter[str] = dataclasses.field(default_factory=Counter)
    notes: list[str] = dataclasses.field(default_factory=list)
    left_off: int = 0

    @property
    def ok(self) -> bool:
        return not self.violations and self.pairs > 0

    @property
    def share_kept(self) -> float:
        """The share of the attributes that no rule touches which are there as they were."""
        return self.kept / self.unlisted if self.unlisted else 1.0

    def counts(self) -> Counter[str]:
        """How many violations there are of each category."""
        return Counter(one.category for one in self.violations)

    def as_json(self) -> dict[str, Any]:
        """The report as plain data; values only where they were asked for."""
        return {
            "ok": self.ok,
            "originals": self.originals,
            "pairs": self.pairs,
            "examined": self.examined,
            "violations": [dataclasses.asdict(one) for one in self.violations],
            "counts": dict(self.counts()),
            "left_off": self.left_off,
            "kept": self.kept,
            "unlisted": self.unlisted,
            "share_kept": round(self.share_kept, 6),
            "lost": dict(self.lost.most_common(20)),
            "notes": self.notes,
        }
