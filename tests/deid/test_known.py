"""What the header knows of people is found in every form; ordinary words are told apart."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharing.deid.known import Kind, Known
from sharing.deid.table import Option

NAME, NUMBER, BIRTH, PHONE = 0x00100010, 0x00100020, 0x00100030, 0x00102154
PLACE, STATION, MAKER, STUDY_DATE = 0x00080080, 0x00081010, 0x00080070, 0x00080020


def known_of(name: str = "", *options: Option, **more: str) -> Known:
    known = Known(options)
    known.learn(NAME, "PN", name)
    for key, value in more.items():
        known.learn(globals()[key.upper()], "DA" if key in ("birth", "study_date") else "LO", value)
    return known


def found(known: Known, text: str) -> list[str]:
    return [text[span.start : span.end] for span in known.find(text)]


@pytest.mark.parametrize(
    ("name", "text", "hit"),
    [
        ("Winter^Pat", "seen: Pat Winter", "Pat Winter"),
        ("Winter^Patricia", "WINTER, PATRICIA", "WINTER, PATRICIA"),
        ("Winter^Patricia", "p. winter", "p. winter"),
        ("Winter^Patricia", "pwinter", "pwinter"),
        ("Winter^Patricia", "winterpatricia", "winterpatricia"),
        ("Winter^Patricia", "CT_WINTER_PATRICIA_2.dcm", "WINTER_PATRICIA"),
        ("Winter^Patricia", "winter2026", "winter2026"),
        ("Winter^Patricia", "Winters Befund", "Winters"),
        ("Müller^Anna", "MULLER", "MULLER"),
        ("Müller^Anna", "mueller", "mueller"),
        ("Mueller^Anna", "Müller", "Müller"),
        ("Álvarez^Noor", "alvarez", "alvarez"),
        ("Alvarez^Noor", "A\u0301lvarez", "A\u0301lvarez"),
        ("Müller-Lüdenscheidt^Eva", "Muller Ludenscheidt", "Muller Ludenscheidt"),
        ("Müller-Lüdenscheidt^Eva", "MULLERLUDENSCHEIDT", "MULLERLUDENSCHEIDT"),
        ("Müller-Lüdenscheidt^Anna", "xLüdenscheidtAnna 2", "xLüdenscheidtAnna"),
        ("O'Brien^Kate", "OBrien", "OBrien"),
        ("OBrien^Kate", "O'Brien", "O'Brien"),
        ("Macdonald^Ian", "Mac Donald", "Mac Donald"),
        ("van der Berg^Jan", "van der Berg", "van der Berg"),
        ("Li^Na", "Li Na", "Li Na"),
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "山田太郎様", "山田太郎"),
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "やまだ", "やまだ"),
        ("Yamada^Tarou=山田^太郎", "Tarou YAMADA", "Tarou YAMADA"),
        ("Wang^XiaoDong=王^小東", "王小東", "王小東"),
        ("Wang^XiaoDong=王^小東", "患者王 小東", "王 小東"),
        ("Hong^Gildong=洪^吉洞=홍^길동", "홍길동", "홍길동"),
        ("Иванов^Иван", "ИВАНОВ", "ИВАНОВ"),
        ("Иванов^Иван", "у Ивановой", "Ивановой"),
        ("Иванов^Иван", "Ivanov", "Ivanov"),
        ("Люкceмбypг^Роза", "роза", "роза"),
        ("Παπαδόπουλος^Νίκος", "ΠΑΠΑΔΟΠΟΥΛΟΥ", "ΠΑΠΑΔΟΠΟΥΛΟΥ"),
        ("Παπαδόπουλος^Νίκος", "Papadopoulos", "Papadopoulos"),
        ("الأحمد^محمد", "احمد محمد", "احمد محمد"),
        ("כהן^משה", "וכהן", "וכהן"),
    ],
)  # fmt: skip
def test_a_name_is_found_in_every_form(name, text, hit):
    assert found(known_of(name), text) == [hit]


@pytest.mark.parametrize(
    "text",
    ["Winterthur protocol", "T1w axial", "patient", "Li", "pat", "w", "summer", "interwinterized"],
)
def test_what_only_resembles_a_name_is_none(text):
    assert found(known_of("Winter^Pam=李^娜"), text) == []


def test_a_name_that_is_an_ordinary_word_is_found_but_not_sure():
    known = known_of("Chest^Rose")
    (span,) = known.find("CT chest with contrast")
    assert (span.kind, span.sure) == (Kind.NAME, False)
    (span,) = known.find("Chest, Rose")
    assert span.sure


def test_a_short_ordinary_word_is_a_name_in_company_alone():
    known = known_of("May^Rosalind")
    assert found(known, "may represent a cyst") == []
    (span,) = known.find("MAY chest")  # it may be the name: it goes, and a person is told
    assert (span.end, span.sure) == (3, False)
    assert found(known, "Rosalind May") == ["Rosalind May"]


def test_makers_name_nobody():
    known = known_of(place="TOSHIBA", maker="TOSHIBA MEDICAL")
    assert found(known, "Toshiba protocol") == []


def test_placeholders_name_nobody():
    assert found(known_of("Anonymous^Patient", number="NONE"), "anonymous patient, none") == []


@pytest.mark.parametrize(
    ("fact", "text", "hit"),
    [
        ({"number": "GEN-10023"}, "gen 10023", "gen 10023"),
        ({"number": "GEN-10023"}, "ID:0010023", "0010023"),
        ({"number": "123456789"}, "123-45-6789", "123-45-6789"),
        ({"number": "AB12345678"}, "xAB12345678y", "AB12345678"),
        ({"birth": "19670314"}, "born 14.03.1967.", "14.03.1967"),
        ({"birth": "19670314"}, "03/14/67", "03/14/67"),
        ({"birth": "19670314"}, "140367", "140367"),
        ({"birth": "19670314"}, "14 March 1967", "14 March 1967"),
        ({"phone": "+49 30 1234567"}, "030/1234567", "30/1234567"),
        ({"phone": "pat@example.org"}, "write to PAT@example.org", "PAT@example.org"),
        ({"place": "General Hospital"}, "at GENERAL  HOSPITAL", "GENERAL  HOSPITAL"),
        ({"station": "CTSCAN01"}, "ctscan01", "ctscan01"),
        ({"study_date": "20260304"}, "of 03/04/2026", "03/04/2026"),
    ],
)
def test_facts_are_found_as_people_write_them(fact, text, hit):
    assert found(known_of(**fact), text) == [hit]


@pytest.mark.parametrize("text", ["12", "1024x768", "T2 2024", "110023", "10024"])
def test_numbers_that_only_resemble_are_left(text):
    assert found(known_of(number="10023"), text) == []


def test_options_say_what_identifies():
    facts = {"place": "General Hospital", "station": "CTSCAN01", "study_date": "20260304"}
    text = "General Hospital, CTSCAN01, 2026-03-04"
    assert len(found(known_of("", **facts), text)) == 3
    spared = (
        Option.RETAIN_INSTITUTION_IDENTITY,
        Option.RETAIN_DEVICE_IDENTITY,
        Option.RETAIN_LONGITUDINAL_FULL_DATES,
    )
    assert found(known_of("", *spared, **facts), text) == []


def test_what_is_learned_later_is_found_from_then_on():
    known = known_of("Winter^Pat")
    assert found(known, "Sommerfeld") == []
    known.learn(0x00080090, "PN", "Sommerfeld^Rosa^^Dr.")
    assert found(known, "Sommerfeld") == ["Sommerfeld"]


def test_it_travels_as_json_and_joins_another():
    known = known_of("Müller^Anna=山田^太郎", number="GEN-10023", birth="19670314")
    other = Known.from_json(json.loads(json.dumps(known.to_json())))
    text = "A. Mueller, 山田太郎, gen10023, 14.3.1967"
    assert found(other, text) == found(known, text)
    third = Known()
    third.merge(other)
    assert found(third, text) == found(known, text)


@given(st.text(max_size=60), st.text(max_size=40))
def test_no_name_and_no_text_make_it_fail(name, text):
    known = known_of(name, number=name, place=name, phone=name, birth=name)
    for span in known.find(text):
        assert 0 <= span.start < span.end <= len(text)


@given(st.text(st.characters(categories=["L"]), min_size=5, max_size=20))
def test_a_name_is_found_as_it_stands(name):
    known = known_of(f"{name}^Zzyzx")
    assert found(known, f"Zzyzx {name}")
