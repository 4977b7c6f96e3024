"""A mail's subject shows on a locked screen and in every log on its way: nothing secret is in it."""

import re
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import allauth
import pytest
from django.conf import settings
from django.core import mail
from django.core.cache import cache
from django.template import Context, Template
from django.template.loader import get_template

from sharing.accounts import actions as accounts
from sharing.accounts.rules import Role
from sharing.links import actions as links
from sharing.links.rules import Factor
from tests import factories as f
from tests.accounts.making import send_mails
from tests.links import making

pytestmark = pytest.mark.django_db
CLEO = "cleo@mercy.example"
# Codes, and what stands in links: whatever has a digit in it, or is long.
SECRET = re.compile(r"\b(?:[\w-]*\d[\w-]*|[\w-]{20,})\b")


@pytest.fixture
def subjects(mailoutbox: list[EmailMessage]) -> Iterator[dict[str, str]]:
    """The subject of each mail that people get, by what they get it for."""
    cache.clear()
    ada = f.principal("Ada")
    found: dict[str, str] = {}

    def sent(what: str) -> None:
        send_mails()
        found[what] = str(mailoutbox[-1].subject)  # type: ignore[attr-defined]
        assert len(mailoutbox) == len(found), what

    accounts.invite(email="nora@general.example", role=Role.READER, by=ada)
    sent("an invitation")
    made = making.link(ada, f.study(ada), factor=Factor.MAILBOX, recipient_email=CLEO)
    link_id, secret = making.parts(made)
    links.send_code(link_id, secret, origin=making.VISITOR)
    sent("a one-time code")
    for email in ("ada@general.example", "nobody@general.example"):
        f.browser().post("/accounts/password/reset/", {"email": email})
        sent(f"a new password for {email}")
    yield found
    cache.clear()


def test_no_mail_says_a_code_or_a_link_in_its_subject(subjects: dict[str, str]) -> None:
    assert len(subjects) == 4
    for what, subject in subjects.items():
        assert subject.strip(), what
        assert not SECRET.search(subject), (what, subject)


def test_what_is_secret_in_a_mail_is_found_by_this_test(subjects: dict[str, str]) -> None:
    bodies = [str(one.body) for one in mail.outbox]
    assert all(SECRET.search(re.sub(r"\s", "", body)) for body in bodies[:3])


def test_no_subject_names_the_patient(subjects: dict[str, str]) -> None:
    assert not any(re.search("petra|probe", one, re.IGNORECASE) for one in subjects.values())


def _subject_templates() -> Iterator[str]:
    for root in (settings.BASE_DIR / "templates", Path(allauth.__file__).parent / "templates"):
        yield from (str(path.relative_to(root)) for path in root.rglob("*_subject.txt"))


@pytest.mark.parametrize("name", sorted(set(_subject_templates())))
def test_a_subject_that_is_sent_some_day_holds_no_more_than_its_own_words(name: str) -> None:
    """Also those of sign-in methods that are not switched on yet."""
    words = get_template(name).template.render(told_everything())  # type: ignore[attr-defined]
    assert words.strip()
    assert "SECRET" not in words


def test_a_subject_that_gives_a_code_away_would_be_found() -> None:
    assert "SECRET" in Template("Your code is {{ code }}").render(told_everything())


class Everything(dict[str, str]):
    """Whatever a template asks for, it is told."""

    def __contains__(self, key: object) -> bool:
        return key not in ("True", "False", "None")

    def __getitem__(self, key: str) -> str:
        return f"SECRET-{key}"


def told_everything() -> Context:
    context = Context()
    context.dicts.append(Everything())
    return context
