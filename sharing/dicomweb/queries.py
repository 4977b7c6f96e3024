"""QIDO-RS: searches over what the principal reaches, answered as DICOM JSON (PS3.18 section 10.6)."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from sharing.access import gate
from sharing.access.principal import Principal
from sharing.access.rules import Action
from sharing.dicomweb.rules import asked
from sharing.studies.models import Instance, Series, Study
from sharing.studies.rules import fold

Json = dict[str, Any]
Terms = Mapping[str, str]

# Tags may be asked for by number as well as by name.
_NAMES = {
    "00080020": "StudyDate",
    "00080050": "AccessionNumber",
    "00080061": "ModalitiesInStudy",
    "00080060": "Modality",
    "00080018": "SOPInstanceUID",
    "00080016": "SOPClassUID",
    "00100010": "PatientName",
    "00100020": "PatientID",
    "0020000D": "StudyInstanceUID",
    "0020000E": "SeriesInstanceUID",
    "00200010": "StudyID",
    "00200011": "SeriesNumber",
    "00200013": "InstanceNumber",
}


def by_name(given: Mapping[str, str]) -> dict[str, str]:
    """Search terms under the standard's keywords."""
    if not all(value.isprintable() for value in given.values()):
        raise asked.BadRequestError("Search terms hold no control characters.")
    return {_NAMES.get(key.upper(), key): value for key, value in given.items() if value}


# ---- Studies -----------------------------------------------------------------------------------


def studies(principal: Principal, terms: Terms, offset: int, limit: int) -> Iterator[Json]:
    found = gate.studies(principal).select_related("patient")
    for name, narrow in _STUDY_TERMS.items():
        if name in terms:
            found = narrow(found, terms[name])
    if "ModalitiesInStudy" in terms:
        reached = principal.reached(Action.SEARCH).filter(modality=terms["ModalitiesInStudy"])
        found = found.filter(Exists(reached.filter(study=OuterRef("pk"))))
    for study in found.order_by("-date", "-time", "id")[offset : offset + limit]:
        yield _study(study, _Content.of(principal, study))


@dataclasses.dataclass(frozen=True, slots=True)
class _Content:
    """What is in a study, as far as the one who asks reaches it."""

    modalities: list[str]
    series: int
    instances: int

    @classmethod
    def of(cls, principal: Principal, study: Study) -> "_Content":
        if principal.whole_institution is not None or not gate.is_own(principal, study):
            modalities = [one for one in study.modalities.split("\\") if one]
            return cls(modalities, study.series_count, study.instance_count)
        series = list(gate.series_of(principal, study))
        modalities = sorted({one.modality for one in series if one.modality})
        return cls(modalities, len(series), sum(one.instance_count for one in series))


def _by_name(found: QuerySet[Study], text: str) -> QuerySet[Study]:
    words = [fold(word) for word in text.replace("^", " ").replace("*", " ").split()]
    for word in words:
        found = found.filter(search_text__contains=word)
    return found


def _by_date(found: QuerySet[Study], text: str) -> QuerySet[Study]:
    first, last = asked.dates(text)
    if first:
        found = found.filter(date__gte=first)
    return found.filter(date__lte=last).exclude(date="") if last else found


_STUDY_TERMS: dict[str, Callable[[QuerySet[Study], str], QuerySet[Study]]] = {
    "StudyInstanceUID": lambda found, text: found.filter(uid__in=asked.uids(text)),
    "PatientID": lambda found, text: found.filter(patient__patient_id=text),
    "AccessionNumber": lambda found, text: found.filter(accession_number=text),
    "StudyID": lambda found, text: found.filter(study_id=text),
    "PatientName": _by_name,
    "StudyDate": _by_date,
}


def _study(study: Study, content: _Content) -> Json:
    return _element(
        ("00080020", "DA", study.date),
        ("00080030", "TM", study.time),
        ("00080050", "SH", study.accession_number),
        ("00080061", "CS", content.modalities),
        ("00080090", "PN", study.referring_physician),
        ("00081030", "LO", study.description),
        ("00100010", "PN", study.patient.name),
        ("00100020", "LO", study.patient.patient_id),
        ("00100030", "DA", study.patient.birth_date),
        ("00100040", "CS", study.patient.sex),
        ("0020000D", "UI", study.uid),
        ("00200010", "SH", study.study_id),
        ("00201206", "IS", content.series),
        ("00201208", "IS", content.instances),
    )


# ---- Series and instances ----------------------------------------------------------------------


def series(principal: Principal, study: Study, terms: Terms) -> QuerySet[Series]:
    found = gate.series_of(principal, study)
    if "SeriesInstanceUID" in terms:
        found = found.filter(uid__in=asked.uids(terms["SeriesInstanceUID"]))
    if "Modality" in terms:
        found = found.filter(modality=terms["Modality"])
    if terms.get("SeriesNumber", "").isdecimal():
        found = found.filter(number=int(terms["SeriesNumber"][:9]))
    return found


def series_json(study: Study, series: Series) -> Json:
    return _element(
        ("00080060", "CS", series.modality),
        ("0008103E", "LO", series.description),
        ("00180015", "CS", series.body_part),
        ("0020000D", "UI", study.uid),
        ("0020000E", "UI", series.uid),
        ("00200011", "IS", series.number),
        ("00201209", "IS", series.instance_count),
    )


def instances(principal: Principal, series: Series, terms: Terms) -> QuerySet[Instance]:
    found = gate.instances_of(principal, series)
    if "SOPInstanceUID" in terms:
        found = found.filter(uid__in=asked.uids(terms["SOPInstanceUID"]))
    if "SOPClassUID" in terms:
        found = found.filter(sop_class_uid__in=asked.uids(terms["SOPClassUID"]))
    if terms.get("InstanceNumber", "").isdecimal():
        found = found.filter(number=int(terms["InstanceNumber"][:9]))
    return firsts(found)


def firsts(found: QuerySet[Instance]) -> QuerySet[Instance]:
    """Of files in conflict within a series the first, which is also the one whose frames we give."""
    earlier = Instance.objects.filter(
        institution=OuterRef("institution"),
        uid=OuterRef("uid"),
        series=OuterRef("series"),
        variant__lt=OuterRef("variant"),
    )
    return found.exclude(Exists(earlier))


def instance_json(study: Study, series: Series, instance: Instance) -> Json:
    return _element(
        ("00080016", "UI", instance.sop_class_uid),
        ("00080018", "UI", instance.uid),
        ("00083002", "UI", instance.transfer_syntax_uid),
        ("0020000D", "UI", study.uid),
        ("0020000E", "UI", series.uid),
        ("00200013", "IS", instance.number),
        ("00280008", "IS", instance.frame_count or None),
        ("00280010", "US", instance.rows),
        ("00280011", "US", instance.columns),
    )


def _element(*given: tuple[str, str, Any]) -> Json:
    return {tag: _value(vr, value) for tag, vr, value in given}


def _value(vr: str, value: Any) -> Json:
    if value is None or value in ("", []):
        return {"vr": vr}
    if vr == "PN":
        groups = zip(("Alphabetic", "Ideographic", "Phonetic"), value.split("="), strict=False)
        return {"vr": vr, "Value": [{name: text for name, text in groups if text}]}
    return {"vr": vr, "Value": value if isinstance(value, list) else [value]}
