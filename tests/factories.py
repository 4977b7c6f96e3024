"""The people of the tests, and what they have: a line each.

Ada (administrator), Ben (uploader), Rosa (reader), Dora (compliance) and Dana (data officer) work at
General; Cleo
(uploader), Rafa (reader), Nora (compliance) and Matteo (administrator) at Mercy, which may become a
partner; Otto (administrator), Lena (uploader), Lars (reader) and Lila (compliance) at Lakeside, which
nobody knows; Hugo (administrator) and Hanna (compliance) at Harbor, Sara and Sam likewise at Seaside.
Sven was an uploader at General and is suspended. Pat is a patient.
"""

import hashlib
import io
import itertools
from typing import Any

from django.test import Client
from isal import isal_zlib

from sharing.access import principal as principals
from sharing.access.principal import Principal
from sharing.accounts.models import Institution, Membership, User
from sharing.accounts.rules import Role
from sharing.ingest import actions as ingest
from sharing.ingest.models import Upload, UploadFile
from sharing.ingest.work.unpack import receive_stream
from sharing.kernel.requests import Origin
from sharing.studies.models import Instance, Series, Study
from tests.dicom.making import ct, saved

PASSWORD = "correct horse battery staple"
WORK = {
    "Ada": ("General", Role.ADMINISTRATOR),
    "Ben": ("General", Role.UPLOADER),
    "Rosa": ("General", Role.READER),
    "Dora": ("General", Role.COMPLIANCE),
    "Dana": ("General", Role.DATA_OFFICER),
    "Cleo": ("Mercy", Role.UPLOADER),
    "Rafa": ("Mercy", Role.READER),
    "Nora": ("Mercy", Role.COMPLIANCE),
    "Matteo": ("Mercy", Role.ADMINISTRATOR),
    "Otto": ("Lakeside", Role.ADMINISTRATOR),
    "Lena": ("Lakeside", Role.UPLOADER),
    "Lars": ("Lakeside", Role.READER),
    "Lila": ("Lakeside", Role.COMPLIANCE),
    "Hugo": ("Harbor", Role.ADMINISTRATOR),
    "Hanna": ("Harbor", Role.COMPLIANCE),
    "Sara": ("Seaside", Role.ADMINISTRATOR),
    "Sam": ("Seaside", Role.COMPLIANCE),
    "Sven": ("General", Role.UPLOADER),
}
_numbers = itertools.count(1)


def member(name: str) -> Membership:
    """One of the people above, made when first asked for."""
    place, role = WORK[name]
    institution, _ = Institution.objects.get_or_create(name=place)
    email = f"{name.lower()}@{place.lower()}.example"
    user = User.objects.filter(email=email).first() or User.objects.create_user(
        email, name=name, password=PASSWORD
    )
    return Membership.objects.get_or_create(
        user=user, institution=institution, defaults={"role": role}
    )[0]


def principal(name: str, **changes: Any) -> Principal:
    return principals.member(member(name), Origin("192.0.2.1", "tests", "page"), **changes)


def patient() -> User:
    """Pat has an account, and works nowhere."""
    found = User.objects.filter(email="pat@home.example").first()
    return found or User.objects.create_user("pat@home.example", name="Pat", password=PASSWORD)


def browser(name: str = "", **options: Any) -> Client:
    """A browser, signed in as one of the people, or as nobody."""
    client = Client(**options)
    if name:
        client.force_login(
            patient() if name == "Pat" else member(name).user,
            backend="allauth.account.auth_backends.AuthenticationBackend",
        )
    return client


def image(study: int = 1, series: int = 1, number: int = 1, **changes: Any) -> bytes:
    """A small CT image as a Part 10 file; other numbers, other UIDs and other bytes."""
    root = f"1.2.826.0.1.{study}"
    facts: dict[str, Any] = {
        "StudyInstanceUID": root,
        "SeriesInstanceUID": f"{root}.{series}",
        "SOPInstanceUID": f"{root}.{series}.{number}",
        "SeriesNumber": series,
        "InstanceNumber": number,
        "SeriesDescription": f"Series {series}",
        "StudyDescription": "CT Thorax",
        "AccessionNumber": f"A{study}",
        "PatientName": f"Probe^Petra{study}",
        "PatientID": f"P{study}",
    }
    return saved(ct(**{**facts, **changes}))


def upload(by: Principal, *files: bytes, **options: Any) -> Upload:
    """An upload with these files in it, checked, stored and finished."""
    begun = ingest.start_upload(by=by, **options)
    for data in files:
        receive(begun, data, by=by)
    return ingest.finish_upload(begun, manifest=[], by=by)


def receive(to: Upload, data: bytes, *, by: Principal, path: str = "") -> UploadFile:
    path = path or f"DICOM/IM{next(_numbers):04d}"
    return receive_stream(to, io.BytesIO(data), path=path, size=len(data), by=by)


def arriving(by: Principal, *files: bytes) -> Upload:
    """An upload that goes on: its sender has not said yet that this was all."""
    begun = ingest.start_upload(by=by)
    for data in files:
        receive(begun, data, by=by)
    return begun


def study(by: Principal, *, number: int = 1, series: int = 1, images: int = 2) -> Study:
    """A study of so many series with so many images each, at the institution of `by`."""
    files = [image(number, s, i) for s in range(1, series + 1) for i in range(1, images + 1)]
    upload(by, *files)
    return Study.objects.get(uid=f"1.2.826.0.1.{number}", institution=by.actor.institution_id)


def first_series(of: Study) -> Series:
    return of.series.order_by("number").first()  # type: ignore[return-value]


def first_instance(of: Study) -> Instance:
    return Instance.objects.filter(series__study=of).order_by("series__number", "number")[0]


def digests(data: bytes) -> tuple[bytes, int]:
    return hashlib.sha256(data).digest(), isal_zlib.crc32(data)
