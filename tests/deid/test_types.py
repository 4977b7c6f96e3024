"""What the standard wants of each kind of object, as the tables of PS3.3 say it."""

import pytest

from sharing.deid.rules import Do, settled
from sharing.deid.table import DATA, Action
from sharing.deid.types import FILE, Needed, needed
from tests.deid import standard

CT, PET, GSPS = (f"1.2.840.10008.5.1.4.1.1.{end}" for end in ("2", "128", "11.1"))


def test_the_file_is_what_the_tables_give() -> None:
    assert (DATA / FILE).read_text() == standard.text()


@pytest.mark.parametrize(
    ("sop_class", "tag", "wanted"),
    [
        pytest.param(CT, 0x00080021, Needed.NOT, id="a CT may lack its series date"),
        pytest.param(PET, 0x00080021, Needed.VALUE, id="a PET may not"),
        pytest.param(PET, 0x00080022, Needed.PRESENT, id="a PET has an acquisition date, if empty"),
        pytest.param(GSPS, 0x00700082, Needed.VALUE, id="a presentation state says when"),
        pytest.param("1.2.3", 0x00700082, Needed.VALUE, id="what is unknown may need it"),
    ],
)
def test_types_follow_the_kind_of_object(sop_class: str, tag: int, wanted: Needed) -> None:
    assert needed(sop_class, 0, tag) is wanted


@pytest.mark.parametrize("action", [one for one in Action if one is not Action.REMOVE])
@pytest.mark.parametrize("wanted", Needed)
def test_no_code_leaves_empty_what_needs_a_value(action: Action, wanted: Needed) -> None:
    do, _ = settled(action, wanted)
    if wanted is Needed.VALUE:
        assert do not in (Do.REMOVE, Do.EMPTY)
    if wanted is Needed.PRESENT:
        assert do is not Do.REMOVE
