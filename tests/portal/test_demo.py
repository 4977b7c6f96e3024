"""The demo: people, studies and a link, made once and found again."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def _start(folder: Path) -> str:
    given = {"VAR_DIR": str(folder), "PATH": os.environ["PATH"], "PORT": "8123"}
    done = subprocess.run(
        [sys.executable, "manage.py", "demo", "--no-server"],
        cwd=ROOT,
        env=given,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_a_second_start_finds_what_the_first_one_made(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    first = _start(tmp_path)
    begun = time.monotonic()
    second = _start(tmp_path)
    record_property("seconds_of_the_second_start", round(time.monotonic() - begun, 1))
    assert second == first
    assert "Handover is at http://localhost:8123" in first
    assert "ben@general.example" in first
    assert re.search(r"http://localhost:8123/s#\S{60,}\n +passcode +\S{6,}", first)
    assert (tmp_path / "demo.json").stat().st_mode & 0o077 == 0
