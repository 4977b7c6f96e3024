"""Spooled files, and the two kinds of store that keep them."""

import hashlib
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sharing.storage import objects
from sharing.storage.objects import ObjectStore, Put

Spool = Callable[..., Put]


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    """Makes a file that has just been received."""
    folder = tmp_path / "spool"
    folder.mkdir()
    chance = random.Random(7)

    def make(size: int = 1000, *, key: str = "", content: bytes | None = None) -> Put:
        data = chance.randbytes(size) if content is None else content
        name = hashlib.sha256(data).hexdigest()
        path = folder / name
        path.write_bytes(data)
        return Put(key or f"general/{name}", path, name)

    return make


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path, settings: Any) -> ObjectStore:
    """Each test that asks for it runs on a folder and on a real S3 server."""
    settings.STORAGE_URL = (
        f"file://{tmp_path}/objects"
        if request.param == "folder"
        else request.getfixturevalue("s3_url")
    )
    return objects.store()
