"""Originals and outputs: learn who the patients are, look at each pair, then at all of them together."""

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sharing.deid.verify.identity import names
from sharing.deid.verify.pool import SECONDS, Pool
from sharing.deid.verify.report import Report, Violation
from sharing.deid.verify.table import Rules


@dataclasses.dataclass(slots=True)
class _Learned:
    """What the originals say: who is in which file, what identifies them, which UIDs there were."""

    patient: dict[str, str] = dataclasses.field(default_factory=dict)
    tokens: dict[str, set[tuple[str, str, str]]] = dataclasses.field(default_factory=dict)
    makers: dict[str, str] = dataclasses.field(default_factory=dict)
    uids: set[str] = dataclasses.field(default_factory=set)

    def of(self, file: str) -> list[list[str]]:
        """The tokens of a file's patient, without those that are the maker's name."""
        patient = self.patient.get(file, "")
        made = self.makers.get(patient, "")
        return sorted(list(one) for one in self.tokens.get(patient, ()) if one[1] not in made)


def compare(
    original: Path,
    deidentified: Path,
    *,
    options: Iterable[str] = (),
    private: Iterable[str] = (),
    overrides: Mapping[int, str] | None = None,
    identities: Iterable[str] = (),
    pairs: Mapping[str, str] | None = None,
    may_miss: bool = False,
    workers: int = 1,
    seconds: float = SECONDS,
    show_values: bool = False,
) -> Report:
    """Hold originals against what was made of them (PS3.15 Annex E).

    Parameters
    ----------
    original, deidentified
        Two files, or two folders whose files are joined by their relative paths.
    options
        Options of the profile, names of `OPTIONS`.
    private
        Private attributes that the profile calls safe, each ``"gggg,CREATOR,ee"``.
    overrides
        Codes (``"X"``, ``"K"``, ``"Z/D"`` …) that the profile sets, by tag, over the table's.
    identities
        Names to look for besides those that the originals' attributes say.
    pairs
        Relative path of the output of each original, where it is another.
    may_miss
        Is it right that some originals have no output (refused, or held)?
    workers
        How many processes read.
    seconds
        How long one file may take.
    show_values
        Put what was found into the violations. It is patient data.

    Returns
    -------
    Report
        Every violation; `ok` when there is none.

    Raises
    ------
    ValueError
        An option is none, or two exclude each other.
    """
    rules = _told(options, private, overrides)
    olds, news = _files(original), _files(deidentified)
    if len(olds) == len(news) == 1 and original.is_file() and deidentified.is_file():
        pairs = dict(zip(olds, news, strict=True))
    report = Report()
    with Pool(workers, seconds=seconds) as pool:
        learned = _learn(pool, rules, olds, report)
        joined = {old: (pairs or {}).get(old, old) for old in learned.patient}
        for old in [old for old, new in joined.items() if new not in news]:
            if not may_miss:
                report.violations.append(Violation("missing", old))
            del joined[old]
        extra = [[t.kind, t.plain, t.pattern] for name in identities for t in names(name)]
        questions = [
            {"do": "check", "rules": rules, "tokens": learned.of(old) + extra,
             "original": str(olds[old]), "output": str(news[new])}
            for old, new in joined.items()
        ]  # fmt: skip
        answers = list(zip(joined.items(), pool.ask(questions), strict=True))
    unknown = sorted(set(news) - set(joined.values()))
    report.notes += [f"{new}: an output without an original." for new in unknown]
    _Judge(report, learned, frozenset(rules["options"]), show_values).all(answers)
    return report


def outputs(
    path: Path,
    *,
    options: Iterable[str] = (),
    private: Iterable[str] = (),
    overrides: Mapping[int, str] | None = None,
    identities: Iterable[str] = (),
    workers: int = 1,
    seconds: float = SECONDS,
    show_values: bool = False,
) -> list[Violation]:
    """Look at outputs of which there is no original here.

    What must be removed must not be there; what must be emptied or replaced must be empty or a
    stand-in as this project makes them; UIDs must be derived (2.25). Since nobody knows the
    patient here, texts are searched for `identities` alone.

    Parameters
    ----------
    path
        A file or a folder.
    identities
        Names, as PN values, that must stand nowhere.
    options, private, overrides, workers, seconds, show_values
        As in `compare`.

    Returns
    -------
    list of Violation
        Empty when every file holds. A file that cannot be read is a violation.
    """
    rules = _told(options, private, overrides)
    tokens = [[t.kind, t.plain, t.pattern] for name in identities for t in names(name)]
    files = _files(path)
    report = Report()
    with Pool(workers, seconds=seconds) as pool:
        asked = (
            {"do": "check", "rules": rules, "tokens": tokens, "output": str(one)}
            for one in files.values()
        )
        for file, answer in zip(files, pool.ask(asked), strict=True):
            _single(report, file, answer, show_values)
    return report.violations


def _single(report: Report, file: str, answer: dict[str, Any], show_values: bool) -> None:
    if "error" in answer:
        report.violations.append(Violation("unreadable", file, rule=answer["error"]))
        return
    for category, where, rule, value in answer["violations"]:
        report.violations.append(
            Violation(category, file, where, rule, value if show_values else "")
        )


def _told(
    options: Iterable[str], private: Iterable[str], overrides: Mapping[int, str] | None
) -> dict[str, Any]:
    told = {
        "options": sorted(options),
        "private": sorted(private),
        "overrides": {f"{tag:08x}": code for tag, code in (overrides or {}).items()},
    }
    Rules(told["options"])  # refuses what is no option here, not in each child
    return told


def _files(path: Path) -> dict[str, Path]:
    if path.is_file():
        return {path.name: path}
    return {str(one.relative_to(path)): one for one in sorted(path.rglob("*")) if one.is_file()}


def _learn(pool: Pool, rules: dict[str, Any], files: dict[str, Path], report: Report) -> _Learned:
    learned = _Learned()
    asked = ({"do": "learn", "rules": rules, "path": str(path)} for path in files.values())
    for file, answer in zip(files, pool.ask(asked), strict=True):
        if "error" in answer:
            report.notes.append(f"{file}: cannot be read as an original ({answer['error']}).")
        elif answer["instance"]:
            patient = learned.patient[file] = answer["patient"]
            learned.tokens.setdefault(patient, set()).update(tuple(one) for one in answer["tokens"])
            learned.makers[patient] = f"{learned.makers.get(patient, '')} {answer['makers']}"
            learned.uids.update(answer["uids"])
    report.originals = len(learned.patient)
    return learned


class _Judge:
    """What can be said only of all files together."""

    def __init__(
        self, report: Report, learned: _Learned, options: frozenset[str], show: bool
    ) -> None:
        self.report, self.learned, self.options, self.show = report, learned, options, show
        self.forward: dict[str, str] = {}
        self.backward: dict[str, str] = {}
        self.replaced: dict[tuple[int, str], set[str]] = defaultdict(set)
        self.shifts: dict[str, Counter[int]] = defaultdict(Counter)

    def all(self, answers: list[tuple[tuple[str, str], dict[str, Any]]]) -> None:
        seen = []
        for (old, new), answer in answers:
            _single(self.report, new, answer, self.show)
            if "error" not in answer:
                self._count(answer)
                self._gather(old, answer)
                seen.append((old, new, answer))
        self._uids(seen)
        self._patients(seen)
        for old, new, answer in seen:
            self._values(new, answer)
            self._leaks(new, answer)
            self._dates(old, new, answer)
            self._references(new, answer)

    def _add(
        self, category: str, file: str, where: str = "", rule: str = "", value: str = ""
    ) -> None:
        shown = value if self.show else ""
        self.report.violations.append(Violation(category, file, where, rule, shown))

    def _count(self, answer: dict[str, Any]) -> None:
        self.report.pairs += 1
        for name in ("examined", "kept", "unlisted", "left_off"):
            setattr(self.report, name, getattr(self.report, name) + answer[name])
        self.report.lost.update(answer["lost"])

    def _gather(self, old: str, answer: dict[str, Any]) -> None:
        for tag, now, before, _, _ in answer["replaced"]:
            self.replaced[tag, now].add(before)
        for _, _, days in answer["dates"]:
            self.shifts[self.learned.patient[old]][days] += 1

    def _uids(self, seen: list[tuple[str, str, dict[str, Any]]]) -> None:
        for _, new, answer in seen:
            for before, now in answer["uids"]:
                if self.forward.setdefault(before, now) != now:
                    self._add("uid_inconsistent", new, value=before)
                if self.backward.setdefault(now, before) != before:
                    self._add("uid_collision", new, value=now)

    def _patients(self, seen: list[tuple[str, str, dict[str, Any]]]) -> None:
        forward: dict[str, str] = {}
        backward: dict[str, str] = {}
        for _, new, answer in seen:
            before, now = answer["patient"]
            if before and forward.setdefault(before, now) != now:
                self._add("patient_split", new, value=before)
            if before and now and backward.setdefault(now, before) != before:
                self._add("patients_merged", new, value=now)

    def _values(self, new: str, answer: dict[str, Any]) -> None:
        """A value equal to the original's is a leak, unless others became the very same."""
        for tag, now, before, where, rule in answer["replaced"]:
            if now == before and len(self.replaced[tag, now]) < 2:
                category = "meta_kept" if tag >> 16 == 0x0002 else "unchanged"
                self._add(category, new, where, rule, now)

    def _leaks(self, new: str, answer: dict[str, Any]) -> None:
        if "retain_uids" in self.options:
            return
        for value, where in answer["standing"].items():
            if value in self.learned.uids:
                self._add("uid_leak", new, where, value=value)

    def _dates(self, old: str, new: str, answer: dict[str, Any]) -> None:
        shifts = self.shifts[self.learned.patient[old]]
        if len(shifts) < 2:
            return
        usual = shifts.most_common(1)[0][0]
        for where, rule, days in answer["dates"]:
            if days != usual:
                self._add("date_inconsistent", new, where, rule)

    def _references(self, new: str, answer: dict[str, Any]) -> None:
        """Does each reference lead to something that an original's UID became?"""
        if "retain_uids" in self.options:
            return
        for where, value in answer["references"]:
            if value and value not in self.backward and not value.startswith("1.2.840.10008."):
                self._add("reference_broken", new, where, value=value)
