"""Pure rules of study data: who is the same patient, and what a search looks for."""

import hashlib
import unicodedata

from sharing.dicom.attributes import Attributes

SEARCHED_LETTERS = 500  # in four bytes each they still fit a row of an index


def fold(text: str) -> str:
    """`text` as a search compares it: no accents, no case, single blanks."""
    plain = unicodedata.normalize("NFKD", text)
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return " ".join(plain.casefold().replace("^", " ").replace("=", " ").split())


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
