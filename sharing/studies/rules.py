"""Pure rules of study data: who is the same patient, and what a search looks for."""

import datetime
import hashlib

from sharing.dicom import names
from sharing.dicom.attributes import Attributes

# What lists offer to look for; a study may be of any other.
MODALITIES = {
    "CT": "CT",
    "MR": "MR",
    "CR": "CR",
    "DX": "DX",
    "US": "US",
    "MG": "MG",
    "NM": "NM",
    "PT": "PT (PET)",
    "XA": "XA",
    "RF": "RF",
    "SM": "SM (slides)",
    "OT": "OT",
}
SEARCHED_LETTERS = 500  # in four bytes each they still fit a row of an index


def fold(text: str) -> str:
    """`text` as a search compares it: no marks, no case, words with single blanks."""
    return names.key(text)


def patient_identity(found: Attributes) -> bytes:
    """SHA-256 over issuer, number, name, birth date and sex, each length-prefixed."""
    parts = (
        found.issuer_of_patient_id.strip(),
        found.patient_id.strip(),
        fold(found.patient_name),
        found.patient_birth_date.strip(),
        found.patient_sex.strip().upper(),
    )
    whole = b"".join(len(p).to_bytes(4, "big") + p for p in (part.encode() for part in parts))
    return hashlib.sha256(whole).digest()


def search_text(found: Attributes) -> str:
    """The words by which a study is found: patient, numbers, description, referrer."""
    words = (
        found.patient_name,
        found.patient_id,
        found.accession_number,
        found.study_description,
        found.referring_physician,
        found.institution_name,
    )
    return " ".join(filter(None, map(fold, words)))[:SEARCHED_LETTERS]


def joined_modalities(*lists: str) -> str:
    """Modalities of a study as DICOM joins them: sorted, each once."""
    return "\\".join(sorted({one for text in lists for one in text.split("\\") if one}))[:128]


# ---- DICOM's texts as people read them ---------------------------------------------------------

SEXES = {"F": "female", "M": "male", "O": "other"}


def day(text: str) -> datetime.date | None:
    """The day that a DICOM date (VR DA, also the old form with dots) names, if it names one."""
    digits = text.strip().replace(".", "")
    if len(digits) != 8 or not digits.isdigit():
        return None
    try:
        return datetime.date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return None


def date_text(text: str) -> str:
    """`20240102` as `2 Jan 2024`; what is no date stays as it was sent."""
    found = day(text or "")
    return f"{found.day} {found:%b %Y}" if found else (text or "").strip()


def time_text(text: str) -> str:
    """`101500.25` as `10:15`."""
    digits = (text or "").strip().replace(":", "")
    return f"{digits[:2]}:{digits[2:4]}" if len(digits) >= 4 and digits[:4].isdigit() else ""


def age_text(birth_date: str, on: str = "") -> str:
    """An age as clinicians say it: years, below two years months, below two months days."""
    born, then = day(birth_date or ""), day(on or "") or datetime.datetime.now(datetime.UTC).date()
    if born is None or then < born:
        return ""
    days = (then - born).days
    months = (then.year - born.year) * 12 + then.month - born.month - (then.day < born.day)
    if months < 2:
        return f"{days} d"
    return f"{months} mo" if months < 24 else f"{months // 12} y"


def sex_text(text: str) -> str:
    return SEXES.get((text or "").strip().upper(), (text or "").strip())


def name_text(text: str) -> str:
    """A DICOM person name (VR PN) as it is shown."""
    return names.display(text or "")
