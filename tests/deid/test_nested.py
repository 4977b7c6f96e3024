"""However somebody nests sequences, private blocks and texts: no name comes out."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from sharing.deid.table import Option
from tests.deid.making import NAME, NUMBER, ROOT, ct, engine, saved, told

SYNTAXES = ("1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.2")
TEXTS = (0x00081030, 0x00104000, 0x00420010, 0x00700081, 0x00204000, 0x00400254, 0x00321060)
NAMES = (0x00081050, 0x00100010, 0x0040A123, 0x00081070)
SEQUENCES = (0x00081115, 0x00081140, 0x00400275, 0x0040A730, 0x00089215, 0x00120064, 0x00700001)
OPTIONS = sorted(set(Option) - {Option.CLEAN_PIXEL_DATA, Option.RETAIN_LONGITUDINAL_FULL_DATES})

whispers = st.sampled_from(
    (NAME, "Wilhelmina Holtzapfel", "HOLTZAPFEL W", f"see {NUMBER}", f"UID {ROOT}.1.1.1 here")
)


@st.composite
def items(draw: st.DrawFn, depth: int = 3) -> Dataset:
    """A data set of names, texts, references and sequences of such."""
    item = Dataset()
    for tag in draw(st.lists(st.sampled_from(TEXTS), max_size=3, unique=True)):
        item.add_new(tag, "LO", draw(whispers))
    for tag in draw(st.lists(st.sampled_from(NAMES), max_size=2, unique=True)):
        item.add_new(tag, "PN", NAME)
    if draw(st.booleans()):
        item.ReferencedSOPInstanceUID = f"{ROOT}.1.1.1"
    if draw(st.booleans()):
        item.add_new(0x00190010, "LO", "INVENTED")
        item.add_new(0x00191010, "LO", draw(whispers))
    if depth:
        for tag in draw(st.lists(st.sampled_from(SEQUENCES), max_size=2, unique=True)):
            inner = draw(st.lists(items(depth=depth - 1), max_size=2))
            item.add_new(tag, "SQ", inner)
            item[tag].is_undefined_length = draw(st.booleans())
    return item


@pytest.mark.filterwarnings("ignore::UserWarning")
@given(inner=items(), syntax=st.sampled_from(SYNTAXES), option=st.sampled_from([None, *OPTIONS]))
def test_no_nesting_hides_a_name(inner: Dataset, syntax: str, option: Option | None) -> None:
    image = ct()
    image.add_new(0x00081115, "SQ", [inner])
    for element in inner:
        if element.tag not in image:
            image[element.tag] = element
    chosen = (option,) if option else ()
    with TemporaryDirectory() as folder:
        original, copy = Path(folder) / "original.dcm", Path(folder) / "copy.dcm"
        engine(*chosen).deidentify(saved(image, original, syntax), copy)
        read = pydicom.dcmread(copy)
        assert read.PixelData == image.PixelData
        kept = {
            Option.RETAIN_UIDS: [ROOT],
            Option.RETAIN_DEVICE_IDENTITY: ["778899"],
            Option.RETAIN_INSTITUTION_IDENTITY: ["nordlicht"],
        }
        assert [one for one in told(copy) if one not in kept.get(option, [])] == []  # type: ignore[arg-type]
