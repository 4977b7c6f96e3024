"""De-identification: our profiles against reading, hashing and writing, and against other tools.

Every figure is a ratio of the same run. The peers are installed by name into a virtual environment
of their own under the temporary folder, and only here.
"""

import hashlib
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable
from pathlib import Path

from sharing.deid.engine import Engine
from sharing.deid.folder import deidentify_folder
from sharing.deid.keys import Keys, new_secret
from sharing.deid.profile import Profile
from sharing.deid.table import Option
from tests.bench.measuring import ct

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
GIGABYTES = float(os.environ.get("BENCH_GIGABYTES", "1.2"))
SECRET = new_secret()
DATED = (Option.RETAIN_LONGITUDINAL_MODIFIED_DATES, Option.CLEAN_DESCRIPTORS)
FRAME = 2048 * 2048 * 2
FEW = 60  # files for the peers, which take their time

# What each peer is asked to do: its own default rules over a folder.
PROGRAMS = {
    "dicognito": """
import sys, pathlib, pydicom
from dicognito.anonymizer import Anonymizer
anonymizer = Anonymizer()
for path in sorted(pathlib.Path(sys.argv[1]).glob("*.dcm")):
    dataset = pydicom.dcmread(path)
    anonymizer.anonymize(dataset)
    dataset.save_as(pathlib.Path(sys.argv[2]) / path.name)
""",
    "deid": """
import sys, pathlib
from deid.config import DeidRecipe
from deid.dicom import get_identifiers, replace_identifiers
files = sorted(map(str, pathlib.Path(sys.argv[1]).glob("*.dcm")))
recipe = DeidRecipe()
replace_identifiers(dicom_files=files, deid=recipe, ids=get_identifiers(files), save=True,
                    output_folder=sys.argv[2], overwrite=True)
""",
    "dicom-anonymizer": """
import sys, pathlib
from dicomanonymizer import anonymize
anonymize(sys.argv[1], sys.argv[2], {}, True)
""",
}


def profile(*options: Option) -> Profile:
    return Profile("bench", "Bench", "1", reasons=dict.fromkeys(options, "It is measured."))


def run() -> None:
    with tempfile.TemporaryDirectory(
        prefix="handover-deid-", dir=os.environ.get("BENCH_DIR")
    ) as name:
        place = Path(name)
        source = place / "in"
        source.mkdir()
        for number, data in enumerate(ct().files):
            (source / f"{number:04}.dcm").write_bytes(data)
        _against_the_limit(source, place / "out")
        _two_processes(source, place / "out")
        _against_peers(source, place)
        _large(place)


def _against_the_limit(source: Path, target: Path) -> None:
    files = sorted(source.iterdir())
    runs: dict[str, Callable[[], None]] = {
        "limit": lambda: _limit(files, target),
        "basic profile": _engine(files, target),
        "dates moved, descriptors cleaned": _engine(files, target, *DATED),
    }
    seconds = _in_turn(runs, target)
    limit = seconds.pop("limit")
    print(f"deid: read, SHA-256 and write {len(files) / limit:.0f} files a second, one core")
    for (name, taken), goal in zip(seconds.items(), (0.6, 0.4), strict=True):
        print(
            f"deid: {name}: {len(files) / taken:.0f} files a second, {limit / taken:.0%} of the limit "
            f"(goal {goal:.0%})"
        )


def _in_turn(runs: dict[str, Callable[[], None]], target: Path) -> dict[str, float]:
    """Processor seconds of each, the middle of rounds taken in turn: others may be at work."""
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(ROUNDS):
        for name, one in runs.items():
            _empty(target)
            begun = time.process_time()
            one()
            taken[name].append(time.process_time() - begun)
    return {name: statistics.median(values) for name, values in taken.items()}


def _empty(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()


def _limit(files: list[Path], target: Path) -> None:
    for path in files:
        data = path.read_bytes()
        hashlib.sha256(data).hexdigest()
        (target / path.name).write_bytes(data)


def _engine(files: list[Path], target: Path, *options: Option) -> Callable[[], None]:
    engine = Engine(profile(*options), Keys(SECRET), durable=False)
    known = engine.known()
    for path in files:
        engine.learn(path, known)

    def work() -> None:
        for path in files:
            engine.deidentify(path, target / path.name, known)

    return work


def _two_processes(source: Path, target: Path) -> None:
    """Wall time of the whole command's work, both passes, by one process and by two."""
    taken: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(ROUNDS):
        for workers, values in taken.items():
            _empty(target)
            begun = time.perf_counter()
            deidentify_folder(
                source,
                target,
                profile=profile(*DATED),
                secret=SECRET,
                workers=workers,
                durable=False,
            )
            values.append(time.perf_counter() - begun)
    one, two = (min(taken[workers]) for workers in (1, 2))
    print(
        f"deid: a folder in one process {one:.2f} s, in two {two:.2f} s: "
        f"efficiency {one / two / 2:.2f} (goal 0.80)"
    )


def _against_peers(source: Path, place: Path) -> None:
    few = place / "few"
    few.mkdir()
    for path in sorted(source.iterdir())[:FEW]:
        shutil.copyfile(path, few / path.name)
    ours = _in_turn({"ours": _engine(sorted(few.iterdir()), place / "out")}, place / "out")["ours"]
    python = _peers(place / "peers")
    for name, program in PROGRAMS.items():
        seconds = _peer(python, program, few, place / "out")
        if seconds is None:
            print(f"deid: {name}: left out, it could not be installed or run")
        else:
            print(f"deid: {seconds / ours:.0f} times as fast as {name} (goal 10)")


def _peers(folder: Path) -> Path:
    venv.create(folder, with_pip=True)
    python = folder / "bin/python"
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    for name in PROGRAMS:
        subprocess.run([*command, name], check=False)
    return python


def _peer(python: Path, program: str, source: Path, target: Path) -> float | None:
    """Processor seconds of a peer over the files, its start taken off."""
    nothing = source.parent / "nothing"
    nothing.mkdir(exist_ok=True)
    taken = []
    for folder in (source, nothing):
        _empty(target)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        ran = subprocess.run(
            [str(python), "-c", program, str(folder), str(target)], capture_output=True, check=False
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if folder == source and (ran.returncode or not list(target.rglob("*.dcm"))):
            sys.stderr.write(ran.stderr.decode(errors="replace")[-500:])
            return None
        taken.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return max(taken[0] - taken[1], 0.01)


_MEASURE = """
import re, sys
from pathlib import Path
from sharing.deid.engine import Engine
from sharing.deid.keys import Keys
from sharing.deid.profile import BUNDLED
engine = Engine(BUNDLED["basic"], Keys(bytes(32)), durable=False)
for source in sys.argv[2:]:
    engine.deidentify(Path(source), Path(sys.argv[1]))
    print(re.search("VmHWM:\\s+([0-9]+)", Path("/proc/self/status").read_text())[1])
"""


def _large(place: Path) -> None:
    """Peak memory of a process: after a small file, then after one of more than a gigabyte."""
    from tests.bench.large import _header

    header, frames = _header(int(GIGABYTES * 1e9 / FRAME))
    small = place / "small.dcm"
    small.write_bytes(ct(1).files[0])
    large = place / "large.dcm"
    with large.open("wb") as file:
        file.write(header)
        file.truncate(len(header) + frames * FRAME)
    command = [sys.executable, "-c", _MEASURE, str(place / "copy.dcm"), str(small), str(large)]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    first, then = (int(line) / 1024 for line in ran.stdout.split())
    print(
        f"deid: {large.stat().st_size / 1e9:.1f} GB in one file: peak memory {then:.0f} MB, "
        f"{then - first:.0f} MB above that of a small file (goal 50)"
    )
