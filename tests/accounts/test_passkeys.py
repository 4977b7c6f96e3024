"""A passkey in a real browser: made, then used instead of the password."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from playwright.sync_api import Page, expect, sync_playwright

from sharing.audit.models import AuditEvent
from tests import factories as f
from tests.peers import processes

pytestmark = [pytest.mark.journey, pytest.mark.django_db(transaction=True)]
KEY = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture
def browser_page(monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    """A page of a browser whose machine has a fingerprint reader; complaints of its own fail."""
    # The browser's loop runs in this thread, where Django would take it for an async program's.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=processes.program("chromium"), args=["--no-sandbox"]
        )
        page = chromium.new_page()
        said: list[str] = []
        page.on(
            "console",
            lambda one: said.append(f"{one.text} {one.location}") if one.type == "error" else None,
        )
        page.on("pageerror", lambda error: said.append(str(error)))
        devices = page.context.new_cdp_session(page)
        devices.send("WebAuthn.enable")
        devices.send("WebAuthn.addVirtualAuthenticator", {"options": KEY})
        yield page
        connections.close_all()  # beside the browser's loop Django opened others than the test's
        chromium.close()
    assert said == []


@pytest.fixture
def built_pages(settings: Any, tmp_path: Path) -> None:
    """pytest-django's server asks the finders alone for what whitenoise serves elsewhere."""
    settings.STATICFILES_DIRS, settings.STATIC_ROOT = [settings.STATIC_ROOT], tmp_path


@pytest.mark.usefixtures("built_pages")
def test_rosa_adds_a_passkey_and_signs_in_with_it(live_server, browser_page: Page):
    f.member("Rosa")
    page, address = browser_page, live_server.url.replace("127.0.0.1", "localhost")
    page.goto(f"{address}/accounts/login/")
    page.fill("input[name=login]", "rosa@general.example")
    page.fill("input[name=password]", f.PASSWORD)
    page.press("input[name=password]", "Enter")
    page.wait_for_url(f"{address}/")
    page.goto(f"{address}/accounts/2fa/webauthn/add/")
    page.fill("input[name=password]", f.PASSWORD)  # it asks who is there once more
    page.press("input[name=password]", "Enter")
    expect(page.locator("input[name=passwordless]")).to_be_checked()
    page.click("#mfa_webauthn_add")
    page.wait_for_url(f"{address}/accounts/2fa/**recovery-codes/")

    page.context.clear_cookies()
    page.goto(f"{address}/accounts/login/")
    page.click("#passkey_login")
    page.wait_for_url(f"{address}/")
    expect(page.get_by_role("heading", name="Worklist")).to_be_visible()
    said = AuditEvent.objects.filter(action="person.credentials-changed").order_by("pk")
    assert [row.detail["what"] for row in said] == ["passkey added", "recovery codes added"]
    assert AuditEvent.objects.filter(action="person.signed-in").count() == 2
