"""Clean Recognizable Visual Features (PS3.15 E.3.2): where it holds by itself, and where we refuse.

Nothing here takes a face out of a volume. An instance passes if no face can be recognized in what
it shows; everything else is refused in words, unknown body parts included.
"""

from typing import Final

from sharing.deid.facts import Facts

# Objects that show nothing: reports, plans, references, waveforms, parameters.
_NO_PICTURE: Final = frozenset(
    {
        "AU", "DOC", "ECG", "EEG", "EMG", "EOG", "EPS", "HC", "HD", "KO", "PLAN", "PR", "REG", "RESP", "RTINTENT",
        "RTPLAN", "RTRECORD", "RTDOSE", "RWV", "SMR", "SR", "TG", "FID", "STAIN", "ASMT", "IOL", "KER",
        "LEN", "AR", "SRF", "VA", "OAM", "POS",
    }
)  # fmt: skip
# Pictures of nothing by which a face could be told.
_NO_FACE: Final = frozenset(
    {"BMD", "BDUS", "CP", "GM", "IVOCT", "IVUS", "MG", "OCT", "OPT", "OPTENF", "OPTBSV", "SM", "US"}
)
_PROJECTIONS: Final = frozenset({"CR", "CT", "DX", "MR", "NM", "PT", "RF", "XA", "RTIMAGE", "SEG"})
_FAR_FROM_FACES: Final = frozenset(
    {
        "ABDOMEN", "ABDOMENPELVIS", "ADRENAL", "ANKLE", "ANUS", "AORTA", "ARM", "BACK", "BLADDER", "BREAST", "BRONCHUS",
        "BUTTOCK", "CALCANEUS", "CALF", "CHEST", "CHESTABDOMEN", "CLAVICLE", "COCCYX", "COLON", "DUODENUM", "ELBOW",
        "EXTREMITY", "FEMUR", "FINGER", "FOOT", "FOREARM", "GALLBLADDER", "HAND", "HEART", "HIP", "ILEUM",
        "ILIUM", "JEJUNUM", "KIDNEY", "KNEE", "LEG", "LIVER", "LSPINE", "LUNG", "MEDIASTINUM", "PANCREAS",
        "PATELLA", "PELVIS", "PENIS", "PROSTATE", "RECTUM", "RIB", "SACRUM", "SCAPULA", "SCROTUM", "SHOULDER",
        "SPLEEN", "SSPINE", "STERNUM", "STOMACH", "TESTIS", "THIGH", "THUMB", "TIBIA", "TIBIAFIBULA", "TOE", "TSPINE",
        "UTERUS", "VAGINA", "WRIST",
    }
)  # fmt: skip
_PHOTOGRAPHS: Final = "1.2.840.10008.5.1.4.1.1.77.1."
_MICROSCOPES: Final = (f"{_PHOTOGRAPHS}2", f"{_PHOTOGRAPHS}3", f"{_PHOTOGRAPHS}6")
_SENTENCE: Final = (
    "The profile wants faces cleaned, and this {what}. A face cannot be taken out here without "
    "losing the picture; leave the option out, or leave this file out."
)


def refusal(facts: Facts) -> str:
    """Why an instance cannot be said to show no face; "" if it can."""
    if facts.modality in _NO_PICTURE or facts.modality in _NO_FACE:
        return ""
    if facts.recognizable == "NO" or facts.sop_class.startswith(_MICROSCOPES):
        return ""
    if facts.sop_class.startswith(_PHOTOGRAPHS) or facts.modality in ("XC", "ES", "OP", "DMS"):
        return _SENTENCE.format(what="is a photograph")
    if facts.modality in _PROJECTIONS:
        part = "".join(letter for letter in facts.body_part.upper() if letter.isalnum())
        if part in _FAR_FROM_FACES:
            return ""
        if part:
            return _SENTENCE.format(what="may show a face: it is of a part of the body near it")
        return _SENTENCE.format(
            what="may show a face: it does not say which part of the body it is of"
        )
    return _SENTENCE.format(what="is a kind of picture of which that cannot be told")
