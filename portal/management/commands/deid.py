"""De-identification from a shell: a folder in, a folder out, and what became of each file."""

import argparse
import csv
import json
import os
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from sharing.deid.folder import Summary, deidentify_folder
from sharing.deid.keys import SECRET_BYTES, new_secret
from sharing.deid.profile import BUNDLED, Private, Profile, load
from sharing.deid.table import Action
from sharing.deid.verify import command
from sharing.kernel.errors import SharingError

REFUSED, DOUBTFUL = 1, 3
_STAYS = {Action.KEEP, Action.CLEAN}


class Command(BaseCommand):
    help = (
        "Writes de-identified copies of the images below a folder; `deid verify --help` says how to "
        "hold copies against originals. Ends with 0 if all were written, "
        f"{REFUSED} if a file was refused, {DOUBTFUL} if a person has to look at some of them."
    )
    requires_system_checks: list[str] = []

    def run_from_argv(self, argv: list[str]) -> None:
        """`deid verify ORIGINAL DEIDENTIFIED` holds copies against originals instead."""
        if argv[2:3] == ["verify"]:
            sys.exit(verify(argv[3:]))
        super().run_from_argv(argv)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("source", type=Path, metavar="SRC", help="a folder of originals")
        parser.add_argument("target", type=Path, metavar="DST", help="where the copies go")
        parser.add_argument(
            "--profile",
            required=True,
            metavar="P",
            help=f"a file, or one of {', '.join(BUNDLED)}",
        )
        parser.add_argument(
            "--key",
            type=Path,
            metavar="FILE",
            help="the project's secret, made if it is not there; without it one that is forgotten",
        )
        parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, metavar="N")
        parser.add_argument(
            "--ledger", type=Path, metavar="DIR", help="what was done to each, as JSON, goes here"
        )
        parser.add_argument(
            "--map",
            type=Path,
            metavar="FILE",
            help="CSV of originals and copies: it names patients",
        )
        parser.add_argument(
            "--keep-names", action="store_true", help="call copies as the originals are called"
        )
        parser.add_argument("--json", action="store_true", help="print JSON, and nothing else")

    def handle(self, **options: Any) -> None:
        try:
            summary = _run(options)
        except SharingError as error:
            raise CommandError(error.detail) from error
        if options["map"]:
            with options["map"].open("w", newline="") as file:
                csv.writer(file).writerows(summary.names.items())
        if options["json"]:
            self.stdout.write(json.dumps(summary.as_json(), indent=1))
        else:
            _show(summary)
        if summary.refused or summary.doubts:
            sys.exit(REFUSED if summary.refused else DOUBTFUL)


def verify(words: list[str]) -> int:
    """Run the independent verifier, by the rules of a profile or of options alone."""
    parser = argparse.ArgumentParser(prog="manage.py deid verify", description=command.__doc__)
    command.arguments(parser)
    parser.add_argument("--profile", metavar="P", help="what the copies were made by")
    told = parser.parse_args(words)
    if told.profile is None:
        return command.run(told)
    try:
        profile = _profile(told.profile)
    except (CommandError, SharingError) as error:
        sys.stderr.write(f"{error}\n")
        return command.COULD_NOT_RUN
    rules = [(rule.target, rule.action) for rule in profile.rules]
    return command.run(
        told,
        options=frozenset(map(str, profile.options)),
        private=tuple(
            str(target)
            for target, action in rules
            if isinstance(target, Private) and action in _STAYS
        ),
        overrides={target: str(action) for target, action in rules if isinstance(target, int)},
    )


def _run(options: dict[str, Any]) -> Summary:
    profile, secret = _profile(options["profile"]), _secret(options["key"])
    total = sum(path.is_file() for path in options["source"].rglob("*"))
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=options["json"] and not sys.stderr.isatty(),
    ) as bar:
        tasks = {name: bar.add_task(name, total=total) for name in ("Reading headers", "Writing")}
        return deidentify_folder(
            options["source"],
            options["target"],
            profile=profile,
            secret=secret,
            workers=options["workers"],
            ledger=options["ledger"],
            keep_names=options["keep_names"],
            seen=lambda stage, count: bar.advance(tasks[stage], count),
        )


def _profile(name: str) -> Profile:
    if name in BUNDLED:
        return BUNDLED[name]
    path = Path(name)
    if not path.is_file():
        raise CommandError(f"There is no profile {name}. Name a file, or: {', '.join(BUNDLED)}.")
    return load(path.read_text(encoding="utf-8"))


def _secret(path: Path | None) -> bytes:
    """The secret in a file, in hexadecimal digits; made there if there is no such file."""
    if path is None:
        return new_secret()
    if not path.exists():
        secret = new_secret()
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secret.hex() + "\n")
        return secret
    try:
        secret = bytes.fromhex(path.read_text().strip())
    except ValueError:
        secret = b""
    if len(secret) < SECRET_BYTES:
        raise CommandError("The file of the key holds none: it needs 64 hexadecimal digits.")
    return secret


def _show(summary: Summary) -> None:
    console = Console(highlight=False)
    done = ", ".join(f"{letter} {count}" for letter, count in sorted(summary.actions.items()))
    console.print(
        f"Written {summary.written} ({summary.size / 1e6:.1f} MB), of {summary.patients} patients "
        f"and {summary.studies} studies; refused {len(summary.refused)}; "
        f"to be looked at {len(summary.doubts)}."
    )
    if done:
        console.print(f"Attributes: {done}.")
    for one in summary.refused:
        console.print(f"  refused {one.path}: {one.reason}", markup=False, soft_wrap=True)
    for name, sentences in summary.doubts.items():
        console.print(f"  look at {name}: {' '.join(sentences)}", markup=False, soft_wrap=True)
