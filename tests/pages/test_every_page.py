"""Each page, wide and narrow, light and dark: for everybody, within its policy, without a fault.

With SCREENSHOTS set to a folder, a picture of each is left there to be looked at.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page

from tests.conftest import ROOT
from tests.journeys.people import until
from tests.pages.places import PLACES, Facts

AXE = ROOT / "node_modules/axe-core/axe.min.js"
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SIZES = {"wide": {"width": 1440, "height": 900}, "phone": {"width": 390, "height": 844}}
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
RUN_AXE = """async (tags) => {
    const found = await axe.run({ runOnly: tags, resultTypes: ["violations"] });
    return found.violations.flatMap((rule) => rule.nodes.map((node) =>
        `${rule.id}: ${node.target.join(" ")}: ${node.failureSummary}`));
}"""
STILL = "document.getAnimations().every((one) => one.playState !== 'running')"
# Chromium says so of every answer that is no success; the page at hand is meant to be one.
EXPECTED = "Failed to load resource"


@contextmanager
def looking(browser: Browser, states: dict[str, Any], who: str, **options: Any) -> Iterator[Page]:
    with browser.new_context(storage_state=states[who], **options) as profile:
        profile.set_default_timeout(45_000)
        yield profile.new_page()


def combinations(page: Page) -> Iterator[str]:
    """The page at each size in each scheme."""
    for size, viewport in SIZES.items():
        page.set_viewport_size(viewport)  # type: ignore[arg-type]
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            page.wait_for_timeout(250)
            until(lambda: page.evaluate(STILL))
            yield f"{size}-{scheme}"


@pytest.mark.parametrize("name", PLACES)
def test_a_page_is_for_everybody_keeps_its_policy_and_fits_the_screen(
    name: str,
    browser: Browser,
    states: dict[str, Any],
    facts: Facts,
    tmp_path: Path,
) -> None:
    said: list[str] = []
    found: dict[str, list[str]] = {}
    with looking(browser, states, PLACES[name].who) as page:
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
        PLACES[name].show(page, facts, tmp_path)
        page.evaluate(AXE.read_text())  # not of the page's own doing, so its policy lets it
        for one in combinations(page):
            keep(page, f"{name}-{one}")
            assert fits(page), f"{one}: the page is wider than the screen"
            found[one] = page.evaluate(RUN_AXE, WCAG)
    assert not any(found.values()), {one: faults for one, faults in found.items() if faults}
    wrong = [one for one in said if one.startswith(("error", "Error")) or "Security Policy" in one]
    assert not [one for one in wrong if PLACES[name].status == 200 or EXPECTED not in one], said


def fits(page: Page) -> bool:
    width: int = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return width <= 0


def keep(page: Page, name: str) -> None:
    if folder := os.environ.get("SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(folder) / f"{name}.png", full_page="viewer" not in name)
