"""Dates of one patient move together; what is no date is not made one."""

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharing.deid import dates

DAYS = st.integers(-1095, -1)
ANY_DAY = st.dates(datetime.date(4, 1, 1), datetime.date(9999, 12, 31))


@given(ANY_DAY, ANY_DAY, DAYS)
def test_intervals_stay(first, second, days):
    moved = [dates.shift_da(f"{day:%Y%m%d}".zfill(8), days) for day in (first, second)]
    read = [datetime.date(int(text[:4]), int(text[4:6]), int(text[6:])) for text in moved if text]
    assert read[1] - read[0] == second - first


@given(ANY_DAY, DAYS)
def test_a_date_and_a_time_stamp_of_one_day_stay_on_one_day(day, days):
    text = f"{day.year:04}{day.month:02}{day.day:02}"
    stamp = dates.shift_dt(text + "235959.999999+0100", days)
    assert stamp == f"{dates.shift_da(text, days)}235959.999999+0100"


@given(st.text(max_size=30), DAYS)
def test_no_value_makes_it_fail(text, days):
    for vr in ("DA", "DT", "TM", "AS"):
        dates.shift(vr, text, days)


@pytest.mark.parametrize(
    ("value", "moved"),
    [
        ("20240229", "20230228"),
        ("2024.02.29", "2023.02.28"),
        ("20240229 ", "20230228"),
        ("20240229\\20240301", "20230228\\20230301"),
        ("20240229\\", "20230228\\"),
        ("20240229-20240301", "20230228-20230301"),
        ("-20240301", "-20230301"),
        ("20240301-", "20230301-"),
        ("", ""),
    ],
)
def test_dates_move(value, moved):
    assert dates.shift_da(value, -366) == moved


@pytest.mark.parametrize(
    ("value", "days", "moved"),
    [
        ("18540612", -365, "18530612"),
        ("19000301", -1, "19000228"),
        ("20000301", -1, "20000229"),
        ("00010101", 1, "00010102"),
        ("99991231", -1, "99991230"),
    ],
)
def test_leap_days_and_old_dates(value, days, moved):
    assert dates.shift_da(value, days) == moved


@pytest.mark.parametrize(
    "value",
    ["2024", "202402", "20240230", "20241301", "00000000", "00010101", "today", "2024-02-29", "-"],
)
def test_what_is_no_date_is_not_moved(value):
    assert dates.shift_da(value, -100) is None


def test_one_bad_value_among_several_spoils_them_all():
    assert dates.shift_da("20240229\\unknown", -1) is None


@pytest.mark.parametrize(
    ("value", "moved"),
    [
        ("20240229", "20230228"),
        ("2024022912", "2023022812"),
        ("20240229123456.5", "20230228123456.5"),
        ("20240229123456-0500", "20230228123456-0500"),
        ("20240229-0500", "20230228-0500"),
        ("202402", "202302"),
        ("2024", "2023"),
        ("20240229-20240301", "20230228-20230301"),
        ("20240229120000-0500-20240301120000-0500", "20230228120000-0500-20230301120000-0500"),
        ("2024022925", None),
        ("20240229126000", None),
        ("20240229120000+2500", None),
        ("noon", None),
    ],
)
def test_time_stamps_move_by_days_alone(value, moved):
    assert dates.shift_dt(value, -366) == moved


@pytest.mark.parametrize("value", ["12", "1234", "123456", "123456.123", "12:34:56", "", "12\\13"])
def test_times_stay(value):
    assert dates.shift_tm(value) == value


@pytest.mark.parametrize("value", ["noon", "2400", "1260", "123456.1234567", "1"])
def test_what_is_no_time_is_none(value):
    assert dates.shift_tm(value) is None


def test_ages_stay():
    assert [dates.shift_as(age) for age in ("045Y", "003M", "", "45", "45Y")] == [
        "045Y", "003M", "", None, None,
    ]  # fmt: skip


def test_moving_by_no_days_is_refused():
    with pytest.raises(ValueError, match="not moved"):
        dates.shift_da("20240229", 0)


@pytest.mark.parametrize(
    ("text", "moved"),
    [
        ("prior 2024-02-29, same", "prior 2023-02-28, same"),
        ("prior 2024-02-29T12:30:00Z", "prior 2023-02-28T12:30:00Z"),
        ("29.02.2024", "28.02.2023"),
        ("29.2.24", "28.2.23"),
        ("29/02/2024 and 02/29/2024", "28/02/2023 and 02/28/2023"),
        ("CT_20240229_2", "CT_20230228_2"),
        ("CT 20240229", "CT 20230228"),
        ("20240229123000", "20230228123000"),
        ("29 Feb 2024", "28 Feb 2023"),
        ("29-FEB-2024", "28-FEB-2023"),
        ("February 29, 2024", "February 28, 2023"),
        ("29. Februar 2024", "28 February 2023"),
        ("le 29 février 2024", "le 28 february 2023"),
        ("Feb 2024", "Feb 2023"),
        ("may 2024-02-29", "may 2023-02-28"),
        ("02/2024", "02/2023"),
        ("2024年2月29日", "2023年2月28日"),
        ("2024년 2월 29일", "2023년2월28일"),
    ],
)
def test_dates_in_text_move_as_they_are_written(text, moved):
    for found in reversed(list(dates.find(text))):
        text = text[: found.start] + (found.moved(-366) or "?") + text[found.end :]
    assert text == moved


@pytest.mark.parametrize("text", ["03/04/2024", "3-4-2024", "令和6年2月29日", "29.2."])
def test_a_date_that_can_be_read_in_two_ways_is_found_but_not_moved(text):
    (found,) = dates.find(text)
    assert (found.start, found.end, found.moved(-1)) == (0, len(text), None)


def test_the_header_says_which_way_a_date_is_read():
    known = dates.days_in("20240304")
    (found,) = dates.find("seen 03/04/2024", known)
    assert found.moved(-1) == "03/03/2024"
    (found,) = dates.find("seen 04/03/2024", known)
    assert found.moved(-1) == "03/03/2024"


@pytest.mark.parametrize(
    "text", ["5 mm", "T1/T2", "1.5 T", "10/12 slices", "120 kV 3.0 B30f", "1.2.840.10008.1.2", "2"]
)
def test_numbers_are_no_dates(text):
    assert list(dates.find(text)) == []
