"""The portal whose pages are looked at, and people who are signed in once for all pages."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext

from tests.journeys import people as do
from tests.journeys.mailbox import Mailbox
from tests.journeys.people import Shared
from tests.pages.places import Facts
from tests.served import Served, serve

Profile = Callable[..., BrowserContext]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.journey)


@pytest.fixture(scope="session")
def shop_window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with Mailbox() as mailbox:
        portal = serve(tmp_path_factory.mktemp("pages"), mailbox.settings)
        yield portal
        portal.stop()


@pytest.fixture(scope="session")
def states(browser: Browser, shop_window: Served) -> dict[str, Any]:
    """What the browser of each person keeps once they are in; "Pat" has opened the demo's link."""
    found: dict[str, Any] = {"": None}
    for name in ("Ada", "Ben", "Dora", "Cleo"):
        with browser.new_context() as profile:
            page = profile.new_page()
            do.sign_in(page, shop_window.address, do.address_of(name), shop_window.password)
            page.wait_for_url(f"{shop_window.address}/")
            found[name] = profile.storage_state()
    with browser.new_context() as profile:
        page = profile.new_page()
        do.enter(page, Shared(shop_window.link, shop_window.passcode))
        found["Pat"] = profile.storage_state()
        found["claim"] = page.url
    return found


@pytest.fixture(scope="session")
def facts(shop_window: Served, states: dict[str, Any], browser: Browser) -> Facts:
    """What the addresses of pages are made of."""
    with browser.new_context(storage_state=states["Ben"]) as profile:
        page = profile.new_page()
        page.goto(f"{shop_window.address}/")
        page.get_by_role("link", name="Winter, Pat").click()
        study = page.url
        upload = str(page.get_by_role("link", name="Receipt").first.get_attribute("href"))
        page.goto(f"{shop_window.address}/links/")
        link = str(page.locator(".row-link").first.get_attribute("href"))
    identifier = study.rstrip("/").rpartition("/")[2]
    return Facts(
        home=shop_window.address,
        study=identifier,
        upload=upload,
        link=link,
        claim=states["claim"],
        shared=shop_window.link,
        password=shop_window.password,
    )
