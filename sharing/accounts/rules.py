"""Roles, invitations, and what an institution has shown of itself. Pure.

What a role may do stands in `access.rules`.
"""

import datetime
import re

from django.db.models import TextChoices

# A mailbox is read by more than one person and kept for years: what lies in it ends within a day.
SHORTEST_INVITATION = datetime.timedelta(minutes=30)
INVITATION_LIFETIME = LONGEST_INVITATION = datetime.timedelta(hours=24)
INVITATION_LIFETIMES = {
    30: "30 minutes",
    60: "1 hour",
    240: "4 hours",
    720: "12 hours",
    1440: "24 hours",
}


def lifetime_in_words(lifetime: datetime.timedelta) -> str:
    minutes = int(lifetime.total_seconds() // 60)
    return INVITATION_LIFETIMES.get(minutes, f"{minutes} minutes")


class Role(TextChoices):
    UPLOADER = "uploader", "Uploader"
    READER = "reader", "Reader"
    COMPLIANCE = "compliance", "Compliance"
    DATA_OFFICER = "data-officer", "Data officer"
    ADMINISTRATOR = "administrator", "Administrator"


# What somebody can see and do, in a sentence: for the pages, the mails and the page about the API.
ROLE_SENTENCES = {
    Role.UPLOADER: "Uploads studies, sees and downloads all of the institution's, and shares them.",
    Role.READER: "Sees and downloads the institution's studies, but uploads and shares nothing.",
    Role.COMPLIANCE: "Finds studies, reviews every access to them and agrees to what partners may see, but sees no images.",
    Role.DATA_OFFICER: "Does what uploaders do, writes profiles, and releases de-identified copies for research and teaching.",
    Role.ADMINISTRATOR: "Does what the others do, invites people, changes their roles and shuts them out.",
}


class MembershipState(TextChoices):
    ACTIVE = "active", "Active"
    SUSPENDED = "suspended", "Suspended"


class InvitationState(TextChoices):
    OPEN = "open", "Waiting for an answer"
    EXPIRED = "expired", "Expired"
    ACCEPTED = "accepted", "Accepted"
    WITHDRAWN = "withdrawn", "Withdrawn"


def invitation_state(
    *,
    now: datetime.datetime,
    expires_at: datetime.datetime,
    accepted_at: datetime.datetime | None,
    withdrawn_at: datetime.datetime | None,
) -> InvitationState:
    if accepted_at is not None:
        return InvitationState.ACCEPTED
    if withdrawn_at is not None:
        return InvitationState.WITHDRAWN
    return InvitationState.EXPIRED if expires_at <= now else InvitationState.OPEN


# ---- Institutions that sign up --------------------------------------------------------------

SIGN_UP_LIFETIME = datetime.timedelta(days=14)
SIGN_UPS_PER_HOUR = 5  # from one address
MAILS_PER_DAY = 3  # to one mailbox, whoever asks for them
CHECKS_PER_HOUR = 20  # looks for one domain's record, at somebody's wish
CHALLENGE = "_handover-challenge"
PREFIX = "handover-domain="


class SignUpState(TextChoices):
    APPLIED = "applied", "Waiting for proof of the domain"
    PROVEN = "proven", "Waiting for the operator"
    APPROVED = "approved", "Approved"
    REFUSED = "refused", "Refused"
    EXPIRED = "expired", "Expired"


SIGN_UP_MOVES: dict[SignUpState, frozenset[SignUpState]] = {
    SignUpState.APPLIED: frozenset({SignUpState.PROVEN, SignUpState.REFUSED, SignUpState.EXPIRED}),
    SignUpState.PROVEN: frozenset({SignUpState.APPROVED, SignUpState.REFUSED, SignUpState.EXPIRED}),
    SignUpState.APPROVED: frozenset(),
    SignUpState.REFUSED: frozenset(),
    SignUpState.EXPIRED: frozenset(),
}


def states_before(then: SignUpState) -> list[SignUpState]:
    """From where a sign-up may come to `then`."""
    return [before for before, moves in SIGN_UP_MOVES.items() if then in moves]


class EvidenceKind(TextChoices):
    DNS = "dns", "Domain, by a DNS record"
    MAIL = "mail", "Domain, by a mail"
    NPI = "npi", "NPI"
    CONTACT = "contact", "Named contact"
    APPROVAL = "approval", "Approval by the operator"
    OPERATOR = "operator", "Known to the operator"


def evidence_sentence(
    kind: str,
    value: str,
    *,
    proven_at: datetime.datetime,
    lost_at: datetime.datetime | None = None,
) -> str:
    """What was shown, in plain words, and no more than it is worth."""
    on = day(proven_at)
    match kind:
        case EvidenceKind.DNS if lost_at is not None:
            return (
                f"Domain {value} proven by DNS on {on}; its record is missing since {day(lost_at)}"
            )
        case EvidenceKind.DNS:
            return f"Domain {value} proven by DNS on {on}"
        case EvidenceKind.MAIL:
            return f"Domain {value} proven by a mail to an address there on {on}"
        case EvidenceKind.NPI:
            return f"NPI {value} (checked for typing errors only)"
        case EvidenceKind.CONTACT:
            return f"Contact named on {on}: {value}"
        case EvidenceKind.APPROVAL:
            return f"Approved by the operator on {on}"
    return "Known to the operator"


def day(moment: datetime.datetime) -> str:
    return f"{moment.day} {moment:%b %Y}"


def is_npi(text: str) -> bool:
    """Whether `text` can be a National Provider Identifier: ten digits that pass Luhn's check.

    The check digit is counted with the prefix 80840 (45 CFR 162.406). It finds typing errors and
    says nothing about whose number it is.
    """
    if not re.fullmatch(r"[12][0-9]{9}", text):
        return False
    total = 0
    for place, digit in enumerate(reversed(f"80840{text}")):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")
# Whoever has an address there has shown nothing about an institution.
MAILBOXES_FOR_ALL = frozenset(
    [
        "aol.com",
        "fastmail.com",
        "gmail.com",
        "gmx.at",
        "gmx.com",
        "gmx.de",
        "gmx.net",
        "googlemail.com",
        "hotmail.com",
        "icloud.com",
        "live.com",
        "mail.com",
        "me.com",
        "msn.com",
        "outlook.com",
        "proton.me",
        "protonmail.com",
        "web.de",
        "yahoo.com",
        "ymail.com",
        "zoho.com",
    ]
)


def tidy_domain(typed: str) -> str:
    """A domain as DNS knows it (RFC 5890 A-labels); ValueError with a sentence for anything else."""
    text = typed.strip().rstrip(".").lower().removeprefix("https://").removeprefix("http://")
    text = text.removeprefix("www.").rstrip("/")
    try:
        name = text.encode("idna").decode("ascii")
    except UnicodeError:
        name = ""
    labels = name.split(".")
    if len(name) > 220 or len(labels) < 2 or not all(map(LABEL.fullmatch, labels)):
        raise ValueError("This is no domain. Write it like mercy.example.")
    if labels[-1].isdigit():
        raise ValueError("This is an address of a machine. Write a domain like mercy.example.")
    if name in MAILBOXES_FOR_ALL:
        raise ValueError("Anybody can have a mailbox there. Give your institution's own domain.")
    return name


def is_at(email: str, domain: str) -> bool:
    """Whether a mailbox belongs to exactly this domain."""
    return email.rpartition("@")[2].lower() == domain
