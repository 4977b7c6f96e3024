"""People with a browser each, and what they do on the pages."""

import dataclasses
import json
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urljoin

from playwright.sync_api import Browser, Page

from tests.served import Served

Found = TypeVar("Found")
DESKTOP = {"width": 1440, "height": 900}


def until(asked: Callable[[], Found], patience: float = 50.0) -> Found:
    """Ask until the answer is true; `wait_for_function` needs eval, which the policy forbids."""
    end = time.monotonic() + patience
    while not (found := asked()):
        assert time.monotonic() < end, f"not within {patience:.0f} s"
        time.sleep(0.05)
    return found


class People:
    """Each `somebody()` has a profile of their own: no cookie, no cache, no memory."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self.said: list[str] = []
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.close()
        if error is None:
            broken = [one for one in self.said if "Content Security Policy" in one]
            assert not broken, broken

    def somebody(self, **options: Any) -> Page:
        profile = self.browser.new_context(**{"viewport": DESKTOP, **options})
        self._open.callback(profile.close)
        profile.set_default_timeout(45_000)
        page = profile.new_page()
        page.on("console", lambda message: self.said.append(message.text))
        page.on("pageerror", lambda error: self.said.append(f"error: {error}"))
        return page

    def signed_in(self, portal: Served, name: str, *, at: str = "", **options: Any) -> Page:
        page = self.somebody(**options)
        sign_in(page, at or portal.address, address_of(name), portal.password)
        return page


def address_of(name: str) -> str:
    place = "mercy" if name in ("Cleo", "Matteo", "Nora") else "general"
    return f"{name.lower()}@{place}.example"


def sign_in(page: Page, at: str, email: str, password: str) -> None:
    page.goto(f"{at}/accounts/login/")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()


def absolute(page: str, address: str) -> str:
    return urljoin(page, address)


# ---- Sending -----------------------------------------------------------------------------------


def choose(page: Page, at: str, folder: Path) -> str:
    """Choose a folder on the upload page; what its button then says."""
    page.goto(f"{at}/upload/")
    page.locator("#pick-folder").set_input_files(folder)
    return offered(page)


def offered(page: Page) -> str:
    button = page.locator("[data-part=send]")
    button.wait_for()
    return button.inner_text().strip()


def send(page: Page) -> None:
    page.locator("[data-part=send]").click()


def arrived(page: Page, at: str) -> int:
    """How many files of this person's newest upload the portal has filed."""
    newest = page.request.get(f"{at}/api/uploads/").json()[0]
    files = page.request.get(f"{at}/api/uploads/{newest['id']}/files/").json()["results"]
    return sum(one["state"] == "stored" for one in files)


def receipt(page: Page) -> dict[str, Any]:
    """Wait for the receipt and read it as the file that can be saved."""
    page.wait_for_url("**/uploads/*/")
    page.get_by_role("heading", name="Receipt").wait_for()
    with page.expect_download() as saving:
        page.get_by_role("link", name="Save as a file").click()
    found: dict[str, Any] = json.loads(Path(saving.value.path()).read_text())
    return found


# ---- Sharing -----------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Shared:
    """What is handed over: the link, and its passcode by another way."""

    link: str
    passcode: str


def share(page: Page, *, view_only: bool = False) -> Shared:
    """From a study's page: Share, Make the link, Copy."""
    page.get_by_role("link", name="Share", exact=True).click()
    if view_only:
        page.get_by_label("View only").check()
    page.get_by_role("button", name="Make the link").click()
    page.get_by_role("heading", name="The link is ready").wait_for()
    page.get_by_role("button", name="Copy").first.click()
    return Shared(said(page, "link-url"), said(page, "link-passcode"))


def said(page: Page, id: str) -> str:
    """What a box with a Copy button holds."""
    text: str = page.evaluate(
        "(id) => { const box = document.getElementById(id); return box.value ?? box.textContent; }",
        id,
    )
    return text.strip()


def enter(page: Page, shared: Shared) -> None:
    """Open the link and enter its passcode."""
    page.goto(shared.link)
    page.get_by_label("Passcode").fill(shared.passcode)
    page.get_by_role("button", name="Open", exact=True).click()
    page.wait_for_url("**/c/*/")


def read(page: Page) -> None:
    """Open the viewer from the landing page, and wait until it can be scrolled in."""
    page.get_by_role("link", name="View images").click()
    until(lambda: page.evaluate("document.querySelector('.vw-pane')?.dataset.state === 'ready'"))
