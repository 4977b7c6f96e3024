"""DICOM's texts as people read them: `{% load dicom %}`."""

from django import template

from sharing.studies import rules

register = template.Library()
register.filter("dicom_date", rules.date_text)
register.filter("dicom_time", rules.time_text)
register.filter("person_name", rules.name_text)
register.filter("sex", rules.sex_text)


@register.filter
def age(birth_date: str, on: str = "") -> str:
    """How old somebody was on a date; today when that is not known."""
    return rules.age_text(birth_date, on)


@register.filter
def modalities(joined: str) -> list[str]:
    r"""The modalities of a study: `CT\SR` as a list."""
    return [one for one in joined.split("\\") if one]
