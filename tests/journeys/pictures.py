"""What a canvas shows, beside what an independent toolkit decodes from the file."""

import base64
import io
import time
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Page
from pydicom.pixels import apply_modality_lut

Grey = NDArray[np.float64]


def decoded(folder: Path, uid: str, center: float, width: float) -> Grey:
    """The image of this number in the folder, in this window, as greys."""
    for path in sorted(folder.rglob("*")):
        dataset = pydicom.dcmread(path)
        if dataset.SOPInstanceUID == uid:
            values = apply_modality_lut(dataset.pixel_array, dataset).astype(np.float64)
            return np.clip((values - center) / width + 0.5, 0, 1) * 255
    raise AssertionError("the image on the screen is not one of those that were sent")


def on_canvas(page: Page, shape: tuple[int, ...]) -> Grey:
    """What the viewer's canvas shows, in the image's own size."""
    time.sleep(0.3)  # the frame that was announced is painted
    drawn = page.evaluate("document.querySelector('.vw-canvas canvas').toDataURL('image/png')")
    return fitted(base64.b64decode(drawn.split(",")[1]), shape)


def fitted(png: bytes, shape: tuple[int, ...]) -> Grey:
    """A picture that lies in the middle of a larger area, as large as fits."""
    seen = Image.open(io.BytesIO(png)).convert("L")
    scale = min(seen.width / shape[1], seen.height / shape[0])
    wide, high = shape[1] * scale, shape[0] * scale
    left, top = (seen.width - wide) / 2, (seen.height - high) / 2
    cut = seen.crop((round(left), round(top), round(left + wide), round(top + high)))
    return np.asarray(cut.resize((shape[1], shape[0]), Image.Resampling.BOX), dtype=np.float64)


def alike(one: Grey, other: Grey) -> float:
    """The correlation of two pictures: 1 where they are the same."""
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


def shown(page: Page) -> dict[str, Any]:
    """Which image is on the screen, and in which window."""
    pane: dict[str, str] = page.evaluate("({...document.querySelector('.vw-pane').dataset})")
    center, width = map(float, pane["window"].split(","))
    return {"uid": pane["instance"], "center": center, "width": width}


def same_as_file(page: Page, folder: Path) -> float:
    """How alike the canvas and the file are."""
    wanted = decoded(folder, **shown(page))
    return alike(on_canvas(page, wanted.shape), wanted)
