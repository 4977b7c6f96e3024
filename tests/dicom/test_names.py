"""Pat's name comes out right in whatever script the hospital wrote it."""

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.charset import python_encoding

from sharing.dicom.charsets import NAME_BREAKS, codec_of, decode
from sharing.dicom.names import display, groups, matches, search_key
from tests.dicom.making import bare, ct, scanned, shipped_images

SINGLE = [
    ("ISO_IR 100", "Buc^Jérôme", "latin_1"),
    ("ISO_IR 101", "Wałęsa^Świętosława", "iso8859_2"),
    ("ISO_IR 109", "Ġużeppi^Ħal", "iso8859_3"),
    ("ISO_IR 110", "Bērziņš^Jānis", "iso8859_4"),
    ("ISO_IR 144", "Люкceмбypг^Анна", "iso8859_5"),
    ("ISO_IR 127", "قباني^لنزار", "iso8859_6"),
    ("ISO_IR 126", "Διονυσιος^Μαρία", "iso8859_7"),
    ("ISO_IR 138", "שרון^דבורה", "iso8859_8"),
    ("ISO_IR 148", "Çavuşoğlu^Şükrü", "iso8859_9"),
    ("ISO_IR 203", "Œuvre^Žan", "iso8859_15"),
    ("ISO_IR 13", "ﾔﾏﾀﾞ^ﾀﾛｳ", "shift_jis"),
    ("ISO_IR 166", "สมชาย^ใจดี", "iso8859_11"),
    ("ISO_IR 192", "Wang^XiaoDong=王^小東", "utf_8"),
    ("GB18030", "Wang^XiaoDong=王^小东", "gb18030"),
    ("GBK", "Wang^XiaoDong=王^小东", "gbk"),
]

ESCAPED = [
    (
        r"\ISO 2022 IR 87",
        b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B",
        "Yamada^Tarou=山田^太郎=やまだ^たろう",
    ),
    (
        r"ISO 2022 IR 13\ISO 2022 IR 87",
        b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J",
        "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎",
    ),
    (r"\ISO 2022 IR 87\ISO 2022 IR 159", b"A^B=\x1b$(D\x30\x21\x1b(B^\x1b$B;3\x1b(B", "A^B=丂^山"),
    (
        r"\ISO 2022 IR 149",
        b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf",
        "Hong^Gildong=洪^吉洞=홍^길동",
    ),
    (
        r"\ISO 2022 IR 58",
        b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab",
        "Zhang^XiaoDong=张^小东",
    ),
    (r"\ISO 2022 IR 144", b"Luxemburg=\x1b-L\xbb\xee\xda\x63", "Luxemburg=Люкc"),
    (r"ISO 2022 IR 100\ISO 2022 IR 126", b"Dionysios^\x1b-F\xc4\xe9\xef", "Dionysios^Διο"),
    (r"ISO 2022 IR 100\ISO 2022 IR 144", b"Caf\xe9^\x1b-L\xbb\xee^\xe9", "Café^Лю^é"),
    (r"\ISO 2022 IR 166", b"A=\x1b-T\xca\xc1", "A=สม"),
]


@pytest.mark.parametrize(("charset", "name", "codec"), SINGLE)
def test_a_name_in_one_character_set_comes_out_right(charset: str, name: str, codec: str):
    image = ct(PatientName="NAME", SpecificCharacterSet=None)
    image.SpecificCharacterSet = "ISO_IR 6"
    raw_name = name.encode(codec) + b" " * (len(name.encode(codec)) % 2)
    raw = bare(image).replace(
        b"PN\x04\x00NAME", b"PN" + len(raw_name).to_bytes(2, "little") + raw_name
    )
    charset_value = charset.encode() + b" " * (len(charset) % 2)
    raw = raw.replace(
        b"CS\x08\x00ISO_IR 6", b"CS" + len(charset_value).to_bytes(2, "little") + charset_value
    )
    header = scanned(raw)
    assert header.attributes.patient_name == name
    assert header.charset == charset


@pytest.mark.parametrize(("charset", "raw", "name"), ESCAPED)
def test_a_name_that_changes_its_script_half_way_comes_out_right(charset, raw, name):
    assert decode(raw, charset, NAME_BREAKS) == name


@pytest.mark.parametrize(("charset", "raw", "name"), ESCAPED)
def test_escapes_are_understood_where_nobody_announced_them(charset, raw, name):
    if "13" not in charset and "100" not in charset:
        assert decode(raw, "", NAME_BREAKS) == name


def test_every_term_that_pydicom_knows_is_known():
    for term in python_encoding:
        assert not term or codec_of(term), term


def test_a_badly_spelled_character_set_is_understood():
    for term in ("ISO-IR 100", "ISO IR 100", "iso_ir_100", "ISO8859-1", "ISO 2022 IR 100"):
        assert decode(b"M\xfcller", term) == "Müller"
    for term in ("UTF-8", "utf8", "ISO_IR_192"):
        assert decode("Müller".encode(), term) == "Müller"


def test_a_missing_or_wrong_character_set_still_gives_a_readable_name():
    assert decode("Müller".encode(), "") == "Müller"
    assert decode(b"M\xfcller", "") == "Müller"
    assert decode(b"M\xfcller", "ISO_IR 192") == "Müller"
    assert decode(b"M\xfcller", "KLINGON") == "Müller"


@given(raw=st.binary(max_size=60), charset=st.sampled_from([c for c, *_ in SINGLE + ESCAPED]))
def test_no_bytes_keep_a_name_from_being_shown(raw: bytes, charset: str):
    text = decode(raw, charset, NAME_BREAKS)
    text.encode("utf-8")
    display(text)
    search_key(text)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_names_in_pydicoms_files_of_all_scripts_come_out_as_published():
    seen = 0
    for path, _raw, header in shipped_images():
        if not path.name.startswith("chr"):
            continue
        assert header.attributes.patient_name == str(pydicom.dcmread(path).PatientName)
        seen += 1
    assert seen >= 14


@pytest.mark.parametrize(
    ("pn", "shown"),
    [
        ("Doe^Jane", "Doe, Jane"),
        ("Doe^Jane^Q", "Doe, Jane Q"),
        ("Doe^Jane^^Dr.^MD", "Doe, Dr. Jane, MD"),
        ("Hong^Gildong=洪^吉洞=홍^길동", "Hong, Gildong (洪 吉洞)"),
        ("=山田^太郎", "山田 太郎"),
        ("==やまだ^たろう", "やまだ たろう"),
        ("Anonymous", "Anonymous"),
        ("^Pat", "Pat"),
        ("Doe ^ Jane  ", "Doe, Jane"),
        ("a^b^c^d^e^f^g", "a, d b c, e f g"),
        ("^^^^", ""),
        ("", ""),
    ],
)
def test_a_name_is_shown_as_people_write_it(pn: str, shown: str):
    assert display(pn) == shown


def test_a_name_is_found_without_its_marks_in_any_order():
    assert matches("Müller-Łukasz^Jürgen", "jurgen mull")
    assert matches("Hong^Gildong=洪^吉洞", "吉洞")
    assert matches("Straße^Ines", "strasse")
    assert matches("Ølsen^Bjørn", "olsen")
    assert not matches("Doe^Jane", "jane smith")
    assert matches("Doe^Jane", "")


def test_the_three_writings_of_a_name_are_told_apart():
    assert groups("A^B=C=D=E") == ("A^B", "C", "D=E")
