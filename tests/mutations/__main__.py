"""`python -m tests.mutations [MODULE …]`: each mutant of what decides, and whether tests notice.

Needs no peer: the tests named below run on SQLite. They are collected once; for each mutant a child
is forked, in which one function's code is replaced, and which runs the tests until the first fails.
`WORKERS` children run side by side (2). Ends with 1 if a mutant survives that does not stand among
the known ones, each with its reason.
"""

import dataclasses
import importlib
import itertools
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import CodeType
from typing import Any

import pytest

from tests.mutations.mutants import Mutant, mutants
from tests.mutations.survivors import KNOWN

# What decides who gets what.
DECIDES = (
    "sharing.access.rules",
    "sharing.access.principal",
    "sharing.access.gate",
    "sharing.links.principal",
    "sharing.grants.principal.standing",
    "sharing.grants.principal.filters",
    "sharing.grants.principal.ways",
    "sharing.grants.principal.offers",
    "sharing.credentials.principal.tokens",
    "sharing.credentials.principal.machines",
    "portal.principals",
)
# The tests that should notice, the quickest first.
TESTS = ("access", "grants", "links", "credentials", "dicomweb", "delivery", "console", "portal")


@dataclasses.dataclass(frozen=True, slots=True)
class Case:
    module: str
    mutant: Mutant

    @property
    def told(self) -> str:
        return f"{self.module}.{self.mutant.function}: {self.mutant.told}"


def cases(modules: tuple[str, ...]) -> Iterator[Case]:
    for module in modules:
        path = Path(*module.split("."))
        path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        if path.exists():
            for mutant in mutants(path.read_text()):
                yield Case(module, mutant)


def put_in(case: Case) -> None:
    """Give the function, in whoever's hands it is, the mutant's code."""
    module = importlib.import_module(case.module)
    whole = compile(case.mutant.code, str(module.__file__), "exec")
    code = next(one for one in _codes(whole) if one.co_qualname == case.mutant.function)
    found: Any = module
    for name in case.mutant.function.split("."):
        found = found.__dict__[name] if isinstance(found, type) else getattr(found, name)
    found = getattr(found, "fget", found)
    found = getattr(found, "__func__", found)
    while hasattr(found, "__wrapped__"):
        found = found.__wrapped__
    found.__code__ = code


def _codes(code: CodeType) -> Iterator[CodeType]:
    for one in code.co_consts:
        if isinstance(one, CodeType):
            yield one
            yield from _codes(one)


class Farm:
    """A pytest plugin: in place of running the tests once, it runs them for each mutant."""

    def __init__(self, wanted: list[Case]) -> None:
        self.wanted = wanted
        self.running: dict[int, Case] = {}
        self.is_child = False
        self.survived: list[Case] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self._run(session.items[:2])  # so that the database is there, and the tests are green
        for case in self.wanted:
            if case.told in KNOWN:
                print(f"known     {case.told}: {KNOWN[case.told]}", flush=True)
                continue
            if len(self.running) >= int(os.environ.get("WORKERS", "2")):
                self._wait()
            self._fork(session, case)
        while self.running:
            self._wait()
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and self.is_child:
            os._exit(1)
        assert not report.failed, report.longreprtext

    def _run(self, items: list[pytest.Item]) -> None:
        for item, after in itertools.pairwise(items):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=after)

    def _fork(self, session: pytest.Session, case: Case) -> None:
        child = os.fork()
        if child:
            self.running[child] = case
            return
        self.is_child = True
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        try:
            put_in(case)
            self._run(session.items)
        except BaseException:  # noqa: BLE001 whatever goes wrong, somebody would notice
            os._exit(1)
        os._exit(0)

    def _wait(self) -> None:
        child, status = os.wait()
        case = self.running.pop(child)
        if os.waitstatus_to_exitcode(status) == 0:
            self.survived.append(case)
        word = "SURVIVED" if case in self.survived else "noticed"
        print(f"{word:<9} {case.told} (line {case.mutant.line})", flush=True)


def main(wanted: list[str]) -> int:
    farm = Farm(list(cases(tuple(wanted) or DECIDES)))
    folders = [f"tests/{one}" for one in TESTS]
    pytest.main(
        ["-q", "-s", "-p", "no:cacheprovider", "-p", "no:xdist", "-m", "not journey", *folders],
        plugins=[farm],
    )
    known = [case for case in farm.wanted if case.told in KNOWN]
    noticed = len(farm.wanted) - len(known) - len(farm.survived)
    print(
        f"{len(farm.wanted)} mutants: {noticed} noticed, {len(known)} change nothing that could be, "
        f"{len(farm.survived)} survived"
    )
    return 1 if farm.survived else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
