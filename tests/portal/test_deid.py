"""Dora de-identifies at a shell: `manage.py deid SRC DST --profile P`."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from portal.management.commands.deid import Command
from tests.deid.making import ct, saved, told


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    saved(ct(BurnedInAnnotation="NO"), folder / "one.dcm")
    return folder


def run(source: Path, target: Path, **options: Any) -> dict[str, Any]:
    out = io.StringIO()
    settings = {"profile": "basic", "workers": 1, "json": True, **options}
    call_command("deid", str(source), str(target), stdout=out, **settings)
    found: dict[str, Any] = json.loads(out.getvalue())
    return found


def test_a_folder_comes_out_without_a_name(source: Path, tmp_path: Path) -> None:
    said = run(source, tmp_path / "out")
    assert said["written"] == 1
    (name,) = said["names"].values()
    assert not told(tmp_path / "out" / name)


def test_a_key_is_made_once_and_gives_the_same_names_again(source: Path, tmp_path: Path) -> None:
    key = tmp_path / "key"
    first = run(source, tmp_path / "a", key=key)
    assert key.stat().st_mode & 0o777 == 0o600
    assert run(source, tmp_path / "b", key=key)["names"] == first["names"]
    assert run(source, tmp_path / "c")["names"] != first["names"]


def test_a_map_says_which_copy_is_of_which_original(source: Path, tmp_path: Path) -> None:
    said = run(source, tmp_path / "out", map=tmp_path / "map.csv")
    with (tmp_path / "map.csv").open() as file:
        assert dict(csv.reader(file)) == said["names"]


def test_a_refused_file_is_named_and_the_command_fails(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (source / "letter.txt").write_text("Dear Wilhelmina")
    with pytest.raises(SystemExit) as ended:
        run(source, tmp_path / "out", json=False)
    assert ended.value.code == 1
    assert "refused letter.txt: This file is not a medical image" in capsys.readouterr().out


def test_what_a_person_has_to_look_at_is_said(source: Path, tmp_path: Path) -> None:
    saved(ct(BurnedInAnnotation="YES"), source / "one.dcm")
    with pytest.raises(SystemExit) as ended:
        run(source, tmp_path / "out")
    assert ended.value.code == 3


@pytest.mark.parametrize("text", ["", "abc", "00ff"], ids=["empty", "no digits", "too short"])
def test_a_key_that_is_none_is_refused(text: str, source: Path, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text(text)
    with pytest.raises(CommandError, match="64 hexadecimal digits"):
        run(source, tmp_path / "out", key=key)


def test_a_profile_that_is_not_there_is_said(source: Path, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="There is no profile"):
        run(source, tmp_path / "out", profile="nobody")


def verified(*words: object) -> int:
    with pytest.raises(SystemExit) as ended:
        Command().run_from_argv(["manage.py", "deid", "verify", *map(str, words)])
    assert isinstance(ended.value.code, int)
    return ended.value.code


@pytest.mark.parametrize("profile", ["basic", "research", "trial"])
def test_copies_are_held_against_their_originals(
    source: Path, tmp_path: Path, profile: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run(source, tmp_path / "out", profile=profile, keep_names=True)
    assert verified(source, tmp_path / "out", "--profile", profile) == 0
    assert capsys.readouterr().out.endswith("0 violations.\n")


def test_an_original_does_not_pass_for_a_copy(
    source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verified(source, source, "--profile", "basic", "--json") == 1
    said = json.loads(capsys.readouterr().out)
    assert said["counts"]["no_identity_removed"] == 1
    assert not [token for token in told(source / "one.dcm") if token in json.dumps(said)]


def test_the_verifier_says_that_a_profile_is_not_there(
    source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verified(source, source, "--profile", "none") == 2
    assert "There is no profile none." in capsys.readouterr().err
