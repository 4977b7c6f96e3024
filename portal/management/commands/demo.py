"""A portal to try, on this machine: people, studies, a share link, and a server."""

import dataclasses
import datetime
import io
import json
import os
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import connections, transaction
from django.utils import timezone

from portal import operators
from sharing.access import principal as principals
from sharing.access.principal import Principal
from sharing.accounts.models import Evidence, Institution, Membership, User
from sharing.accounts.rules import EvidenceKind, Role
from sharing.dicom import synthetic
from sharing.grants import actions as grants
from sharing.grants.actions import offers, requests
from sharing.grants.forms.grants import USUAL_TEXT
from sharing.grants.models import Grant, ImageRequest, Offer
from sharing.grants.rules.offers import Priority
from sharing.grants.rules.terms import Filter, Terms
from sharing.ingest import actions as ingest
from sharing.ingest.work.unpack import receive_stream
from sharing.kernel import secrets
from sharing.kernel.requests import SHELL
from sharing.links.actions import create_link
from sharing.links.models import ShareLink
from sharing.links.rules import LinkState
from sharing.research.actions import releases
from sharing.research.actions.projects import make_project
from sharing.research.models import Release
from sharing.research.queries.profiles import profile
from sharing.research.work import filing, making
from sharing.studies.models import Series, Study

ROOT = Path(__file__).resolve().parents[3]
PEOPLE = (
    ("ada@general.example", "Ada Okafor", "General", Role.ADMINISTRATOR),
    ("ben@general.example", "Ben Lindner", "General", Role.UPLOADER),
    ("dora@general.example", "Dora Varga", "General", Role.COMPLIANCE),
    ("cleo@mercy.example", "Cleo Tanaka", "Mercy", Role.READER),
    ("matteo@mercy.example", "Matteo Santos", "Mercy", Role.ADMINISTRATOR),
    ("nora@mercy.example", "Nora Lind", "Mercy", Role.COMPLIANCE),
)
OF_MERCY = ("matteo@mercy.example", "nora@mercy.example")
NOTE = (
    "These are the images of your chest scan of 2 November. Show them to Dr Tanaka at Mercy on "
    "Thursday: open this page on your phone, or give her the link and the passcode."
)

STAT_NOTE = "Sudden weakness of the left arm since 14:10. Is there a stroke? Please call 555 0134."


class Command(BaseCommand):
    help = "Makes a portal with people and studies in it, and serves it on PORT."
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--no-server", action="store_true", help="make what is in it, and stop there"
        )

    def handle(self, **options: Any) -> None:
        if os.environ.get("DEMO") != "1":
            _again_as_demo()
        operators.prepare_database()
        kept = _Kept(settings.VAR_DIR / "demo.json")
        _make_people(kept)
        _make_studies()
        _make_link(kept)
        _make_grants()
        _send_a_stat()
        _ask_for_images()
        _release_a_copy()
        kept.save()
        self.stdout.write(_told(kept))
        sys.stdout.flush()
        if not options["no_server"]:
            _serve()


def _again_as_demo() -> None:
    """Start anew with the demo's settings; they are read once, at the start."""
    port = os.environ.setdefault("PORT", "8000")
    os.environ["DEMO"] = "1"
    os.environ.setdefault("BASE_URL", f"http://localhost:{port}")
    os.execv(sys.executable, [sys.executable, *sys.argv])  # noqa: S606 ourselves again


class _Kept:
    """What a demo remembers so that a second start says the same: a password, and a link."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.values: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}

    def save(self) -> None:
        self.path.touch(mode=0o600)
        self.path.write_text(json.dumps(self.values, indent=2))


def _make_people(kept: _Kept) -> None:
    password = kept.values.setdefault("password", f"handover-{secrets.new_code(8)}")
    for email, name, institution, role in PEOPLE:
        if User.objects.filter(email=email).exists():
            continue
        with transaction.atomic():
            home, made = Institution.objects.get_or_create(
                name=institution, defaults={"is_listed": True}
            )
            if made:
                Evidence.objects.create(
                    institution=home, kind=EvidenceKind.OPERATOR, proven_at=timezone.now()
                )
            user = User.objects.create_user(email, name=name, password=password)
            Membership.objects.create(user=user, institution=home, role=role)


def _principal(email: str) -> Principal:
    member = Membership.objects.select_related("user", "institution").get(user__email=email)
    return principals.member(member, SHELL, credential="shell")


def _make_studies() -> None:
    if Study.objects.exists():
        return
    by = _principal("ben@general.example")
    upload = ingest.start_upload(by=by, note="Invented studies, to try things out with.")
    for path, data in synthetic.demo_files():
        receive_stream(upload, io.BytesIO(data), path=path, size=len(data), by=by)
    ingest.finish_upload(upload, manifest=[], by=by)


def _make_link(kept: _Kept) -> None:
    """A link to the CT, unless the one of an earlier start still works."""
    known = kept.values.get("link_id")
    link = ShareLink.objects.filter(pk=known).first() if known else None
    if link and link.state == LinkState.OPEN and kept.values.get("base_url") == settings.BASE_URL:
        return
    by = _principal("ben@general.example")
    series = Series.objects.filter(modality="CT").select_related("study").first()
    if series is None:
        return
    made = create_link(
        items=[(series.study, None)],
        lifetime=datetime.timedelta(days=30),
        may_download=True,
        recipient_name="Pat Winter",
        recipient_email="pat@home.example",
        note=NOTE,
        by=by,
    )
    kept.values |= {
        "link_id": str(made.link.pk),
        "link": made.url,
        "passcode": made.passcode,
        "base_url": settings.BASE_URL,
    }


def _make_grants() -> None:
    """Mercy sees General's CT and MR; what else it would like to see waits for a second yes."""
    if Grant.objects.exists():
        return
    general, mercy = (Institution.objects.get(name=name) for name in ("General", "Mercy"))
    begun = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    terms = Terms(
        actions=("search", "view", "download"),
        purpose="TREAT",
        valid_from=begun,
        valid_until=begun + datetime.timedelta(days=180),
        filter=Filter(modalities=("CT", "MR")),
        text=USUAL_TEXT,
    )
    wider = dataclasses.replace(
        terms, actions=("search", "view"), filter=Filter(modalities=("CR", "DX", "US"))
    )
    for wanted, first, *others in (
        (terms, "ada@general.example", "dora@general.example", *OF_MERCY),
        (wider, *OF_MERCY, "ada@general.example"),
    ):
        grant = grants.propose(
            custodian=general, recipient=mercy, terms=wanted, by=_principal(first)
        )
        version = grant.versions.get()
        for one in others:
            grants.agree(grant.pk, digest=version.digest, by=_principal(one))


def _send_a_stat() -> None:
    """General's MR waits in Mercy's inbox, and its clock runs; both want to be found."""
    Institution.objects.update(is_listed=True, people_by_address=True)
    if Offer.objects.exists():
        return
    study = Study.objects.filter(modalities__contains="MR").first() or Study.objects.first()
    if study is not None:
        offers.send(
            study.pk,
            to=Institution.objects.get(name="Mercy").pk,
            priority=Priority.STAT,
            note=STAT_NOTE,
            may_download=True,
            by=_principal("ben@general.example"),
        )


def _ask_for_images() -> None:
    """Mercy asks General for what it has of the patient of the CT."""
    series = Series.objects.filter(modality="CT").select_related("study__patient").first()
    if series is None or ImageRequest.objects.exists():
        return
    patient = series.study.patient
    requests.ask(
        Institution.objects.get(name="General").pk,
        patient_name=patient.display_name,
        birth_date=patient.birth_date,
        modality="CT",
        reason="Seen in our chest clinic on Thursday. Earlier scans, please.",
        by=_principal("cleo@mercy.example"),
    )


def _release_a_copy() -> None:
    """A project with one release that is out: the radiograph, de-identified."""
    by = _principal("ada@general.example")
    chosen = Study.objects.filter(modalities="CR").values_list("pk", flat=True)[:1]
    if Release.objects.exists() or not chosen:
        return
    project = make_project(
        name="Chest radiographs for teaching",
        purpose="Cases for the Thursday conference. Ethics board, vote 2026-11.",
        by=by,
    )
    release = releases.draft(
        project.pk,
        title="Thursday conference, November",
        profile=profile(by, "research"),
        studies=list(chosen),
        by=by,
    )
    releases.start(release.pk, by=by)
    # What the portal's workers would do; they find it done.
    for one in release.chosen.all():
        making.work_through(one.pk, lane=0, lanes=1, check=lambda: None)
    releases.let_out(release.pk, by=by)
    filing.file(release.pk, check=lambda: None)


def _told(kept: _Kept) -> str:
    lines = ["", f"Handover is at {settings.BASE_URL}", "", "Sign in as"]
    for email, name, institution, role in PEOPLE:
        lines.append(f"  {email:<24}{name}, {role.label.lower()} at {institution}")
    lines += ["", f"  password (all of them)  {kept.values['password']}"]
    if "link" in kept.values:
        lines += [
            "",
            "A share link, as Pat the patient would get it",
            f"  {kept.values['link']}",
            f"  passcode  {kept.values['passcode']}",
        ]
    lines += ["", f"Mails are kept in {settings.EMAIL_FILE_PATH}.", "Stop with Ctrl-C.", ""]
    return "\n".join(lines)


def _serve() -> None:
    """Become the web server, in this process: everything it needs is imported already."""
    from gunicorn.app.wsgiapp import run  # type: ignore[import-untyped]  # it brings no types

    connections.close_all()
    sys.argv = ["gunicorn", "-c", str(ROOT / "portal/gunicorn.py"), "portal.wsgi:application"]
    run()
