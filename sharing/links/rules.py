"""Pure rules of share links: what is asked of a visitor, and when a link is over."""

import datetime
import uuid

from django.db.models import TextChoices

from sharing.kernel import secrets

TRIES = 5  # passcodes, before a link locks
CODE_TRIES = 5
CODE_LIFETIME = datetime.timedelta(minutes=10)
CODES_PER_HOUR = 5
HOUR = datetime.timedelta(hours=1)
LONGEST = datetime.timedelta(days=30)
CLAIM_LIFETIME = datetime.timedelta(hours=12)
MOST_USES = 1000


class Factor(TextChoices):
    PASSCODE = "passcode", "A passcode that you pass on yourself"
    MAILBOX = "mailbox", "A one-time code, mailed to the recipient"


class LinkState(TextChoices):
    OPEN = "open", "Open"
    EXPIRED = "expired", "Expired"
    USED_UP = "used-up", "Used up"
    LOCKED = "locked", "Locked after wrong passcodes"
    REVOKED = "revoked", "Revoked"


def state(
    *,
    now: datetime.datetime,
    expires_at: datetime.datetime,
    revoked_at: datetime.datetime | None,
    locked_at: datetime.datetime | None,
    uses: int,
    max_uses: int | None,
) -> LinkState:
    """The state that the owner sees. A used-up link still serves the claims that it gave."""
    if revoked_at is not None:
        return LinkState.REVOKED
    if expires_at <= now:
        return LinkState.EXPIRED
    if locked_at is not None:
        return LinkState.LOCKED
    if max_uses is not None and uses >= max_uses:
        return LinkState.USED_UP
    return LinkState.OPEN


def masked(mailbox: str) -> str:
    """An address as its owner recognises it, and nobody else reads it."""
    name, _, host = mailbox.partition("@")
    return f"{name[:1]}•••@{host}" if host else ""


def written(passcode: str) -> str:
    """A passcode in two groups, as it is read out over the telephone."""
    half = len(passcode) // 2
    return f"{passcode[:half]}-{passcode[half:]}" if passcode else ""


BROWSERS = (
    ("Edg", "Edge"),
    ("OPR", "Opera"),
    ("Firefox", "Firefox"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
SYSTEMS = (
    ("iPhone", "an iPhone"),
    ("iPad", "an iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS", "a Mac"),
    ("Linux", "Linux"),
)


def device(agent: str) -> str:
    """What a User-Agent says, in words: "Chrome on Windows"."""
    browser = next((name for mark, name in BROWSERS if mark in agent), "")
    system = next((name for mark, name in SYSTEMS if mark in agent), "")
    if browser and system:
        return f"{browser} on {system}"
    return browser or system or "a program"


def passcode_digest(key: str, link_id: uuid.UUID, passcode: str) -> bytes:
    """The keyed digest of a link's passcode, however it was typed."""
    return secrets.keyed_digest(key, "link-passcode", str(link_id), secrets.tidy_passcode(passcode))


def code_digest(key: str, code_id: uuid.UUID, code: str) -> bytes:
    """The keyed digest of a mailed code."""
    digits = "".join(letter for letter in code if letter.isdigit())
    return secrets.keyed_digest(key, "mailbox-code", str(code_id), digits)


KINDS = {
    "CT": "CT images",
    "MR": "MRI images",
    "CR": "X-ray images",
    "DX": "X-ray images",
    "DR": "X-ray images",
    "RF": "X-ray images",
    "XA": "X-ray images of blood vessels",
    "MG": "breast X-ray images",
    "US": "ultrasound images",
    "IVUS": "ultrasound images",
    "NM": "nuclear medicine images",
    "PT": "PET images",
    "SM": "microscope images",
    "ES": "endoscopy images",
    "OP": "eye images",
    "OPT": "eye images",
    "ECG": "heart recordings",
    "SR": "reports",
    "DOC": "documents",
}


def kinds(modalities: str) -> str:
    """DICOM modalities as anybody says them: "CT images and reports"."""
    found = list(dict.fromkeys(KINDS.get(one, "") for one in modalities.split("\\") if one))
    words = [word for word in found if word] or ["images"]
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
