"""The whole path, as Ben, Cleo and Dora walk it."""

import datetime
import re
import time
from pathlib import Path

from playwright.sync_api import Page, Response

from tests.journeys import people as do
from tests.journeys import pictures
from tests.journeys.line import Line
from tests.journeys.people import People, Shared, until
from tests.served import Served

PICTURES = re.compile(r"^image/(png|jpeg|webp|svg\+xml)$")


def uploaded_by_folder(ben: Page, line: Line, series: Path) -> None:
    """Ben sends a folder; the line goes dead half-way and comes back."""
    files = list(series.rglob("*"))
    assert do.choose(ben, line.address, series) == f"Upload {len(files)} images"
    line.cut_after(sum(one.stat().st_size for one in files) // 2)
    do.send(ben)
    until(line.is_cut.is_set)
    ben.get_by_text("The connection is gone").wait_for()
    assert "/upload/" in ben.url
    line.mend()
    receipt = do.receipt(ben)
    assert receipt["stored"] == len(files), receipt
    assert not receipt["duplicates"]
    assert not receipt["missing"]
    assert not receipt["rejected"]
    assert not receipt["conflicts"]


def test_ben_sends_a_study_over_a_bad_line_and_cleo_reads_it_until_he_ends_it(
    portal: Served, people: People, series: Path
) -> None:
    since = f"{datetime.datetime.now(datetime.UTC):%Y-%m-%dT%H:%M}"
    with Line(portal.port) as line:
        ben = people.signed_in(portal, "Ben", at=line.address)
        uploaded_by_folder(ben, line, series)
        ben.get_by_role("link", name="Open study").click()
        shared = do.share(ben)
        assert shared.link.startswith(f"{portal.address}/s#")
        cleo = people.somebody()
        asked: list[str] = []
        cleo.on("request", lambda request: asked.append(request.url))
        do.enter(cleo, shared)
        assert cleo.get_by_role("heading", name="Ben Lindner has sent you").is_visible()
        do.read(cleo)
        assert pictures.same_as_file(cleo, series) > 0.98
        turned_to_the_next(cleo)
        assert pictures.same_as_file(cleo, series) > 0.98
        first_picture_without_scripts(people, cleo, series)
        ended_within_a_second(ben, cleo)
        refused_from_then_on(cleo, asked)
    everything_is_written_down(people.signed_in(portal, "Dora"), portal, since)


def turned_to_the_next(cleo: Page) -> None:
    before = pictures.shown(cleo)["uid"]
    cleo.keyboard.press("ArrowDown")
    until(lambda: pictures.shown(cleo)["uid"] != before)


def first_picture_without_scripts(people: People, cleo: Page, series: Path) -> None:
    """The page alone, without any script, shows the same image."""
    plain = people.somebody(
        java_script_enabled=False,
        storage_state=cleo.context.storage_state(),
    )
    plain.goto(cleo.url)
    picture = plain.locator("#first-frame")
    assert picture.is_visible()
    answer = plain.request.get(do.absolute(plain.url, str(picture.get_attribute("src"))))
    assert PICTURES.match(answer.headers["content-type"])
    facts = pictures.shown(cleo) | {"uid": str(picture.get_attribute("data-instance"))}
    wanted = pictures.decoded(series, **facts)
    assert pictures.alike(pictures.fitted(answer.body(), wanted.shape), wanted) > 0.98


def ended_within_a_second(ben: Page, cleo: Page) -> None:
    ben.get_by_role("link", name="See or revoke this link").click()
    ben.get_by_role("link", name="Revoke").or_(
        ben.get_by_role("button", name="Revoke")
    ).first.click()
    begun = time.monotonic()
    ben.get_by_role("button", name="Revoke the link").click(no_wait_after=True)
    until(lambda: cleo.evaluate("document.body.dataset.state") == "ended", patience=10)
    passed = time.monotonic() - begun
    print(f"\nshut out {passed:.2f} s after the click")
    assert passed < 3  # once a second is asked; the rest is for a busy machine
    assert cleo.get_by_role("heading", name="The sender has ended this share").is_visible()
    assert cleo.evaluate("document.querySelectorAll('canvas').length") == 0


def refused_from_then_on(cleo: Page, asked: list[str]) -> None:
    frames = [url for url in asked if re.search(r"/frames/\d+(/rendered.*)?$", url)]
    claim = re.search(r".*/c/[0-9a-f-]+/", cleo.url)
    assert frames
    assert claim
    for url in (frames[0], f"{claim[0]}download", claim[0], cleo.url):
        assert cleo.request.get(url).status == 404, url


STEPS = {
    "upload.started": ("Ben", "started an upload"),
    "upload.stored": ("Ben", "sent "),
    "upload.finished": ("Ben", "finished an upload"),
    "upload.receipt-read": ("Ben", "read the receipt"),
    "link.created": ("Ben", "created a share link"),
    "link.claimed": ("A visitor with a link", "opened a share link"),
    "study.images-viewed": ("A visitor with a link", "began to view"),
    "link.revoked": ("Ben", "revoked a share link"),
    "access.refused": ("A visitor with a link", "was not allowed"),
}


def everything_is_written_down(dora: Page, portal: Served, since: str) -> None:
    """Dora, who answers for it, finds each step by its name."""
    for action, (who, words) in STEPS.items():
        dora.goto(f"{portal.address}/activity/?action={action}&since={since}")
        row = dora.locator("#list tbody tr", has_text=words).filter(has_text=who)
        assert row.count() > 0, (action, dora.locator("#list").inner_text())


def test_a_view_only_link_never_gets_files_or_stored_pixels(
    home: Served, people: People, series: Path
) -> None:
    ben = people.signed_in(home, "Ben")
    do.choose(ben, home.address, series)
    do.send(ben)
    do.receipt(ben)
    ben.get_by_role("link", name="Open study").click()
    shared = do.share(ben, view_only=True)
    cleo = people.somebody()
    got: list[Response] = []
    cleo.on("response", lambda response: got.insert(0, response))
    read_through(cleo, shared, series)
    kinds = {one.headers.get("content-type", "").partition(";")[0] for one in got}
    assert not kinds & {"application/dicom", "application/octet-stream", "multipart/related"}, kinds
    for one in got:
        if "/dicom-web/" in one.url and one.status == 200:
            kind = one.headers["content-type"].partition(";")[0]
            assert PICTURES.match(kind) or kind == "application/dicom+json", (one.url, kind)
    assert [one for one in got if "/rendered" in one.url]
    refused_what_lies_behind(cleo, got)


def read_through(cleo: Page, shared: Shared, series: Path) -> None:
    do.enter(cleo, shared)
    assert cleo.get_by_role("link", name="Download").count() == 0
    do.read(cleo)
    assert pictures.same_as_file(cleo, series) > 0.98
    cleo.keyboard.press("End")
    last = str(len(list(series.rglob("*"))))
    until(lambda: cleo.evaluate("document.querySelector('.vw-pane').dataset.image") == last)
    assert pictures.same_as_file(cleo, series) > 0.98


def refused_what_lies_behind(cleo: Page, got: list[Response]) -> None:
    """Nor is any of it given when it is asked for by name."""
    rendered = next(one.url for one in got if "/frames/1/rendered" in one.url)
    frame = rendered.partition("/rendered")[0]
    instance = frame.partition("/frames/")[0]
    claim = instance.partition("dicom-web/")[0]
    for url in (frame, instance, f"{claim}download", f"{instance}/bulkdata/7FE00010"):
        assert cleo.request.get(url).status == 404, url
