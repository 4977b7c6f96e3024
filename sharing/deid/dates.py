"""Dates moved by whole days, value by value (PS3.15 E.3.6; value representations of PS3.5 6.2).

Every date of a patient moves by the same days (`keys.Keys.shift`), so that intervals stay what
they were. Times of day, offsets from UTC and ages stay untouched, which keeps them coherent with
the dates. What is no date answers None: it cannot be moved, so the engine empties or removes it.
"""

import datetime
import re
from calendar import monthrange
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

_DA: Final = re.compile(r"(\d{4})(\.?)(\d{2})\2(\d{2})")
_DT: Final = re.compile(
    r"(\d{4})(?:(\d{2})(?:(\d{2})((?:\d{2}(?:\d{2}(?:\d{2}(?:\.\d{1,6})?)?)?)?))?)?([+-]\d{4})?"
)
_TM: Final = re.compile(r"\d{2}(?::?\d{2}(?::?\d{2}(?:\.\d{1,6})?)?)?")
_AS: Final = re.compile(r"\d{3}[DWMY]")
_PADDING: Final = " \0"


def moved(day: datetime.date, days: int) -> datetime.date | None:
    """A day moved by `days`; None where the calendar (years 1 to 9999) ends."""
    try:
        return day + datetime.timedelta(days)
    except OverflowError:
        return None


def shift_da(value: str, days: int) -> str | None:
    """A DA value moved by `days`: several values, the old form `YYYY.MM.DD`, and ranges.

    Parameters
    ----------
    value
        As it stands in the element, padding and all; nothing stays nothing.
    days
        Whole days; negative is earlier.

    Returns
    -------
    str or None
        None if any of the values is no date, or leaves the calendar.

    Examples
    --------
    >>> shift_da("20240229", -366), shift_da("1899.12.31", -1), shift_da("20240230", -1)
    ('20230228', '1899.12.30', None)
    """
    return _each(value, days, lambda one: _ranged(one, days, _one_da))


def shift_dt(value: str, days: int) -> str | None:
    """A DT value moved by `days`, its time and its offset from UTC as they were.

    Where only the year or the month is known, its middle is moved and the same part is kept:
    right to the year or month, as the value was.

    Examples
    --------
    >>> shift_dt("20240229120000.5+0100", -366), shift_dt("202401", -31), shift_dt("2024", -300)
    ('20230228120000.5+0100', '202312', '2023')
    """
    return _each(value, days, lambda one: _ranged(one, days, _one_dt))


def shift_tm(value: str) -> str | None:
    """A TM value: it stays, since days move as a whole; None if it is no time.

    Examples
    --------
    >>> shift_tm("235959.123456"), shift_tm("25h")
    ('235959.123456', None)
    """
    return value if all(_is_time(one) for one in _values(value)) else None


def shift_as(value: str) -> str | None:
    """An AS value: it stays, since birth and study move together; None if it is no age.

    Examples
    --------
    >>> shift_as("045Y"), shift_as("45")
    ('045Y', None)
    """
    return value if all(not one or _AS.fullmatch(one) for one in _values(value)) else None


def shift(vr: str, value: str, days: int) -> str | None:
    """A value of any VR that holds a date, a time or an age, moved by `days`.

    Raises
    ------
    KeyError
        If no value of this VR is one.
    """
    match vr:
        case "DA":
            return shift_da(value, days)
        case "DT":
            return shift_dt(value, days)
        case "TM":
            return shift_tm(value)
        case "AS":
            return shift_as(value)
    raise KeyError(vr)


def _values(value: str) -> list[str]:
    return [one.strip(_PADDING) for one in value.split("\\")]


def _each(value: str, days: int, one: Callable[[str], str | None]) -> str | None:
    if days == 0:
        raise ValueError("Dates moved by no days are not moved.")
    found = [one(each) if each else "" for each in _values(value)]
    return None if None in found else "\\".join(each or "" for each in found)


def _ranged(value: str, days: int, one: Callable[[str, int], str | None]) -> str | None:
    """A single value, or a range with one of its ends open (PS3.4 C.2.2.2.5)."""
    single = one(value, days)
    if single is not None or "-" not in value:
        return single
    for at in (match.start() for match in re.finditer("-", value)):
        ends = [one(end, days) if end else "" for end in (value[:at], value[at + 1 :])]
        if None not in ends and any(ends):
            return "-".join(end or "" for end in ends)
    return None


def _one_da(value: str, days: int) -> str | None:
    match = _DA.fullmatch(value)
    if match is None:
        return None
    day = _moved(int(match[1]), int(match[3]), int(match[4]), days)
    return None if day is None else match[2].join(_written(day))


def _one_dt(value: str, days: int) -> str | None:
    match = _DT.fullmatch(value)
    if match is None or not _is_time(match[4] or "") or not _is_offset(match[5]):
        return None
    year, month, day, rest = match[1], match[2], match[3], (match[4] or "") + (match[5] or "")
    middle = _moved(int(year), int(month or 7), int(day or (15 if month else 1)), days)
    if middle is None:
        return None
    parts = _written(middle)
    return "".join(parts[: 1 + bool(month) + bool(day)]) + rest


def _moved(year: int, month: int, day: int, days: int) -> datetime.date | None:
    try:
        return moved(datetime.date(year, month, day), days)
    except ValueError:
        return None


def _written(day: datetime.date) -> tuple[str, str, str]:
    return f"{day.year:04}", f"{day.month:02}", f"{day.day:02}"


def _is_time(value: str) -> bool:
    if not value:
        return True
    if _TM.fullmatch(value) is None:
        return False
    plain = value.replace(":", "")
    return plain[:2] < "24" and plain[2:4] < "60" and plain[4:6] < "61"


def _is_offset(value: str | None) -> bool:
    if value is None:
        return True
    hours, minutes = int(value[1:3]), int(value[3:])
    return minutes < 60 and (hours, minutes) <= ((14, 0) if value[0] == "+" else (12, 0))


# --- dates inside text ----------------------------------------------------------------------------

_MONTHS: Final = {
    name: number
    for number, names in enumerate(
        (
            "january jan januar jän jänner janvier janv enero ene gennaio gen januari janeiro styczeń stycznia",
            "february feb februar février fevrier févr febrero febbraio februari fevereiro luty lutego",
            "march mar märz maerz mrz mars marzo maart mrt março marco marzec marca",
            "april apr avril avr abril abr aprile kwiecień kwietnia",
            "may mai mayo maggio mag mei maio maj maja",
            "june jun juni juin junio giugno giu junho czerwiec czerwca",
            "july jul juli juillet juil julio luglio lug julho lipiec lipca",
            "august aug août aout agosto ago augustus sierpień sierpnia",
            "september sep sept septembre septiembre settembre set setembro wrzesień września",
            "october oct oktober okt octobre octubre ottobre ott outubro październik października",
            "november nov novembre noviembre novembro listopad listopada",
            "december dec dezember dez décembre decembre déc diciembre dic dicembre dezembro grudzień grudnia",
        ),
        1,
    )
    for name in names.split()
}
_MONTH: Final = "(?:" + "|".join(sorted(_MONTHS, key=len, reverse=True)) + r")\b\.?"
_YEAR: Final = r"(?:1[6-9]|20|21)\d{2}"
_M: Final = r"(?:0?[1-9]|1[0-2])"
_D: Final = r"(?:0?[1-9]|[12]\d|3[01])"
_CLOCK: Final = r"(?:[T ,_]{1,2}(?:[01]?\d|2[0-3])[:h.][0-5]\d(?:[:.][0-5]\d(?:[.,]\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?"

_IN_TEXT: Final = re.compile(
    rf"""(?<![^\W_])(?<!\w\.)(?:
      (?P<y1>{_YEAR})(?P<s1>[-/.\u2010\u2011_])(?P<m1>{_M})(?P=s1)(?P<d1>{_D})
    | (?P<y2>{_YEAR})(?P<m2>0[1-9]|1[0-2])(?P<d2>0[1-9]|[12]\d|3[01])(?P<t2>(?:[01]\d|2[0-3])[0-5]\d(?:[0-5]\d(?:\.\d+)?)?)?
    | (?P<a3>\d{{1,2}})(?P<s3>[-/.\u2010\u2011_])(?P<b3>\d{{1,2}})(?P=s3)(?P<y3>{_YEAR}|\d{{2}})
    | (?P<d4>{_D})(?:st|nd|rd|th|\.)?(?P<s4>[- /]*(?:of[ ]|de[ ])?)(?P<m4>{_MONTH})(?P<r4>[-, /]*(?:de[ ])?)(?P<y4>{_YEAR}|'?\d{{2}})
    | (?P<m5>{_MONTH})(?P<s5>[- ]*)(?P<d5>{_D})(?P<o5>st|nd|rd|th)?(?P<r5>[-, ]+)(?P<y5>{_YEAR}|'\d{{2}})
    | (?P<m6>{_MONTH})(?P<s6>[-, /]*(?:de[ ])?)(?P<y6>{_YEAR})(?![-/.]\d)
    | (?P<y7>{_YEAR})[ ]?[年년][ ]?(?P<m7>{_M})[ ]?[月월][ ]?(?P<d7>{_D})[ ]?[日일]?
    | (?P<m8>{_M})(?P<s8>[/.])(?P<y8>{_YEAR})(?![-/.]\d)
    | (?P<y9>{_YEAR})(?P<s9>[-/])(?P<m9>0[1-9]|1[0-2])(?![-/.]\d)
    | (?P<e10>(?:令和|平成|昭和|大正|明治|민국|民國|民国)[ ]?\d{{1,3}}年(?:[ ]?\d{{1,2}}月(?:[ ]?\d{{1,2}}日)?)?)
    | (?P<a11>\d{{1,2}})(?P<s11>[/.])(?P<b11>\d{{1,2}})\.?(?=[\s,;)]|$)(?<!\d\.\d)(?<!\d\.\d\d)
    ){_CLOCK}(?![^\W_])""",
    re.IGNORECASE | re.VERBOSE,
)
_LIKELY: Final = re.compile(
    r"\d{8}|\d[-/.\u2010\u2011_]\d|\d\.|[年년]|\b(?:"
    + "|".join(sorted({name[:3] for name in _MONTHS}))
    + ")",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Found:
    """A date met in text.

    Attributes
    ----------
    start, end
        Where, as indices into the text.
    day
        Which day it is; None if that cannot be told, as of 03/04/2026.
    write
        Writes a day as this one was written; the clock behind it stays.
    """

    start: int
    end: int
    day: datetime.date | None
    write: Callable[[datetime.date], str]

    def moved(self, days: int) -> str | None:
        """The text of the date moved by `days`; None if it cannot be told or leaves the calendar."""
        later = moved(self.day, days) if self.day else None
        return None if later is None else self.write(later)


def find(text: str, days_known: frozenset[datetime.date] = frozenset()) -> Iterator[Found]:
    """Every date in free text, in the notations of the languages that archives hold.

    Parameters
    ----------
    days_known
        Days that the header names: of a date that can be read in two ways (03/04/2026) the one
        among them is meant.
    """
    if not _LIKELY.search(text):
        return
    for match in _IN_TEXT.finditer(text):
        if match["s11"] != "/" or _is_known(match, days_known):
            yield _found(match, days_known)


def _is_known(match: "re.Match[str]", days_known: frozenset[datetime.date]) -> bool:
    """Whether a fraction (10/12) names a day of the header without its year."""
    pair = int(match["a11"]), int(match["b11"])
    return any(pair in ((day.day, day.month), (day.month, day.day)) for day in days_known)


def _found(match: "re.Match[str]", days_known: frozenset[datetime.date]) -> Found:
    kind = next(name for name in _KINDS if match[name] is not None)
    day, write = _KINDS[kind](match, days_known)
    return Found(match.start(), match.end(), day, write)


Read = tuple[datetime.date | None, Callable[[datetime.date], str]]


def _day(year: str, month: int, day: int) -> datetime.date | None:
    number = int(year.strip("'"))
    if len(year.strip("'")) == 2:
        number += 1900 if number > 40 else 2000
    try:
        return datetime.date(number, month, day)
    except ValueError:
        return None


def _rest(match: "re.Match[str]", last: str) -> str:
    return match.string[match.end(last) : match.end()]


def _as_long(number: int, like: str) -> str:
    """A day or month with a leading zero where the original could show that it has one."""
    return f"{number:02}" if like.startswith("0") or len(like) == 2 else str(number)


def _year(year: int, like: str) -> str:
    return like.replace(like.strip("'"), f"{year % 100:02}") if len(like) < 4 else f"{year:04}"


def _iso(match: "re.Match[str]", _: object) -> Read:
    year, sign, month, day = match["y1"], match["s1"], match["m1"], match["d1"]
    rest = _rest(match, "d1")
    return (
        _day(year, int(month), int(day)),
        lambda new: (
            sign.join((f"{new.year:04}", _as_long(new.month, month), _as_long(new.day, day))) + rest
        ),
    )


def _compact(match: "re.Match[str]", _: object) -> Read:
    rest = _rest(match, "d2")
    day = _day(match["y2"], int(match["m2"]), int(match["d2"]))
    return day, lambda new: "".join(_written(new)) + rest


def _numbers(match: "re.Match[str]", days_known: frozenset[datetime.date]) -> Read:
    """Day and month in either order: a dot says the day comes first, a number over 12 says which."""
    first, sign, second, year = match["a3"], match["s3"], match["b3"], match["y3"]
    rest = _rest(match, "y3")
    day_first, month_first = _either(year, first, second)
    if sign == ".":
        month_first = None
    if day_first and month_first and day_first != month_first:
        known = [day for day in (day_first, month_first) if day in days_known]
        day_first = day_first if known == [day_first] else None
        month_first = month_first if known == [month_first] else None
    in_order = bool(day_first)

    def write(new: datetime.date) -> str:
        numbers = (new.day, new.month) if in_order else (new.month, new.day)
        pair = _as_long(numbers[0], first), _as_long(numbers[1], second)
        return sign.join((*pair, _year(new.year, year))) + rest

    return day_first or month_first, write


def _either(
    year: str, first: str, second: str
) -> tuple[datetime.date | None, datetime.date | None]:
    return _day(year, int(second), int(first)), _day(year, int(first), int(second))


_SHORT: Final = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
_LONG: Final = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]


def _month_name(number: int, like: str) -> str:
    """A month in English, as long and as loud as the original."""
    plain = like.rstrip(".")
    name = _LONG[number - 1] if len(plain) > 4 else _SHORT[number - 1]
    if plain.isupper():
        return name.upper()
    return name.lower() if plain.islower() else name


def _month(name: str) -> int:
    return _MONTHS[name.rstrip(".").lower()]


def _day_month_name(match: "re.Match[str]", _: object) -> Read:
    day, gap, name, behind, year = (match[part] for part in ("d4", "s4", "m4", "r4", "y4"))
    rest = _rest(match, "y4")
    return (
        _day(year, _month(name), int(day)),
        lambda new: (
            f"{_as_long(new.day, day)}{gap or ''}{_month_name(new.month, name)}{behind}"
            f"{_year(new.year, year)}{rest}"
        ),
    )


def _month_name_day(match: "re.Match[str]", _: object) -> Read:
    name, gap, day, behind, year = (match[part] for part in ("m5", "s5", "d5", "r5", "y5"))
    rest = _rest(match, "y5")
    return (
        _day(year, _month(name), int(day)),
        lambda new: (
            f"{_month_name(new.month, name)}{gap}{_as_long(new.day, day)}{behind}"
            f"{_year(new.year, year)}{rest}"
        ),
    )


def _month_name_year(match: "re.Match[str]", _: object) -> Read:
    name, gap, rest = match["m6"], match["s6"], _rest(match, "y6")
    return _day(
        match["y6"], _month(name), 15
    ), lambda new: f"{_month_name(new.month, name)}{gap}{new.year:04}{rest}"


def _eastern(match: "re.Match[str]", _: object) -> Read:
    signs = "년월일" if "년" in match[0] else "年月日"
    rest = match.string[match.end("d7") : match.end()].lstrip(" 日일")
    return _day(
        match["y7"], int(match["m7"]), int(match["d7"])
    ), lambda new: f"{new.year:04}{signs[0]}{new.month}{signs[1]}{new.day}{signs[2]}{rest}"


def _month_year(match: "re.Match[str]", _: object) -> Read:
    month, sign, rest = match["m8"], match["s8"], _rest(match, "y8")
    return _day(
        match["y8"], int(month), 15
    ), lambda new: f"{_as_long(new.month, month)}{sign}{new.year:04}{rest}"


def _year_month(match: "re.Match[str]", _: object) -> Read:
    sign, rest = match["s9"], _rest(match, "m9")
    return _day(
        match["y9"], int(match["m9"]), 15
    ), lambda new: f"{new.year:04}{sign}{new.month:02}{rest}"


def _unreadable(match: "re.Match[str]", _: object) -> Read:
    """An era's year, or a day without a year: a date, but not one that can be moved."""
    return None, lambda _new: ""


_KINDS: Final[dict[str, Callable[["re.Match[str]", frozenset[datetime.date]], Read]]] = {
    "y1": _iso,
    "y2": _compact,
    "y3": _numbers,
    "y4": _day_month_name,
    "y5": _month_name_day,
    "y6": _month_name_year,
    "y7": _eastern,
    "y8": _month_year,
    "y9": _year_month,
    "e10": _unreadable,
    "b11": _unreadable,
}


def days_in(value: str) -> frozenset[datetime.date]:
    """The days that a DA or DT value names, for `find`."""
    found = set()
    for one in _values(value):
        match = re.match(r"(\d{4})\.?(\d{2})\.?(\d{2})", one)
        if match and 1 <= int(match[2]) <= 12 and int(match[1]):
            year, month, day = int(match[1]), int(match[2]), int(match[3])
            if 1 <= day <= monthrange(year, month)[1]:
                found.add(datetime.date(year, month, day))
    return frozenset(found)
