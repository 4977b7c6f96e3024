"""Reading in a real browser: what is on the canvas is what is in the file, and stops when told."""

import base64
import io
import math
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from django.conf import settings
from django.test import override_settings
from PIL import Image
from playwright.sync_api import Browser, Page

from sharing.dicom.synthetic import CHEST_CR, CHEST_CT, HEAD_MR, cr_chest, ct_chest, mr_head
from sharing.links import actions as links
from sharing.studies.models import Instance, Study
from tests import factories as make
from tests.dicomweb import visiting
from tests.dicomweb.visiting import Reader

pytestmark = [pytest.mark.journey, pytest.mark.django_db(transaction=True)]

SLICES = 6
DESKTOP, PHONE = {"width": 1280, "height": 860}, {"width": 390, "height": 844}
Opened = Callable[..., Page]


@pytest.fixture
def chest() -> Study:
    files = list(ct_chest(CHEST_CT, slices=SLICES, size=128))
    make.upload(make.principal("Ben"), *files)
    return Study.objects.get()


@pytest.fixture(scope="module")
def built_pages() -> Iterator[None]:
    """The test's server looks for scripts and styles with Django's finders, not where Vite builds."""
    built = settings.STATIC_ROOT
    with override_settings(STATIC_ROOT=None, STATICFILES_DIRS=[built]):
        yield


@pytest.fixture
def opened(browser: Browser, built_pages: None, live_server: Any) -> Iterator[Opened]:
    """Opens the viewer in a profile of its own; no page may break the content policy."""
    contexts, complaints = [], []

    def open_(
        reader: Reader,
        study: Study,
        *,
        ready: bool = True,
        asked: list[str] | None = None,
        **options: Any,
    ) -> Page:
        context = browser.new_context(**{"viewport": DESKTOP, **options})
        contexts.append(context)
        cookie = reader.client.cookies["claim"].value
        context.add_cookies(
            [
                {
                    "name": "claim",
                    "value": cookie,
                    "domain": "localhost",
                    "path": f"{reader.prefix}/",
                }
            ]
        )
        page = context.new_page()
        page.on("console", lambda said: complaints.append(said.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        if asked is not None:
            page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{live_server.url}{reader.prefix}/viewer/{study.pk}/")
        if ready:
            until(page, "state() === 'ready'")
        return page

    yield open_
    for context in contexts:
        context.close()
    assert not [said for said in complaints if "Content Security Policy" in said]


def until(page: Page, question: str, patience: float = 90.0) -> None:
    """Ask the page until it says yes; `wait_for_function` needs eval, which the policy forbids."""
    asked = "(() => { const state = () => document.querySelector('.vw-pane')?.dataset.state; "
    asked += f"const pane = document.querySelector('.vw-pane'); return {question}; }})()"
    end = time.monotonic() + patience
    while not page.evaluate(asked):
        assert time.monotonic() < end, f"not within {patience:.0f} s: {question}"
        time.sleep(0.05)


def canvas(page: Page, shape: tuple[int, ...]) -> "np.ndarray[Any, Any]":
    """What the canvas shows of an image of this shape, in the image's own size."""
    data = page.evaluate("document.querySelector('.vw-canvas canvas').toDataURL('image/png')")
    seen = Image.open(io.BytesIO(base64.b64decode(data.split(",")[1]))).convert("L")
    scale = min(seen.width / shape[1], seen.height / shape[0])
    wide, high = shape[1] * scale, shape[0] * scale
    left, top = (seen.width - wide) / 2, (seen.height - high) / 2
    cut = seen.crop((round(left), round(top), round(left + wide), round(top + high)))
    return np.asarray(cut.resize((shape[1], shape[0]), Image.Resampling.BOX), dtype=float)


def until_drawn(page: Page, drawn: "np.ndarray[Any, Any]") -> None:
    """Look until the canvas shows it; the page says that it has drawn a little earlier.

    A chest turned or mirrored is still much like itself: it must be the nearest of all.
    """
    end = time.monotonic() + 10
    others = [np.rot90(side, turn) for side in (drawn, np.fliplr(drawn)) for turn in range(4)]
    distance = [math.inf]
    while distance[0] > min(distance) or distance[0] >= 6:
        assert time.monotonic() < end, distance
        time.sleep(0.1)
        seen = canvas(page, drawn.shape)
        distance = [np.abs(seen - one).mean() for one in others if one.shape == seen.shape]


def edges(page: Page) -> str:
    """The letters at the top, the left, the right and the bottom."""
    sides = (".vw-edge-top", ".vw-edge-left", ".vw-edge-right", ".vw-edge-bottom")
    return " ".join(page.locator(side).first.inner_text() for side in sides)


def shown(page: Page) -> Instance:
    uid = page.evaluate("document.querySelector('.vw-pane').dataset.instance")
    return Instance.objects.get(uid=uid)


def assert_same(seen: "np.ndarray[Any, Any]", drawn: "np.ndarray[Any, Any]") -> None:
    difference = np.abs(seen - drawn.astype(float))
    assert seen.std() > 20, "the canvas is empty"
    assert difference.mean() < 6, difference.mean()


def test_a_visitor_sees_on_the_canvas_what_is_in_the_file(opened: Opened, chest: Study) -> None:
    visitor = visiting.visitor(chest, may_download=True)
    page = opened(visitor, chest)
    assert_same(canvas(page, (128, 128)), visitor.pixels(shown(page)))
    before = shown(page)
    page.keyboard.press("ArrowDown")
    until(page, "pane.dataset.image === '2'")
    assert shown(page) != before
    time.sleep(0.3)
    assert_same(canvas(page, (128, 128)), visitor.pixels(shown(page)))


def test_a_view_only_visitor_sees_the_same_and_is_never_sent_stored_pixels(
    opened: Opened, chest: Study
) -> None:
    visitor = visiting.visitor(chest)
    asked: list[str] = []
    page = opened(visitor, chest, asked=asked)
    assert_same(canvas(page, (128, 128)), visitor.pixels(shown(page)))
    page.keyboard.press("End")
    until(page, f"pane.dataset.image === '{SLICES}'")
    assert asked
    assert not [url for url in asked if re.search(r"/frames/\d+$|/instances/[\d.]+$", url)]


def test_another_contrast_is_drawn_anew_by_the_server_for_a_view_only_visitor(
    opened: Opened, chest: Study
) -> None:
    visitor = visiting.visitor(chest)
    page = opened(visitor, chest)
    page.get_by_label("Contrast presets").click()
    page.get_by_role("button", name="Lung -600").click()
    until(page, "pane.dataset.rendered?.startsWith('-600')")
    time.sleep(0.3)
    assert_same(canvas(page, (128, 128)), visitor.pixels(shown(page), window="-600,1500,linear"))


def test_a_radiograph_is_shown_the_right_way_round(opened: Opened) -> None:
    make.upload(make.principal("Ben"), cr_chest(CHEST_CR, rows=256, columns=220))
    study = Study.objects.get()
    for may_download in (True, False):
        visitor = visiting.visitor(study, may_download=may_download)
        page = opened(visitor, study)
        assert_same(canvas(page, (256, 220)), visitor.pixels(shown(page)))


def test_a_turned_and_mirrored_image_says_where_the_patients_sides_are(
    opened: Opened, chest: Study
) -> None:
    visitor = visiting.visitor(chest, may_download=True)
    page = opened(visitor, chest)
    drawn = visitor.pixels(shown(page)).astype(float)
    assert edges(page) == "A R L P"
    steps: list[tuple[str, Callable[[Any], Any], str]] = [
        (".", lambda seen: np.rot90(seen, -1), "R P A L"),
        ("f", np.fliplr, "R A P L"),
        (",", lambda seen: np.rot90(seen, 1), "P R L A"),
        ("i", lambda seen: 255 - seen, "P R L A"),
        ("0", lambda seen: visitor.pixels(shown(page)), "A R L P"),
    ]
    for key, change, letters in steps:
        drawn = change(drawn)
        page.keyboard.press(key)
        until_drawn(page, drawn)
        assert edges(page) == letters, key


def test_a_turn_stays_while_scrolling_and_ends_with_the_series(opened: Opened) -> None:
    first, second = (mr_head(HEAD_MR, number=n, weighting=f"T{n}", slices=2) for n in (1, 2))
    make.upload(make.principal("Ben"), *first, *second)
    study = Study.objects.get()
    page = opened(visiting.visitor(study), study)
    page.keyboard.press(".")
    page.keyboard.press("ArrowDown")
    until(page, "pane.dataset.image === '2'")
    assert edges(page) == "R P A L"
    assert page.get_by_text("Turned right").is_visible()
    page.set_viewport_size({"width": 900, "height": 700})
    page.wait_for_timeout(300)
    assert edges(page) == "R P A L"
    page.keyboard.press("]")
    until(page, "state() === 'ready' && pane.innerText.includes('T2')")
    assert edges(page) == "A R L P"


def test_an_oblong_image_fits_the_screen_also_on_its_side(opened: Opened) -> None:
    make.upload(make.principal("Ben"), cr_chest(CHEST_CR, rows=400, columns=160))
    study = Study.objects.get()
    visitor = visiting.visitor(study)
    page = opened(visitor, study)
    page.keyboard.press(".")
    until_drawn(page, np.rot90(visitor.pixels(shown(page)), -1))


def test_a_revoked_visitor_loses_the_images_within_a_second_or_so(
    opened: Opened, chest: Study
) -> None:
    visitor = visiting.visitor(chest, may_download=True)
    page = opened(visitor, chest)
    assert visitor.link is not None
    links.revoke_link(visitor.link.pk, by=make.principal("Ada"))
    begun = time.monotonic()
    until(page, "document.body.dataset.state === 'ended'", patience=10)
    assert time.monotonic() - begun < 3  # a check each second, on a machine that may be slow
    assert page.get_by_role("heading", name="The sender has ended this share").is_visible()
    assert (
        page.evaluate("document.querySelectorAll('canvas, .vw-stage *, .vw-series *').length") == 0
    )
    assert chest.patient.display_name not in page.content()
    assert page.reload().status == 404  # type: ignore[union-attr]


def test_a_length_is_measured_in_millimetres_and_taken_back(opened: Opened, chest: Study) -> None:
    page = opened(visiting.visitor(chest, may_download=True), chest)
    box = page.locator(".vw-canvas").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.keyboard.press("l")
    page.mouse.move(x - 100, y)
    page.mouse.down()
    page.mouse.move(x + 100, y, steps=8)
    page.mouse.up()
    scale = min(box["width"], box["height"]) / 128
    spacing = visiting.headers(visiting.member(), make.first_series(chest))[0]["00280030"]["Value"][
        1
    ]
    text = page.locator(".vw-canvas svg text").first.text_content() or ""
    assert text.strip().endswith("mm")
    assert float(text.split()[0]) == pytest.approx(200 / scale * spacing, rel=0.03)
    page.keyboard.press("u")
    until(page, "!document.querySelector('.vw-canvas svg text')")


def test_without_scripts_the_first_picture_shows(opened: Opened, chest: Study) -> None:
    visitor = visiting.visitor(chest)
    page = opened(visitor, chest, ready=False, java_script_enabled=False)
    assert page.locator("#first-frame").is_visible()
    page.get_by_role("link", name="Next image").click()
    assert page.locator(".vw-plain span").first.inner_text() == f"Image 2 of {SLICES}"


def test_everything_is_within_reach_on_a_phone(opened: Opened, chest: Study) -> None:
    page = opened(visiting.visitor(chest), chest, viewport=PHONE, has_touch=True, is_mobile=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    for button in page.locator(".vw-toolbar > button:visible, .vw-toolbar summary").all():
        box = button.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= PHONE["width"] + 1
        assert box["height"] >= 44
    page.get_by_role("button", name="Series").tap()
    assert page.get_by_text("Is this nodule new?").is_visible()
