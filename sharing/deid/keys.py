"""What takes the place of an identity, derived by a key (PS3.15 E.1.1, actions U, D and C).

One secret for a project, no table: each replacement is HMAC-SHA-256 (RFC 2104) of the original, so
that files, runs and machines that share the secret agree, and nobody without it can go back or
even check a guess. Destroy the secret and nothing can be derived again.

Every message is `purpose`, a zero byte, then the original in UTF-8. The browser does the same
(`static/js/deid/keys.js`); `tests/js` holds the two together.
"""

import base64
import hashlib
import hmac
import re
import secrets
from typing import Final

SECRET_BYTES: Final = 32
SHORTEST: Final = -30
LONGEST: Final = -1095
_PSEUDONYM_LENGTH: Final = 12
_CACHED: Final = 4096

# Numbers that the standard itself gives (PS3.6 Annex A): none has a part of more than three digits.
_WELL_KNOWN: Final = re.compile(r"1\.2\.840\.10008(?:\.\d{1,4}){1,12}")
_MEANS_NOTHING: Final = " \0"
_APART: Final = "\x1f"


class DestroyedError(RuntimeError):
    """The secret was destroyed: nothing can be derived any more."""

    def __init__(self) -> None:
        super().__init__("The secret of this project was destroyed; nothing can be derived again.")


def new_secret() -> bytes:
    """A secret for a project: 256 bits from the operating system."""
    return secrets.token_bytes(SECRET_BYTES)


def is_well_known(uid: str) -> bool:
    """Whether a UID names a thing of the standard, not one of somebody's files.

    Examples
    --------
    >>> is_well_known("1.2.840.10008.1.2.1"), is_well_known("1.2.840.10008.5.20261101.1")
    (True, False)
    """
    return _WELL_KNOWN.fullmatch(uid) is not None


def patient_key(
    issuer: str, number: str, *, name: str = "", birth_date: str = "", study: str = ""
) -> str:
    """Who a patient is to `Keys`: issuer and number; without a number what else tells people apart.

    Two spellings of a number stay two patients: who merges wrongly gives one patient another's
    images. Without a number, name and birth date together; without these the study alone, which
    joins too little rather than too much. The result names a patient: keep it out of logs.

    Parameters
    ----------
    issuer, number
        Issuer of Patient ID (0010,0021) and Patient ID (0010,0020).
    name, birth_date, study
        Patient's Name, Patient's Birth Date, Study Instance UID: asked only where they are needed.
    """
    plain = [each.strip(_MEANS_NOTHING) for each in (issuer, number, name, birth_date, study)]
    if plain[1]:
        return _APART.join(("id", plain[0], plain[1]))
    if plain[2] and plain[3]:
        return _APART.join(("name", plain[0], plain[2].casefold(), plain[3]))
    return _APART.join(("study", plain[4]))


def _dated_by(patient: str) -> str:
    kind, *parts = patient.split(_APART)
    return parts[-1] if kind == "id" else "" if kind in ("name", "study") else patient


class Keys:
    """Derives what replaces identities in one project.

    Parameters
    ----------
    secret
        At least 32 bytes, from `new_secret`.

    Examples
    --------
    >>> Keys(bytes(32)).uid("1.2.3")
    '2.25.234032717547690775206643567667356737889'
    """

    __slots__ = ("_state", "_states", "_uids")

    def __init__(self, secret: bytes) -> None:
        if len(secret) < SECRET_BYTES:
            raise ValueError(f"The secret of a project has at least {SECRET_BYTES} bytes.")
        self._state: hmac.HMAC | None = hmac.new(secret, digestmod=hashlib.sha256)
        self._states: dict[str, hmac.HMAC] = {}
        self._uids: dict[str, str] = {}

    def __repr__(self) -> str:
        return "Keys(…)"

    def __reduce__(self) -> str:
        raise TypeError("Keys are made where they are used: hand over the secret instead.")

    def digest(self, purpose: str, original: str) -> bytes:
        """32 bytes that follow from the secret, what they are for, and the original."""
        state = self._states.get(purpose)
        if state is None:
            state = self._prepare(purpose)
        state = state.copy()
        state.update(original.encode("utf-8", "surrogatepass"))
        return state.digest()

    def uid(self, original: str) -> str:
        """The UID in place of `original` (action U; PS3.5 B.2: `2.25.` and 128 bits in decimal).

        Well-known UIDs and nothing stay what they are.
        """
        found = self._uids.get(original)
        return found if found is not None else self._new_uid(original)

    def pseudonym(self, patient: str) -> str:
        """A name for a patient (`patient_key`): `P-` and 60 bits, fit for PN, LO and SH."""
        return "P-" + self._letters("patient", patient)

    def shift(self, patient: str) -> int:
        """By how many days this patient's dates move: one month to three years back, never 0.

        The patient's number alone decides: an issuer that only some of the files name must not
        pull intervals apart. All who have no number move alike.
        """
        number = int.from_bytes(self.digest("shift", _dated_by(patient))[:8], "big")
        return SHORTEST - number % (SHORTEST - LONGEST + 1)

    def code(self, kind: str, value: str) -> str:
        """`C-` and 60 bits in place of a value, such as an accession number (action D).

        Parameters
        ----------
        kind
            What the value is: equal values of two kinds get two codes.
        """
        return "C-" + self._letters(f"code {kind}", value.strip(_MEANS_NOTHING))

    def destroy(self) -> None:
        """Forget the secret and all that was derived; whatever is asked from now on fails."""
        self._state = None
        self._states.clear()
        self._uids.clear()

    def _prepare(self, purpose: str) -> hmac.HMAC:
        if self._state is None:
            raise DestroyedError
        state = self._state.copy()
        state.update(purpose.encode() + b"\0")
        self._states[purpose] = state
        return state

    def _new_uid(self, original: str) -> str:
        plain = original.strip(_MEANS_NOTHING)
        if not plain or is_well_known(plain):
            return plain
        made = f"2.25.{int.from_bytes(self.digest('uid', plain)[:16], 'big')}"
        if len(self._uids) >= _CACHED:
            self._uids.clear()
        self._uids[original] = made
        return made

    def _letters(self, purpose: str, original: str) -> str:
        text = base64.b32encode(self.digest(purpose, original)[:10]).decode("ascii")
        return text[:_PSEUDONYM_LENGTH]
