"""The rules that Dora's releases follow are the standard's, whole."""

from collections import Counter
from typing import Any

import pytest
from pydicom.sr._concepts_dict import concepts as published

from sharing.deid import table
from sharing.deid.ledger import Doubt, Entry, Kind, from_json, to_json
from sharing.deid.table import Action, Option


def test_every_row_of_the_table_is_there() -> None:
    found = table.table()
    rows = [*found.rows.values(), *found.repeating.values(), found.curves, found.private]
    assert Counter(row.basic for row in rows) == {
        Action.REMOVE: 417,
        Action.REPLACE: 93,
        Action.UID: 55,
        Action.EMPTY: 42,
        Action.REMOVE_OR_REPLACE: 23,
        Action.REMOVE_OR_EMPTY: 11,
        Action.REMOVE_EMPTY_OR_REPLACE: 8,
        Action.EMPTY_OR_REPLACE: 6,
        Action.REMOVE_EMPTY_OR_UIDS: 2,
    }
    assert found.private.options == {Option.RETAIN_SAFE_PRIVATE: Action.CLEAN}
    assert len(table.safe_private()) > 450
    assert len(table.concepts()) == 214


def test_what_is_kept_wins_over_what_is_cleaned() -> None:
    row = table.table().rows[0x0018700C]  # Date of Last Detector Calibration
    both = frozenset({Option.RETAIN_LONGITUDINAL_MODIFIED_DATES, Option.RETAIN_DEVICE_IDENTITY})
    assert row.action(frozenset()) == (Action.REMOVE_OR_REPLACE, None)
    assert row.action(both) == (Action.KEEP, Option.RETAIN_DEVICE_IDENTITY)


@pytest.mark.parametrize("option", Option)
def test_every_option_has_the_code_that_the_standard_gives_it(option: Option) -> None:
    value, meaning = table.METHODS[option]
    known: dict[str, Any] = published["DCM"]
    assert meaning in {names[value][0] for names in known.values() if value in names}


def test_the_acknowledgement_stands_beside_the_data() -> None:
    notice = " ".join((table.DATA / "NOTICE").read_text().split())
    assert table.table().acknowledgement in notice


def test_a_ledger_survives_json() -> None:
    ledger = [Entry("(0010,0010)", "PatientName", "Z", "Table E.1-1 says so.", 2)]
    doubts = [Doubt(Kind.PIXELS, "", "Text was found in the picture.")]
    assert from_json(to_json(ledger, doubts)) == (ledger, doubts)
