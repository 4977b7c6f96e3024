"""What is sent to an institution reaches its people where they are, without a reload."""

from pathlib import Path

from playwright.sync_api import Page

from tests.factories import image
from tests.journeys import people as do
from tests.journeys.conftest import written
from tests.journeys.people import People, until
from tests.served import Served


def test_a_stat_study_reaches_who_has_the_inbox_open_and_who_reads_images(
    home: Served, people: People, tmp_path: Path
) -> None:
    ben, reading, waiting = (people.signed_in(home, name) for name in ("Ben", "Cleo", "Cleo"))
    send(ben, uploaded(ben, home, tmp_path, 970), "Routine")
    waiting.goto(f"{home.address}/inbox/")
    waiting.get_by_role("link", name="Probe, Petra970", exact=True).wait_for()
    reading.goto(f"{home.address}/inbox/")
    reading.get_by_role("link", name="Open the images of Probe, Petra970").click()
    until(lambda: reading.evaluate("document.querySelector('.vw-pane')?.dataset.state === 'ready'"))
    said = reading.locator(".vw-news p").inner_text
    until(lambda: "STAT from General" in said())  # the demo's
    assert "more" not in said()

    send(ben, uploaded(ben, home, tmp_path, 971), "STAT")
    waiting.get_by_role("link", name="Probe, Petra971", exact=True).wait_for()
    until(lambda: "STAT from General and 1 more" in said())
    bar = reading.locator(".vw-news")
    assert bar.get_by_role("link", name="Inbox").is_visible()
    bar.get_by_role("button", name="Later").click()
    assert bar.is_hidden()


def uploaded(ben: Page, home: Served, folder: Path, number: int) -> str:
    """Ben sends in a study; its page."""
    files = (image(number, 1, one, Modality="US") for one in range(1, 3))
    do.choose(ben, home.address, written(folder / str(number), *files))
    do.send(ben)
    assert do.receipt(ben)["stored"] == 2
    ben.goto(f"{home.address}/?q=Petra{number}")
    ben.get_by_role("link", name=f"Probe, Petra{number}").first.click()
    ben.get_by_role("heading", name=f"Probe, Petra{number}").wait_for()
    return ben.url


def send(ben: Page, study: str, priority: str) -> None:
    ben.goto(f"{study}send/")
    ben.get_by_role("radio", name="Mercy").check()
    ben.get_by_label(priority).check()
    ben.get_by_role("button", name="Send", exact=True).click()
    ben.get_by_text("Mercy").first.wait_for()
