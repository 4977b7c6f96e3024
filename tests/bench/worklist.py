"""The worklist over 100,000 studies: how long the server takes for what people do there."""

import os
import subprocess
import sys
import time

from tests.bench.measuring import Line, middle, signed_in
from tests.served import ROOT, Served

STUDIES = int(os.environ.get("BENCH_STUDIES", "100000"))
GOAL = 100  # ms
ASKED = {
    "the newest": "",
    "a name": "?q=okafor",
    "one patient's name": "?q=okafor+050000",
    "a name that nobody has": "?q=zzyzx",
    "a number": "?patient_id=P00050000",
    "a month": "?since=2024-01-01&until=2024-01-31",
    "by name": "?sort=patient",
}
# What Mercy's people ask by the demo's agreement: General's CT and MR studies.
ASKED_OF_PARTNERS = {
    "partners' newest": "/?tab=partners",
    "partners': one patient's name": "/?tab=partners&q=okafor+050000",
    "QIDO of both: the newest": "/dicom-web/studies?limit=100",
    "QIDO of both: a number": "/dicom-web/studies?PatientID=P00050000",
    "QIDO of both: a month": "/dicom-web/studies?StudyDate=20240101-20240131&limit=100",
}
FILL = """
import random
from django.db import transaction
from django.utils import timezone
from sharing.accounts.models import Institution
from sharing.studies.models import Patient, Series, Study
general = Institution.objects.get(name="General")
family = "okafor brandt castell dorval eskola fenwick garnier holm ibarra janssen".split()
dice = random.Random(7)
for begin in range(0, COUNT, 5000):
    patients, studies, series = [], [], []
    for n in range(begin, begin + 5000):
        name = f"{dice.choice(family)} {n:06d}"
        patient = Patient(institution=general, identity=n.to_bytes(32, "big"),
                          patient_id=f"P{n:08d}", name=name, display_name=name)
        date = f"{dice.randint(2015, 2026)}{dice.randint(1, 12):02d}{dice.randint(1, 28):02d}"
        study = Study(institution=general, patient=patient, uid=f"1.2.826.9.{n}", date=date,
                      modalities="CT", search_text=f"{name} p{n:08d} ct thorax",
                      description="CT thorax", series_count=1, instance_count=1)
        patients.append(patient); studies.append(study)
        series.append(Series(study=study, uid=f"1.2.826.9.{n}.1", modality="CT"))
    with transaction.atomic():
        Patient.objects.bulk_create(patients)
        Study.objects.bulk_create(studies)
        Series.objects.bulk_create(series)
"""


def run(portal: Served, orthanc: str) -> None:
    code = FILL.replace("COUNT", str(STUDIES))
    subprocess.run(
        [sys.executable, "manage.py", "shell", "-v", "0", "-c", code],
        cwd=ROOT,
        env=portal.environment,
        check=True,
    )
    own = {name: f"/{query}" for name, query in ASKED.items()}
    _ask(portal, "ben@general.example", own)
    _ask(portal, "cleo@mercy.example", ASKED_OF_PARTNERS)


def _ask(portal: Served, email: str, asked: dict[str, str]) -> None:
    line = signed_in(portal.address, email, portal.password)
    for name, path in asked.items():
        half = 1000 * middle([_timed(line, path) for _ in range(10)])
        print(
            f"worklist of {STUDIES:,}: {name}: {half:.0f} ms (goal {GOAL}, ratio {half / GOAL:.2f})"
        )


def _timed(line: Line, path: str) -> float:
    begun = time.perf_counter()
    status, body = line.send("GET", path)
    assert status == 200, body[:500]
    return time.perf_counter() - begun
