"""The verifier from a shell: what it takes, what it prints, how it ends."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from sharing.deid.verify.comparing import compare, outputs
from sharing.deid.verify.report import CATEGORIES, Report, Violation
from sharing.deid.verify.table import OPTIONS

SHOWN = 5
HOLDS, BROKEN, COULD_NOT_RUN = 0, 1, 2


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the verifier takes."""
    parser.add_argument("original", type=Path, metavar="ORIGINAL", help="a file or a folder")
    parser.add_argument("deidentified", type=Path, nargs="?", metavar="DEIDENTIFIED",
                        help="what was made of it; without it, ORIGINAL is looked at as an output")  # fmt: skip
    parser.add_argument(
        "--options", default="", help=f"of the profile: {', '.join(sorted(OPTIONS))}"
    )
    parser.add_argument("--private", action="append", default=[], metavar="gggg,CREATOR,ee",
                        help="a private attribute that the profile calls safe")  # fmt: skip
    parser.add_argument("--identity", action="append", default=[], metavar="NAME",
                        help="a name to look for besides what the originals say")  # fmt: skip
    parser.add_argument("--kept", type=float, default=0.0, metavar="SHARE",
                        help="the share of unlisted attributes that must be kept, say 0.98")  # fmt: skip
    parser.add_argument("--may-miss", action="store_true", help="originals may lack an output")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", action="store_true", help="the whole report as JSON")
    parser.add_argument("--show-values", action="store_true", help="print patient data, too")


def main(words: list[str]) -> int:
    """Run the verifier with the words of a command line, and say how it ended."""
    parser = argparse.ArgumentParser(prog="verify", description=__doc__)
    arguments(parser)
    return run(parser.parse_args(words))


def run(
    told: argparse.Namespace,
    *,
    options: frozenset[str] = frozenset(),
    private: tuple[str, ...] = (),
    overrides: dict[int, str] | None = None,
) -> int:
    """Run it with arguments that were read; a profile's rules come besides."""
    for path in (told.original, told.deidentified):
        if path is not None and not path.exists():
            return _cannot("There is no such file or folder.")
    try:
        report = _report(told, options | _chosen(told.options), private, overrides)
    except ValueError as error:
        return _cannot(str(error))
    if not report.pairs and not report.violations:
        return _cannot("There is nothing here that could be compared.")
    _print(report, told)
    return HOLDS if report.ok and report.share_kept >= told.kept else BROKEN


def _chosen(written: str) -> frozenset[str]:
    return frozenset(one.strip() for one in written.split(",") if one.strip())


def _report(
    told: argparse.Namespace,
    options: frozenset[str],
    private: tuple[str, ...],
    overrides: dict[int, str] | None,
) -> Report:
    rules: dict[str, Any] = {
        "options": options,
        "private": (*private, *told.private),
        "overrides": overrides,
    }
    common: dict[str, Any] = {
        "identities": told.identity,
        "workers": told.workers,
        "show_values": told.show_values,
    }
    if told.deidentified is not None:
        return compare(told.original, told.deidentified, may_miss=told.may_miss, **rules, **common)
    found = outputs(told.original, **rules, **common)
    files = 1 if told.original.is_file() else sum(one.is_file() for one in told.original.rglob("*"))
    return Report(violations=found, pairs=files)


def _print(report: Report, told: argparse.Namespace) -> None:
    if told.json:
        _say(json.dumps(report.as_json(), indent=1))
        return
    by_category: dict[str, list[Violation]] = {}
    for one in report.violations:
        by_category.setdefault(one.category, []).append(one)
    for category in (name for name in CATEGORIES if name in by_category):
        broken = by_category[category]
        _say(f"{len(broken):6} {category}: {CATEGORIES[category]}")
        for one in broken[:SHOWN]:
            value = f" {one.value!r}" if one.value else ""
            _say(f"         {one.file} {one.where} {one.rule}{value}".rstrip())
    _say(f"{report.pairs} of {report.originals} originals compared, {report.examined} attributes examined, "
         f"{report.share_kept:.2%} of {report.unlisted} that no rule touches kept.")  # fmt: skip
    _say(f"{len(report.violations) + report.left_off} violations.")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")


def _cannot(sentence: str) -> int:
    sys.stderr.write(sentence + "\n")
    return COULD_NOT_RUN
