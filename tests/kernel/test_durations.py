"""Lengths of time as people type them."""

from datetime import timedelta

import pytest

from sharing.kernel import durations


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("30m", timedelta(minutes=30)),
        (" 1 H ", timedelta(hours=1)),
        ("7d", timedelta(days=7)),
        ("2w", timedelta(weeks=2)),
    ],
)
def test_a_length_of_time_is_read(typed, meant):
    assert durations.parse(typed) == meant


@pytest.mark.parametrize("typed", ["", "7", "d", "0d", "-1d", "1.5h", "7 years", "999999d"])
def test_anything_else_is_said_to_be_none(typed):
    with pytest.raises(ValueError, match="no length of time"):
        durations.parse(typed)
