"""`python -m tests.mutations [MODULE …]`: each mutant of what decides, and whether tests notice.

Needs no peer: the tests named below run on SQLite. `WORKERS` mutants run side by side (2). Ends with
1 if a mutant survives that does not stand among the known ones, each with its reason.
"""

import concurrent.futures
import os
import subprocess
import sys
from pathlib import Path

from tests.mutations.mutants import Mutant, mutants
from tests.mutations.survivors import KNOWN

# What decides who gets what, and the tests that should notice, the quickest first.
GATE = ("tests/access", "tests/grants", "tests/dicomweb", "tests/console", "tests/links")
DECIDES: dict[str, tuple[str, ...]] = {
    "sharing.access.rules": ("tests/access", "tests/credentials", "tests/architecture"),
    "sharing.access.principal": ("tests/access", "tests/grants", "tests/credentials"),
    "sharing.access.gate": (*GATE, "tests/delivery", "tests/architecture"),
    "sharing.links.principal": ("tests/links", "tests/architecture"),
    "sharing.grants.principal.standing": ("tests/grants",),
    "sharing.grants.principal.filters": ("tests/grants",),
    "sharing.grants.principal.ways": ("tests/grants",),
    "sharing.credentials.principal.tokens": ("tests/credentials",),
    "sharing.credentials.principal.machines": ("tests/credentials", "tests/grants"),
    "sharing.credentials.principal": ("tests/credentials",),
    "portal.principals": ("tests/portal", "tests/access", "tests/credentials", "tests/links"),
}


def _source(module: str) -> str:
    path = Path(*module.split("."))
    return (path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).read_text()


def _is_noticed(module: str, number: int) -> bool:
    """Whether a test fails, or nothing starts any more."""
    run = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-x", "-q", "-p", "tests.mutations.hook"),
            *("-p", "no:cacheprovider", "-m", "not journey", *DECIDES[module]),
        ],
        env={**os.environ, "MUTANT": f"{module}:{number}"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    return run.returncode != 0


def _told(module: str, mutant: Mutant) -> str:
    return f"{module}.{mutant.function}: {mutant.told}"


def main(wanted: list[str]) -> int:
    modules = [one for one in DECIDES if not wanted or one in wanted]
    cases = [
        (module, number, mutant)
        for module in modules
        for number, mutant in enumerate(mutants(_source(module)))
    ]
    survived = []
    with concurrent.futures.ThreadPoolExecutor(int(os.environ.get("WORKERS", "2"))) as pool:
        noticed = pool.map(lambda case: _is_noticed(case[0], case[1]), cases)
        for (module, _, mutant), is_noticed in zip(cases, noticed, strict=True):
            told = _told(module, mutant)
            known = KNOWN.get(told, "")
            word = "noticed" if is_noticed else f"known: {known}" if known else "SURVIVED"
            print(f"{word:<9} {told} (line {mutant.line})", flush=True)
            if not is_noticed:
                survived.append((told, known))
    fresh = [told for told, known in survived if not known]
    print(
        f"{len(cases)} mutants: {len(cases) - len(survived)} noticed, "
        f"{len(survived) - len(fresh)} known to change nothing, {len(fresh)} survived"
    )
    return 1 if fresh else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
