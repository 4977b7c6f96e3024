"""De-identify a folder: learn who is in it, then write, in as many processes as wanted.

The first pass reads headers alone and gathers what each patient's studies say of people; the
second writes. Processes share nothing but the secret. Nothing of the originals is in the names of
the outputs, unless names are kept on purpose.
"""

import datetime
import json
import multiprocessing
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from sharing.deid.engine import Engine, Outcome
from sharing.deid.facts import Facts
from sharing.deid.keys import Keys, patient_key
from sharing.deid.known import Known
from sharing.deid.ledger import to_json
from sharing.deid.profile import Profile, dump, load
from sharing.deid.refusal import DeidError
from sharing.deid.table import Option

_TOGETHER: Final = 32
_DIED: Final = "The process that worked on it died, perhaps of too little memory."
_UNFORESEEN: Final = "It could not be read in a way that nobody foresaw ({kind})."


@dataclass(frozen=True, slots=True)
class Refused:
    """A file that was not de-identified, and why."""

    path: str
    reason: str


@dataclass(slots=True)
class Summary:
    """What became of a folder.

    Attributes
    ----------
    written
        How many instances.
    names
        Where each original's copy is; it names the originals, so keep it as they are kept.
    doubts
        By output: what a person has to look at.
    actions
        How often each letter of the ledger came up.
    """

    written: int = 0
    size: int = 0
    patients: int = 0
    studies: int = 0
    names: dict[str, str] = field(default_factory=dict)
    refused: list[Refused] = field(default_factory=list)
    doubts: dict[str, list[str]] = field(default_factory=dict)
    actions: dict[str, int] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class _Job:
    """Files of one patient: source, target, where its ledger goes."""

    patient: str
    known: dict[str, Any]
    files: list[tuple[str, str, str]]


Seen = Callable[[str, int], None]
"""Told of progress: which pass, how many files more."""


def deidentify_folder(
    source: Path,
    target: Path,
    *,
    profile: Profile,
    secret: bytes,
    workers: int = 1,
    ledger: Path | None = None,
    keep_names: bool = False,
    created: datetime.datetime | None = None,
    durable: bool = True,
    seen: Seen = lambda stage, count: None,
) -> Summary:
    """Write a de-identified copy of every instance below a folder.

    Parameters
    ----------
    source, target
        Folders, neither in the other.
    profile, secret
        What to do, by which key.
    workers
        Processes.
    ledger
        A folder for one JSON file an instance: ledger, doubts and digest.
    keep_names
        Whether outputs are called as the originals. Such names often name patients.
    created, durable
        As for `engine.Engine`.
    seen
        Told of progress.

    Raises
    ------
    DeidError
        If the folders cannot be used so.
    """
    _check(source, target)
    created = created or datetime.datetime.now(datetime.UTC)
    setting = dump(profile), secret, created.isoformat(), durable
    summary = Summary()
    with _Workers(workers, setting) as pool:
        files = sorted(path for path in source.rglob("*") if path.is_file())
        facts, known = _learn(pool, files, source, summary, seen)
        jobs = _jobs(facts, known, _Names(source, target, ledger, secret, profile, keep_names))
        for job, future in pool.each(_write, jobs):
            _gather(job, future, source, target, summary)
            seen("Writing", len(job.files))
    summary.patients = len(known)
    summary.studies = len({one.study for one in facts.values()})
    return summary


def _check(source: Path, target: Path) -> None:
    if not source.is_dir():
        raise DeidError("There is no such folder.")
    here, there = source.resolve(), target.resolve()
    if here == there or here in there.parents or there in here.parents:
        raise DeidError("Originals and copies need two folders, neither in the other.")


def _learn(
    pool: "_Workers", files: list[Path], source: Path, summary: Summary, seen: Seen
) -> tuple[dict[str, Facts], dict[str, Known]]:
    """Facts of each file, and what is known of each patient."""
    facts: dict[str, Facts] = {}
    learnt: dict[str, list[Known]] = defaultdict(list)
    chunks = [list(map(str, files[at : at + _TOGETHER])) for at in range(0, len(files), _TOGETHER)]
    for chunk, future in pool.each(_read, chunks):
        try:
            found, refused, known = future.result()
        except BrokenProcessPool:
            found, refused, known = {}, dict.fromkeys(chunk, _DIED), {}
        facts |= {path: Facts(**one) for path, one in found.items()}
        for path, reason in refused.items():
            summary.refused.append(Refused(str(Path(path).relative_to(source)), reason))
        for study, one in known.items():
            learnt[study].append(Known.from_json(one))
        seen("Reading headers", len(chunk))
    return facts, _by_patient(facts, learnt)


def _by_patient(facts: dict[str, Facts], learnt: dict[str, list[Known]]) -> dict[str, Known]:
    """What is known of each patient, over all studies."""
    found: dict[str, Known] = {}
    studies = _studies(facts)
    for study, patients in studies.items():
        for patient in set(patients.values()):
            for one in learnt[study]:
                if patient in found:
                    found[patient].merge(one)
                else:
                    found[patient] = Known.from_json(one.to_json())
    return found


def _studies(facts: dict[str, Facts]) -> dict[str, dict[str, str]]:
    """By study, who each file's patient is."""
    grouped: dict[str, dict[str, Facts]] = defaultdict(dict)
    for path, one in facts.items():
        grouped[_study_of(path, one)][path] = one
    return {study: patients(files) for study, files in grouped.items()}


def _study_of(path: str, facts: Facts) -> str:
    return facts.study or path


def patients(facts: dict[str, Facts]) -> dict[str, str]:
    """Who the patient of each instance of one study is, to `Keys`.

    Objects of one study do not always agree on how much they say: one without an issuer, or
    without a number, is of the study's only patient, if there is only one.
    """
    issuers: dict[str, set[str]] = {one.number: set() for one in facts.values() if one.number}
    for one in facts.values():
        if one.number and one.issuer:
            issuers[one.number].add(one.issuer)
    only = next(iter(issuers)) if len(issuers) == 1 else ""
    found = {}
    for path, one in facts.items():
        number = one.number or only
        known = issuers.get(number, set())
        issuer = one.issuer or (next(iter(known)) if len(known) == 1 else "")
        found[path] = patient_key(issuer, number) if number else one.patient
    return found


class _Names:
    """Where outputs and ledgers go."""

    def __init__(
        self,
        source: Path,
        target: Path,
        ledger: Path | None,
        secret: bytes,
        profile: Profile,
        keep_names: bool,
    ) -> None:
        self._source, self._target, self._ledger = source, target, ledger
        self._keys, self._keep = Keys(secret), keep_names
        self._same = Option.RETAIN_UIDS in profile.options
        self._taken: set[str] = set()

    def of(self, path: str, facts: Facts, patient: str) -> tuple[str, str]:
        """Output and ledger of a source; the ledger is "" if none is wanted."""
        name = (
            str(Path(path).relative_to(self._source)) if self._keep else self._new(facts, patient)
        )
        ledger = str(self._ledger / f"{name}.json") if self._ledger else ""
        return str(self._target / name), ledger

    def _new(self, facts: Facts, patient: str) -> str:
        parts = [
            self._keys.pseudonym(patient),
            *(self._uid(uid) for uid in (facts.study, facts.series, facts.instance)),
        ]
        name, again = "/".join(part or "none" for part in parts), 1
        while name in self._taken:
            again += 1
            name = f"{'/'.join(part or 'none' for part in parts)}-{again}"
        self._taken.add(name)
        return name + ".dcm"

    def _uid(self, uid: str) -> str:
        made = uid if self._same else self._keys.uid(uid)
        return "".join(letter for letter in made if letter in "0123456789.")[:64].strip(".")


def _jobs(facts: dict[str, Facts], known: dict[str, Known], names: _Names) -> Iterator[_Job]:
    written = {patient: one.to_json() for patient, one in known.items()}
    by_patient: dict[str, list[str]] = defaultdict(list)
    for found in _studies(facts).values():
        for path, patient in found.items():
            by_patient[patient].append(path)
    for patient, paths in by_patient.items():
        for at in range(0, len(paths), _TOGETHER):
            files = [
                (path, *names.of(path, facts[path], patient)) for path in paths[at : at + _TOGETHER]
            ]
            yield _Job(patient, written[patient], files)


def _gather(
    job: _Job, future: "Future[list[dict[str, Any]]]", source: Path, target: Path, summary: Summary
) -> None:
    try:
        results = future.result()
    except BrokenProcessPool:
        results = [{"reason": _DIED} for _ in job.files]
    for (path, output, _), result in zip(job.files, results, strict=True):
        name = str(Path(path).relative_to(source))
        if reason := result.get("reason"):
            summary.refused.append(Refused(name, reason))
            continue
        made = str(Path(output).relative_to(target))
        summary.written += 1
        summary.size += result["size"]
        summary.names[name] = made
        if result["doubts"]:
            summary.doubts[made] = result["doubts"]
        for letter, count in result["actions"].items():
            summary.actions[letter] = summary.actions.get(letter, 0) + count


# --- in the processes -----------------------------------------------------------------------------

Setting = tuple[str, bytes, str, bool]


@dataclass(slots=True)
class _Worker:
    """The engine of this process, and what it knew last."""

    engine: Engine
    patient: str = ""
    known: Known | None = None


_worker: list[_Worker] = []


def _start(setting: Setting) -> None:
    profile, secret, created, durable = setting
    engine = Engine(
        load(profile),
        Keys(secret),
        created=datetime.datetime.fromisoformat(created),
        durable=durable,
    )
    _worker[:] = [_Worker(engine)]


def _read(
    paths: list[str],
) -> tuple[dict[str, dict[str, Any]], dict[str, str], dict[str, dict[str, Any]]]:
    """Facts by file, reasons by refused file, what is known by study."""
    engine = _worker[0].engine
    facts: dict[str, dict[str, Any]] = {}
    refused: dict[str, str] = {}
    known: dict[str, Known] = {}
    for path in paths:
        try:
            one = engine.known()
            found = engine.learn(Path(path), one)
            study = _study_of(path, found)
            facts[path] = asdict(found)
            if study in known:
                known[study].merge(one)
            else:
                known[study] = one
        except Exception as error:  # noqa: BLE001 one file never stops the others
            refused[path] = _reason(error)
    return facts, refused, {study: one.to_json() for study, one in known.items()}


def _write(job: _Job) -> list[dict[str, Any]]:
    worker = _worker[0]
    if worker.known is None or worker.patient != job.patient:
        worker.patient, worker.known = job.patient, Known.from_json(job.known)
    return [_write_one(worker, job.patient, *file) for file in job.files]


def _write_one(
    worker: _Worker, patient: str, path: str, output: str, ledger: str
) -> dict[str, Any]:
    target = Path(output)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        outcome = worker.engine.deidentify(Path(path), target, worker.known, patient=patient)
        if ledger:
            _write_ledger(Path(ledger), outcome)
    except Exception as error:  # noqa: BLE001 one file never stops the others
        return {"reason": _reason(error)}
    actions: dict[str, int] = {}
    for entry in outcome.ledger:
        actions[entry.action] = actions.get(entry.action, 0) + entry.count
    return {
        "size": outcome.size,
        "doubts": sorted({one.sentence for one in outcome.doubts}),
        "actions": actions,
    }


def _reason(error: Exception) -> str:
    """Why, without a word of the file: only our own sentences say what is in it."""
    if isinstance(error, DeidError):
        return error.detail
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}."
    return _UNFORESEEN.format(kind=type(error).__name__)


def _write_ledger(path: Path, outcome: Outcome) -> None:
    written = {
        "instance": outcome.instance_uid,
        "sha256": outcome.sha256,
        **to_json(outcome.ledger, outcome.doubts),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".part")
    partial.write_text(json.dumps(written, indent=1))
    partial.replace(path)


class _Workers:
    """Processes that take jobs; a single one is this process itself."""

    def __init__(self, count: int, setting: Setting) -> None:
        self._count, self._setting = max(1, count), setting

    def __enter__(self) -> "_Workers":
        if self._count == 1:
            _start(self._setting)
        return self

    def __exit__(self, *_: object) -> None:
        _worker.clear()

    def each(
        self, work: Callable[[Any], Any], jobs: Iterable[Any]
    ) -> Iterator[tuple[Any, "Future[Any]"]]:
        """Every job with its result, as they are done."""
        if self._count == 1:
            for job in jobs:
                future: Future[Any] = Future()
                future.set_result(work(job))
                yield job, future
            return
        with ProcessPoolExecutor(
            self._count,
            mp_context=multiprocessing.get_context("fork" if os.name == "posix" else "spawn"),
            initializer=_start,
            initargs=(self._setting,),
        ) as pool:
            waiting = {_submitted(pool, work, job): job for job in jobs}
            for future in as_completed(waiting):
                yield waiting[future], future


def _submitted(pool: ProcessPoolExecutor, work: Callable[[Any], Any], job: object) -> "Future[Any]":
    """A job on its way; in a pool that broke, one that failed."""
    try:
        return pool.submit(work, job)
    except BrokenProcessPool as error:
        future: Future[Any] = Future()
        future.set_exception(error)
        return future
