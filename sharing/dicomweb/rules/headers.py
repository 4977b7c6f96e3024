"""What of a header a visitor reads who may look at pictures and take nothing along."""

from typing import Any

Json = dict[str, Any]
ICONS = "00880200"


def for_pictures(dataset: Json) -> Json:
    """A data set (PS3.18 annex F) without what is not text or number, at every depth.

    Left out are binary values, the small picture of an icon, and what vendors keep for
    themselves: scanners put raw data, whole protocols and other people's names there, and no
    viewer reads it. That there are pixels is still said, by an address that gives nothing.
    """
    return {tag: _inside(element) for tag, element in dataset.items() if _is_shown(tag, element)}


def _is_shown(tag: str, element: Json) -> bool:
    private = int(tag[3], 16) & 1
    return not (private or "InlineBinary" in element or tag == ICONS)


def _inside(element: Json) -> Json:
    if element.get("vr") != "SQ":
        return element
    return element | {"Value": [for_pictures(item) for item in element.get("Value", ())]}
