"""Setting up: twice at the same time is as good as once."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Stands in for what takes long and must not run beside itself.
SLOW = """
MADE := slow
include house.mk
.PHONY: slow
slow:
\t@mkdir busy && sleep 0.5 && rmdir busy && echo made
"""


@pytest.mark.parametrize("has_flock", [True, False])
def test_two_who_set_up_at_once_wait_for_each_other(tmp_path: Path, has_flock: bool) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path / "house.mk")
    (tmp_path / "Makefile").write_text(SLOW)
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("sh", "make", "mkdir", "rmdir", "sleep", "find", "flock"):
        found = shutil.which(name)
        if found and (has_flock or name != "flock"):
            (tools / name).symlink_to(found)
    if has_flock and not (tools / "flock").exists():
        return  # this machine has none, and is tested as such
    environment = {**os.environ, "PATH": str(tools), "MAKEFLAGS": "", "PYTHON": sys.executable}
    both = [
        subprocess.Popen(
            [str(tools / "make"), "env"],
            cwd=tmp_path,
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        for _ in range(2)
    ]
    said = [one.communicate(timeout=60)[0] for one in both]
    assert [one.returncode for one in both] == [0, 0], said
    assert all("made" in text for text in said)
