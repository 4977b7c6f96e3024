"""The main job from a shell: take in files, and get a link to pass on."""

import argparse
import datetime
import json
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.validators import validate_email
from django.utils.timezone import localtime
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from portal import operators
from sharing.access.principal import Principal
from sharing.ingest import actions as ingest
from sharing.ingest import queries
from sharing.ingest.models import Upload, UploadFile
from sharing.ingest.rules import ARRIVED
from sharing.ingest.work.unpack import receive_paths, walk
from sharing.kernel import durations
from sharing.kernel.errors import SharingError
from sharing.links.actions import create_link
from sharing.links.rules import HOUR, LONGEST
from sharing.studies.models import Series


class Command(BaseCommand):
    help = "Takes in files, folders, ZIPs or a disc, and prints a receipt and a share link."
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("paths", nargs="+", type=Path, metavar="PATH")
        parser.add_argument(
            "--to", default="", type=_mailbox, metavar="EMAIL", help="who the link is for"
        )
        parser.add_argument(
            "--expires",
            default=f"{settings.LINK_DAYS}d",
            type=_duration,
            metavar="7d",
            help="how long the link works: 12h, 7d, at most 30d",
        )
        parser.add_argument(
            "--view-only", action="store_true", help="pictures only, nothing to download"
        )
        parser.add_argument("--note", default="", help="a note for the reader")
        parser.add_argument("--as", dest="email", default="", metavar="EMAIL", help="who sends it")
        parser.add_argument("--json", action="store_true", help="print JSON, and nothing else")

    def handle(self, **options: Any) -> None:
        missing = [str(path) for path in options["paths"] if not path.exists()]
        if missing:
            raise CommandError(f"There is nothing at {', '.join(missing)}.")
        operators.prepare_database()
        by = operators.principal(options["email"])
        try:
            upload = _take_in(options["paths"], by, quiet=options["json"])
            result = _result(upload, by, options)
        except SharingError as error:
            raise CommandError(error.detail) from error
        if options["json"]:
            self.stdout.write(json.dumps(result, indent=2, default=str))
        else:
            _show(result)
        if not result["link"]:
            sys.exit(1)


def _duration(text: str) -> Any:
    try:
        lifetime = durations.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    if not HOUR <= lifetime <= LONGEST:  # said before hours of taking in, not after
        raise argparse.ArgumentTypeError("a link works for at least an hour, at most 30 days")
    return lifetime


def _mailbox(text: str) -> str:
    try:
        if text:  # the default comes this way too
            validate_email(text)
    except ValidationError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no e-mail address") from error
    return text


def _take_in(paths: list[Path], by: Principal, *, quiet: bool) -> Upload:
    """Receive everything below `paths` with a progress bar; the upload, finished."""
    upload = ingest.start_upload(by=by)
    total = sum(1 for _ in walk(paths))
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=quiet and not sys.stderr.isatty(),
    ) as bar:
        task = bar.add_task("Taking in", total=total)

        def seen(file: UploadFile) -> None:
            if file.parent_id is None:
                bar.advance(task)

        receive_paths(upload, paths, by=by, seen=seen)
    return ingest.finish_upload(upload, manifest=[], by=by)


def _result(upload: Upload, by: Principal, options: dict[str, Any]) -> dict[str, Any]:
    receipt = queries.receipt(upload)
    result: dict[str, Any] = {
        "link": None,
        "passcode": None,
        "expires": None,
        "studies": receipt["studies"],
        "stored": receipt["stored"],
        "duplicates": receipt["duplicates"],
        "conflicts": receipt["conflicts"],
        "rejected": [*receipt["rejected"], *receipt["skipped"]],
        "unpacked": receipt["unpacked"],
        "upload": receipt["id"],
    }
    if receipt["studies"]:
        result |= _link(upload, by, options)
    return result


def _link(upload: Upload, by: Principal, options: dict[str, Any]) -> dict[str, Any]:
    """A link to exactly the series that were sent."""
    brought = upload.files.filter(state__in=ARRIVED).values("instance__series")
    series = Series.objects.filter(pk__in=brought).select_related("study")
    link = create_link(
        items=[(one.study, one) for one in series],
        lifetime=options["expires"],
        may_download=not options["view_only"],
        recipient_email=options["to"],
        note=options["note"],
        by=by,
    )
    return {
        "link": link.url,
        "passcode": link.passcode,
        "expires": link.link.expires_at.isoformat(),
    }


def _show(result: dict[str, Any]) -> None:
    console = Console(highlight=False)
    for study in result["studies"]:
        console.print(f"[bold]{study['patient_name'] or 'No name'}[/bold]  {study['description']}")
        for one in study["series"]:
            count = one["stored"] + one["duplicates"] + one["conflicts"]
            number = "" if one["number"] is None else one["number"]
            console.print(
                f"  {one['modality']:<4} {number:>4}  {one['description']}  {count} images"
            )
    console.print(
        f"\nStored {result['stored']}, already there {result['duplicates']}, "
        f"in conflict {result['conflicts']}, not taken {len(result['rejected'])}."
    )
    for one in result["rejected"][:20]:
        console.print(f"  {one['path']}: {one['reason']}", markup=False, soft_wrap=True)
    if len(result["rejected"]) > 20:
        console.print(f"  and {len(result['rejected']) - 20} more; --json lists them all.")
    if not result["link"]:
        console.print("\nNo image was found, so there is nothing to share.")
        return
    console.print(f"\nLink      {result['link']}", soft_wrap=True)
    console.print(f"Passcode  {result['passcode']}   (send it by another way than the link)")
    until = datetime.datetime.fromisoformat(result["expires"])
    console.print(f"Works until {localtime(until):%-d %b %Y, %H:%M %Z}")
