"""What a project's key derives: the same everywhere with the key, nothing without it."""

import pickle
import subprocess
import sys

import pytest

from sharing.deid.keys import DestroyedError, Keys, is_well_known, new_secret, patient_key

SECRET = bytes(range(32))
OTHER = bytes(range(1, 33))
UID = "1.2.826.0.1.3680043.10.1.20261101.7"


def test_another_process_derives_the_same():
    program = (
        "from sharing.deid.keys import Keys; k = Keys(bytes(range(32)));"
        f"print(k.uid('{UID}'), k.pseudonym('p'), k.shift('p'), k.code('accession', 'A1'))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    keys = Keys(SECRET)
    here = (keys.uid(UID), keys.pseudonym("p"), keys.shift("p"), keys.code("accession", "A1"))
    assert answer.stdout.split() == [str(each) for each in here]


def test_order_and_repetition_change_nothing():
    forwards, backwards = Keys(SECRET), Keys(SECRET)
    uids = [f"1.2.3.{number}" for number in range(5000)]  # more than are remembered
    first = {uid: forwards.uid(uid) for uid in uids}
    assert {uid: backwards.uid(uid) for uid in reversed(uids)} == first
    assert {uid: forwards.uid(uid) for uid in uids} == first


def test_another_project_shares_nothing():
    ours, theirs = Keys(SECRET), Keys(OTHER)
    assert ours.uid(UID) != theirs.uid(UID)
    assert ours.pseudonym("p") != theirs.pseudonym("p")
    assert ours.code("accession", "A1") != theirs.code("accession", "A1")
    shifts = [(ours.shift(str(n)), theirs.shift(str(n))) for n in range(300)]
    assert sum(a == b for a, b in shifts) < 10


def test_uids_are_uids():
    keys = Keys(SECRET)
    for number in range(1000):
        uid = keys.uid(f"1.2.{number}")
        root, value = uid[:5], uid[5:]
        assert root == "2.25."
        assert len(uid) <= 64
        assert str(int(value)) == value
        assert int(value) < 1 << 128


def test_200_000_uids_do_not_collide():
    keys = Keys(SECRET)
    derived = {keys.uid(f"1.2.840.113619.2.55.3.{number}") for number in range(200_000)}
    assert len(derived) == 200_000


@pytest.mark.parametrize(
    "uid", ["1.2.840.10008.1.2.1", "1.2.840.10008.5.1.4.1.1.481.24", "1.2.840.10008.15.0.4.8", ""]
)
def test_what_the_standard_numbers_stays(uid):
    assert Keys(SECRET).uid(uid) == uid


def test_a_number_of_somebody_beneath_the_standards_root_does_not():
    uid = "1.2.840.10008.5.1.4.20261101.120000"
    assert not is_well_known(uid)
    assert Keys(SECRET).uid(uid) != uid


def test_padding_makes_no_other_uid():
    keys = Keys(SECRET)
    assert keys.uid(UID + "\0") == keys.uid(UID) == keys.uid(UID + " ")


def test_every_shift_is_a_month_to_three_years_back():
    keys = Keys(SECRET)
    shifts = [keys.shift(str(number)) for number in range(20_000)]
    assert min(shifts) >= -1095
    assert max(shifts) <= -30
    assert len(set(shifts)) > 1000


def test_intervals_hold_where_only_some_files_name_the_issuer():
    keys = Keys(SECRET)
    assert keys.shift(patient_key("General", "A1")) == keys.shift(patient_key("", "A1"))
    assert keys.pseudonym(patient_key("General", "A1")) != keys.pseudonym(patient_key("", "A1"))
    nameless = {
        keys.shift(patient_key("", "", study="1.2")),
        keys.shift(patient_key("", "", name="Winter^Pat", birth_date="19670314")),
    }
    assert len(nameless) == 1


def test_pseudonyms_fit_where_names_and_numbers_stand():
    keys = Keys(SECRET)
    for number in range(500):
        name = keys.pseudonym(str(number))
        assert len(name) <= 16
        assert not set(name) & set("^=\\ ")
        assert len(keys.code("accession", str(number))) <= 16


def test_equal_values_of_two_kinds_get_two_codes():
    keys = Keys(SECRET)
    assert keys.code("accession", "4711") != keys.code("admission", "4711")


def test_two_numbers_stay_two_patients():
    assert patient_key("GEN", "007") != patient_key("GEN", "7")
    assert patient_key("GEN", "a1") != patient_key("GEN", "A1")
    assert patient_key("GEN", "A1") != patient_key("MER", "A1")
    assert patient_key("GEN", "A1 ") == patient_key("GEN", "A1\0")


def test_without_a_number_name_and_birth_date_tell_patients_apart():
    def one(name: str, birth_date: str = "19670314", study: str = "1.2") -> str:
        return patient_key("", "", name=name, birth_date=birth_date, study=study)

    assert one("Winter^Pat") == one("WINTER^PAT", study="1.3")
    assert one("Winter^Pat") != one("Winter^Pat", "19670315")
    assert one("", "", "1.2") != one("", "", "1.3")


def test_nothing_can_be_derived_once_the_secret_is_destroyed():
    keys = Keys(SECRET)
    keys.uid(UID)
    keys.destroy()
    for derive in (keys.uid, keys.pseudonym, keys.shift):
        with pytest.raises(DestroyedError):
            derive(UID)
    with pytest.raises(DestroyedError):
        keys.code("accession", "A1")


def test_a_guess_cannot_be_checked_without_the_secret():
    """What a release shows of somebody says nothing to whoever knows all but the secret."""
    shown = Keys(new_secret()).uid(UID)
    assert shown not in {Keys(bytes([guess]) * 32).uid(UID) for guess in range(256)}


def test_keys_do_not_show_or_carry_their_secret():
    keys = Keys(b"very secret, thirty-two bytes and more")
    assert "secret" not in repr(keys)
    with pytest.raises(TypeError):
        pickle.dumps(keys)


def test_a_short_secret_is_refused():
    with pytest.raises(ValueError, match="at least 32 bytes"):
        Keys(b"short")
