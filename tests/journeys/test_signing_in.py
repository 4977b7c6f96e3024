"""How people come in: by invitation, with a passkey, with a code of an app."""

import base64
import hmac
import struct
import time

from playwright.sync_api import Page

from tests.journeys import people as do
from tests.journeys.mailbox import Mailbox
from tests.journeys.people import People
from tests.served import Served

SENTENCE = "seven quiet herons by the lake"


def invited(ada: Page, home: Served, email: str) -> None:
    ada.goto(f"{home.address}/people/")
    ada.get_by_role("button", name="Invite somebody").click()
    ada.get_by_label("E-mail address").fill(email)
    ada.get_by_role("button", name="Send the invitation").click()
    ada.get_by_role("rowheader", name=email).wait_for()


def joined(people: People, home: Served, mailbox: Mailbox, email: str) -> Page:
    """Somebody whom Ada invites, in their own browser, signed in for the first time."""
    invited(people.signed_in(home, "Ada"), home, email)
    guest = people.somebody()
    guest.goto(mailbox.find(r"http://\S+/join#\S+", to=email))
    guest.get_by_role("button", name="Go on").click()
    guest.get_by_label("Your name").fill("Mira Sol")
    guest.get_by_label("Password").fill(SENTENCE)
    guest.get_by_role("button", name="Make my account").click()
    guest.wait_for_url(f"{home.address}/account/protect")
    return guest


def sets_up_the_app(person: Page) -> str:
    """From the page that asks for it; the secret that the app keeps."""
    person.get_by_role("link", name="Set up the app").click()
    secret = person.locator("#authenticator_secret").input_value()
    person.locator("input[name=code]").fill(code_of(secret))
    person.locator("main").get_by_role("button", name="Turn on").click()
    person.wait_for_url("**/recovery-codes/**")
    return secret


def test_mira_joins_by_the_link_in_her_mail_and_signs_in_by_herself(
    home: Served, people: People, mailbox: Mailbox
) -> None:
    guest = joined(people, home, mailbox, "mira@general.example")
    guest.goto(f"{home.address}/people/")
    assert guest.get_by_role("heading", name="Protect your account").is_visible()
    secret = sets_up_the_app(guest)
    guest.goto(f"{home.address}/")
    assert guest.get_by_role("heading", name="Worklist").is_visible()
    again = people.somebody()
    do.sign_in(again, home.address, "mira@general.example", SENTENCE)
    again.locator("input[name=code]").fill(code_of(secret))
    again.get_by_role("button", name="Sign in", exact=True).click()
    again.wait_for_url(f"{home.address}/")
    again.goto(f"{home.address}/accounts/2fa/webauthn/add/")
    assert again.get_by_role("heading", name="Is it you?").is_visible()
    late = people.somebody()
    late.goto(mailbox.find(r"http://\S+/join#\S+", to="mira@general.example"))
    late.get_by_role("button", name="Go on").click()
    assert late.get_by_role("alert").is_visible()


def test_mira_adds_a_passkey_and_signs_in_with_it_alone(
    home: Served, people: People, mailbox: Mailbox
) -> None:
    mira = joined(people, home, mailbox, "mira.key@general.example")
    with_authenticator(mira)
    mira.get_by_role("link", name="Add a passkey").click()
    mira.get_by_label("What to call it").fill("Laptop")
    mira.get_by_role("button", name="Add the passkey").click()
    mira.wait_for_url(lambda url: "/webauthn/add" not in url)
    signed_out(mira, home)
    mira.goto(f"{home.address}/accounts/login/")
    mira.get_by_role("button", name="Sign in with a passkey").click()
    mira.wait_for_url(f"{home.address}/")
    assert mira.get_by_role("heading", name="Worklist").is_visible()


def test_mira_joins_with_a_passkey_and_no_password(
    home: Served, people: People, mailbox: Mailbox
) -> None:
    ada = people.signed_in(home, "Ada")
    invited(ada, home, "mira.alone@general.example")
    mira = people.somebody()
    with_authenticator(mira)
    mira.goto(mailbox.find(r"http://\S+/join#\S+", to="mira.alone@general.example"))
    mira.get_by_role("button", name="Go on").click()
    mira.get_by_label("Your name").fill("Mira Sol")
    mira.get_by_role("button", name="Sign in with a passkey").click()
    mira.get_by_label("What to call it").fill("Laptop")
    mira.get_by_role("button", name="Add the passkey").click()
    mira.wait_for_url(lambda url: "/webauthn/add" not in url)
    mira.goto(f"{home.address}/")
    assert mira.get_by_role("heading", name="Worklist").is_visible()
    signed_out(mira, home)
    mira.goto(f"{home.address}/accounts/login/")
    mira.get_by_role("button", name="Sign in with a passkey").click()
    mira.wait_for_url(f"{home.address}/")


def with_authenticator(page: Page) -> None:
    """A device that keeps passkeys and always says yes."""
    devices = page.context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    devices.send("WebAuthn.addVirtualAuthenticator", {"options": options})


def signed_out(page: Page, portal: Served) -> None:
    page.goto(f"{portal.address}/accounts/logout/")
    page.locator("main").get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/accounts/login/**")


def test_mira_is_asked_for_the_code_of_her_app_after_the_password(
    home: Served, people: People, mailbox: Mailbox
) -> None:
    mira = joined(people, home, mailbox, "mira.app@general.example")
    secret = sets_up_the_app(mira)
    other = people.somebody()
    do.sign_in(other, home.address, "mira.app@general.example", SENTENCE)
    other.get_by_role("heading", name="One more step").wait_for()
    other.goto(f"{home.address}/")
    assert "/accounts/" in other.url
    other.goto(f"{home.address}/accounts/2fa/authenticate/")
    other.locator("input[name=code]").fill("000000")
    other.get_by_role("button", name="Sign in", exact=True).click()
    assert other.get_by_text("Incorrect code").is_visible()
    other.locator("input[name=code]").fill(code_of(secret))
    other.get_by_role("button", name="Sign in", exact=True).click()
    other.wait_for_url(f"{home.address}/")


def code_of(secret: str) -> str:
    """What an authenticator app shows now (RFC 6238)."""
    step = struct.pack(">Q", int(time.time()) // 30)
    padded = secret + "=" * (-len(secret) % 8)
    digest = hmac.digest(base64.b32decode(padded), step, "sha1")
    at = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[at : at + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"
