"""The README's table of settings is the settings: every name that is read, and no other."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
READ = re.compile(r'(?:\benv\.\w+|environ\.get|environ\.setdefault|environ)[(\[]\s*"([A-Z_]+)"')
# Of the framework's own making, or our own notes to a program that we start.
NOT_SETTINGS = {"DJANGO_SETTINGS_MODULE"}


def _read() -> set[str]:
    found: set[str] = set()
    for path in (ROOT / "portal").rglob("*.py"):
        found |= set(READ.findall(path.read_text()))
    for path in (ROOT / "docker/roles").iterdir():
        found |= set(re.findall(r"\$\{([A-Z_]+):?-", path.read_text()))
    return {name.removesuffix("_FILE") for name in found} - NOT_SETTINGS


def _written() -> set[str]:
    text = (ROOT / "README.md").read_text()
    rows = re.findall(r"^\| (`[A-Z].*?) \|", text, re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`([A-Z_]+)`", row)}


def test_every_setting_that_is_read_stands_in_the_readme() -> None:
    assert len(_read()) > 25
    assert not _read() - _written()


def test_every_setting_in_the_readme_is_read() -> None:
    assert not _written() - _read()


def test_the_targets_and_commands_that_the_readme_names_are_there() -> None:
    text = (ROOT / "README.md").read_text()
    targets = set(
        re.findall(
            r"`?\bmake ([a-z-]+)\b",
            "\n".join(re.findall(r"`make .+?`|^ +make .+", text, re.MULTILINE)),
        )
    )
    makefile = (ROOT / "Makefile").read_text()
    assert targets
    assert not {name for name in targets if f"\n{name}:" not in makefile}
    commands = set(re.findall(r"manage\.py ([a-z]+)", text)) - {"migrate"}
    there = {
        path.stem
        for path in ROOT.glob("*/**/management/commands/*.py")
        if ".venv" not in path.parts
    }
    assert commands >= {"share", "token", "institution"}
    assert commands <= there
