"""Profiles: files that people write, with mistakes told by line, and changes told in sentences."""

import dataclasses
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharing.deid.profile import (
    BUNDLED,
    PixelSettings,
    Private,
    Profile,
    Rule,
    TextSettings,
    diff,
    dump,
    load,
)
from sharing.deid.reading import ProfileError
from sharing.deid.table import Action, Option

SMALL = """\
name: lungs
title: Lung nodules
version: "3"
options:
  clean_descriptors: Series are chosen by their descriptions.
rules:
- attribute: PatientAge
  action: K
  reason: Nodules are judged by age.
- attribute: "0019,SIEMENS MR HEADER,0C"
  action: K
  reason: The b value of diffusion.
- attribute: 0008,0080
  action: D
  value: A site
  reason: Reports name a site.
text:
  words: [nelson]
"""

OTHER_LAYOUT = """\
# the same, written otherwise
text: {words: ["nelson"]}
rules:
- {reason: Reports name a site., action: d, attribute: InstitutionName, value: A site}
- {attribute: '0019,SIEMENS MR HEADER,0C', reason: "The b value
     of diffusion.", action: K}
- {attribute: '(0010,1010)', action: K, reason: Nodules are judged by age.}
options: {clean_descriptors: Series are chosen by their descriptions.}
title: Lung nodules
version: 3
name: lungs
"""


def mistakes(text: str) -> list[str]:
    with pytest.raises(ProfileError) as caught:
        load(text)
    return [str(problem) for problem in caught.value.problems]


def test_a_file_becomes_a_profile():
    profile = load(SMALL)
    assert (profile.name, profile.version) == ("lungs", "3")
    assert profile.options == {Option.CLEAN_DESCRIPTORS}
    assert [rule.target for rule in profile.rules] == [
        0x00080080,
        0x00101010,
        Private(0x0019, "SIEMENS MR HEADER", 0x0C),
    ]
    assert profile.rules[0].value == "A site"
    assert profile.text.words == ("nelson",)
    assert profile.pixels == PixelSettings()


def test_the_layout_of_the_file_does_not_change_the_digest():
    assert load(SMALL).digest == load(OTHER_LAYOUT).digest
    assert load(SMALL) == load(OTHER_LAYOUT)


@pytest.mark.parametrize(
    ("part", "other"),
    [
        ("Nodules are judged by age.", "Nodules are judged by the age."),
        ("action: K\n  reason: The b", "action: X\n  reason: The b"),
        ('version: "3"', 'version: "4"'),
        ("nelson", "nelsons"),
        ("value: A site", "value: One site"),
        ("clean_descriptors", "clean_graphics"),
    ],
)
def test_whatever_is_said_differently_changes_the_digest(part, other):
    assert load(SMALL.replace(part, other)).digest != load(SMALL).digest


@pytest.mark.parametrize("name", sorted(BUNDLED))
def test_bundled_profiles_come_back_from_their_own_file(name):
    profile = BUNDLED[name]
    again = load(dump(profile))
    assert again == profile
    assert again.digest == profile.digest
    assert diff(profile, again) == []
    assert pickle.loads(pickle.dumps(profile)) == profile  # noqa: S301  # as workers get it


@pytest.mark.parametrize("name", sorted(BUNDLED))
def test_bundled_profiles_let_nothing_through_that_the_standard_does_not(name):
    assert BUNDLED[name].deviations() == []


def test_the_profiles_are_there():
    assert set(BUNDLED) == {"basic", "research", "teaching", "trial", "upload"}
    assert BUNDLED["basic"].options == frozenset()


def test_what_the_standard_removes_may_be_kept_but_is_said():
    said = load(SMALL).deviations()
    assert len(said) == 2
    assert said[0].startswith(
        "Patient's Age (0010,1010) is kept, though the standard's profile has it removed."
    )
    assert "Nodules are judged by age." in said[0]
    assert "SIEMENS MR HEADER" in said[1]


def test_an_option_that_keeps_makes_a_rule_conform():
    text = SMALL.replace("  clean_desc", "  retain_patient_characteristics: Ages.\n  clean_desc")
    text = text.replace("  clean_desc", "  retain_safe_private: B values.\n  clean_desc")
    assert load(text).deviations() == []


def test_keeping_what_an_option_cleans_is_said():
    rule = "- {attribute: StudyDescription, action: K, reason: Needed.}\n"
    (said, *_) = load(SMALL.replace("rules:\n", "rules:\n" + rule)).deviations()
    assert said.startswith(
        "Study Description (0008,1030) is kept, though Clean Descriptors Option has it cleaned."
    )


def test_stricter_rules_are_no_deviation():
    rule = "- {attribute: PatientName, action: X, reason: None.}\n"
    before = load(SMALL).deviations()
    assert load(SMALL.replace("rules:\n", "rules:\n" + rule)).deviations() == before


@pytest.mark.parametrize(
    ("part", "other", "said"),
    [
        ("title: Lung nodules", "titel: Lung nodules", "Line 2: A profile has no “titel”. Did you mean “title”?"),
        ("name: lungs", "name: My Lungs", "Line 1: The name has small letters, digits and hyphens alone."),
        ('version: "3"\n', "", "Line 1: The version is missing. Add a line `version: …`."),
        ("clean_descriptors", "clean_descriptor", "Line 5: There is no option “clean_descriptor”. Did you mean “clean_descriptors”?"),
        (" Series are chosen by their descriptions.", "", "Line 5: Say why: the option clean_descriptors needs a reason, a sentence for the ledger."),
        ("PatientAge", "PatientAgee", "Line 7: “PatientAgee” is no attribute. Did you mean “PatientAge”? A private one is written `gggg,CREATOR,ee`."),
        ("PatientAge", "SOPClassUID", "Line 7: No rule can change this attribute: it says what kind of object it is. Remove the rule."),
        ("PatientAge", "0002,0010", "Line 7: No rule can change this attribute: it says how the file is to be read. Remove the rule."),
        ("PatientAge", "0019,100C", "Line 7: A private attribute is written `gggg,CREATOR,ee`, since blocks move."),
        ("action: K\n  reason: Nod", "action: keep\n  reason: Nod", "Line 8: There is no action “KEEP”. Write X (remove), Z (empty), D (replace), K (keep), C (clean) or U (another UID)."),
        ("  reason: Nodules are judged by age.\n", "", "Line 7: This rule has no reason. Add a line `reason: …`."),
        ("0008,0080", "PatientAge", "Line 13: There is a rule for Patient's Age (0010,1010) already. Keep one of the two."),
        ("action: D", "action: Z", "Line 15: A value is written by the action D alone. Remove this line."),
        ("[nelson]", "nelson", "Line 18: words is a list: begin each of its lines with “- ”."),
        ("0019,SIEMENS", "0018,SIEMENS", "Line 10: The group 0018 is not a private one: those have odd numbers."),
        ("text:", "text:\n  ages_over: ninety", "Line 18: Write a whole number from 1 to 150 here."),
        ("text:", "pixels:\n  read: perhaps\ntext:", "Line 18: Write `true` or `false` here."),
        ("text:", "title: Again\ntext:", "Line 17: “title” stands here a second time. Keep one of the two."),
    ],
    ids=lambda value: value[:24].strip().replace("\n", " ") if isinstance(value, str) else None,
)  # fmt: skip
def test_each_mistake_is_told_with_its_line_and_what_to_do(part, other, said):
    assert said in mistakes(SMALL.replace(part, other, 1))


def test_all_mistakes_are_told_at_once_in_order():
    text = SMALL.replace("PatientAge", "Nonsense").replace("clean_desc", "claen_desc")
    lines = [int(said.split()[1].rstrip(":")) for said in mistakes(text)]
    assert lines == [5, 7]


def test_dates_are_kept_or_moved_not_both():
    text = SMALL.replace(
        "  clean_d",
        "  retain_longitudinal_full_dates: a\n  retain_longitudinal_modified_dates: b\n  clean_d",
    )
    assert mistakes(text) == [
        "Line 6: Dates are either kept or moved (PS3.15 E.3.6). Choose one of the two."
    ]


@pytest.mark.parametrize(
    "text",
    ["", "- a\n- b\n", "name: [", "a: &x 1\nb: *x\n", "\x00", "name: x\n\tb: y", "!!python/object:os.x {}", "a\n---\nb"],
    ids=["empty", "list", "open", "anchor", "nul", "tab", "tag", "two"],
)  # fmt: skip
def test_what_is_no_profile_is_refused_in_words(text):
    assert all(said.startswith("Line ") and said.endswith((".", "?")) for said in mistakes(text))


@given(st.text(max_size=200))
def test_no_text_makes_it_fail_otherwise(text):
    with pytest.raises(ProfileError):
        load(text)


def test_a_huge_file_is_not_even_read():
    assert mistakes("a" * 300_000) == ["Line 1: This file is far larger than any profile."]


def test_changes_are_told_in_sentences():
    old = load(SMALL)
    new = dataclasses.replace(
        old,
        version="4",
        reasons={Option.CLEAN_GRAPHICS: "Arrows."},
        rules=(
            Rule(0x00101010, Action.EMPTY, "Not any more."),
            dataclasses.replace(old.rules[2], reason="Diffusion."),
            Rule(0x00102180, Action.REMOVE, "Work."),
        ),
        text=TextSettings(words=("siemens",), ages_over=80),
        pixels=PixelSettings(modalities=("US",), margin=8),
    )
    assert diff(old, new) == [
        "The version is “4”; it was “3”.",
        "Clean Graphics Option is chosen now: Arrows.",
        (
            "Clean Descriptors Option is no longer chosen. It had been, because: Series are chosen "
            "by their descriptions."
        ),
        "Institution Name (0008,0080) has no rule any more; it was replaced by “A site”.",
        "Patient's Age (0010,1010) is emptied; it was kept. Not any more.",
        "Occupation (0010,2180) is removed now: Work.",
        "The private attribute 0019,SIEMENS MR HEADER,0C has another reason: Diffusion.",
        "Words that are let through now: siemens.",
        "Words that are no longer let through: nelson.",
        "Ages over 80 are removed; it was 89.",
        "Pixels are read for text in US.",
        "Masks are 8 pixels larger; it was 4.",
    ]


def test_a_profile_cannot_be_changed():
    profile: Profile = BUNDLED["research"]
    with pytest.raises(dataclasses.FrozenInstanceError):
        profile.name = "other"  # type: ignore[misc]
    with pytest.raises(TypeError):
        profile.reasons[Option.RETAIN_UIDS] = "x"  # type: ignore[index]
