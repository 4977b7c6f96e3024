"""From the claim to the first image on the recipient's screen, in a browser that knows nothing."""

import os
import time

from playwright.sync_api import Browser, sync_playwright

from tests.bench.measuring import middle
from tests.peers import processes
from tests.peers.fixtures import CHROMIUM_FLAGS
from tests.served import Served

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
GOAL = 1.5
FIRST = "#first-frame"


def run(portal: Served, orthanc: str) -> None:
    flags = [*CHROMIUM_FLAGS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=processes.program("chromium"), args=flags
        )
        seen = [_once(chromium, portal) for _ in range(ROUNDS)]
        chromium.close()
    images = [image for image, _ in seen]
    canvases = [canvas for _, canvas in seen]
    print(
        f"first image after the claim: {middle(images):.2f} s (goal {GOAL} s, ratio "
        f"{middle(images) / GOAL:.2f}; rounds {', '.join(f'{one:.2f}' for one in images)}); "
        f"ready to scroll and measure: {middle(canvases):.2f} s"
    )


def _once(chromium: Browser, portal: Served) -> tuple[float, float]:
    """Seconds from pressing the button until the first image shows, and until the tools do."""
    with chromium.new_context() as profile:
        page = profile.new_page()
        page.goto(portal.link)
        page.get_by_label("Passcode").fill(portal.passcode)
        begun = time.perf_counter()
        page.get_by_role("button", name="Open").click()
        page.get_by_role("link", name="View").first.click()
        _until(page, f"() => document.querySelector('{FIRST}')?.naturalWidth > 0")
        image = time.perf_counter() - begun
        _until(page, "() => document.querySelector('[data-state=ready]') !== null")
        return image, time.perf_counter() - begun


def _until(page: object, question: str, patience: float = 60.0) -> None:
    """Ask the page again and again; `wait_for_function` would need eval, which our CSP forbids."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        if page.evaluate(question):  # type: ignore[attr-defined]
            return
        time.sleep(0.02)
    raise AssertionError(f"not within {patience:.0f} s: {question}")
