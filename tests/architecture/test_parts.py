"""What the product is made of: chosen with a reason, locked, and free to pass on."""

import importlib.metadata
import json
import re
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
COPYLEFT = re.compile(r"(?<!L)\bA?GPL|(?<!Lesser )General Public License", re.IGNORECASE)


def _chosen() -> dict[str, list[str]]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    return {"product": project["project"]["dependencies"], **project["dependency-groups"]}


def _name(requirement: str) -> str:
    return re.sub(r"[-_.]+", "-", Requirement(requirement).name).lower()


def test_every_dependency_says_why_it_is_there() -> None:
    lines = (ROOT / "pyproject.toml").read_text().splitlines()
    for requirement in (one for group in _chosen().values() for one in group):
        (line,) = [line for line in lines if line.strip().startswith(f'"{requirement}"')]
        assert re.search(r"#\s*\S+\s+\S+", line), line


def test_the_lock_file_works_on_any_machine() -> None:
    lock = (ROOT / "uv.lock").read_text()
    hosts = {urlsplit(address).hostname for address in re.findall(r'https?://[^"]+', lock)}
    assert hosts == {"pypi.org", "files.pythonhosted.org"}
    assert "file://" not in lock


def test_the_lock_file_of_the_pages_works_on_any_machine() -> None:
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    places = {urlsplit(one["resolved"]).hostname for one in packages.values() if "resolved" in one}
    assert places <= {"registry.npmjs.org"}
    assert [one for name, one in packages.items() if name and "integrity" in one]


def _shipped() -> set[str]:
    """The product's dependencies and theirs, as installed."""
    found: set[str] = set()
    waiting = {_name(one) for one in _chosen()["product"]}
    while waiting:
        name = waiting.pop()
        found.add(name)
        for line in importlib.metadata.requires(name) or []:
            needed = Requirement(line)
            extras = ({"extra": extra} for extra in ("", "mfa", "s3", "binary"))
            if needed.marker is None or any(needed.marker.evaluate(extra) for extra in extras):
                waiting |= {_name(line)} - found if _installed(_name(line)) else set()
    return found


def _installed(name: str) -> bool:
    return bool(list(importlib.metadata.distributions(name=name)))


def _licence(name: str) -> str:
    about = importlib.metadata.metadata(name).json
    stated = str(about.get("license_expression") or about.get("license") or "").partition("\n")[0]
    return " ".join([stated, *(one for one in about.get("classifier", []) if "License" in one)])


def test_nothing_that_we_ship_would_bind_those_who_get_it() -> None:
    shipped = _shipped()
    assert {"django", "boto3", "fido2", "psycopg-binary"} <= shipped
    assert not {name: _licence(name) for name in shipped if COPYLEFT.search(_licence(name))}


def test_nothing_in_our_pages_would_bind_those_who_get_them() -> None:
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    shipped = {name: one for name, one in packages.items() if name and not one.get("dev")}
    assert shipped
    binding = {name: str(one.get("license", "")) for name, one in shipped.items()}
    assert not {name: one for name, one in binding.items() if COPYLEFT.search(one)}


def test_the_licence_is_apaches() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License" in text
    assert "Version 2.0, January 2004" in text
