"""Many at the same moment, each on a connection of its own, and what came of it."""

import os
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from django.db import connections

Outcome = TypeVar("Outcome")
PATIENCE = 120.0
# A few in the suite; by hand as many as are wanted: ROUNDS=200.
ROUNDS = int(os.environ.get("ROUNDS", "3"))


def at_once(count: int, do: Callable[..., Outcome], *given: Any) -> list[Outcome]:
    """What each of `count` threads got that begin `do` together; an error of one is raised."""
    start, lock = threading.Barrier(count), threading.Lock()
    outcomes: list[Outcome] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            start.wait(PATIENCE)
            outcome = do(*given)
        except BaseException as error:  # noqa: BLE001 raised by the thread that waits
            with lock:
                errors.append(error)
        else:
            with lock:
                outcomes.append(outcome)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, daemon=True) for _ in range(count)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(PATIENCE)
    if errors:
        raise errors[0]
    assert len(outcomes) == count, "somebody is still waiting"
    return outcomes


class Row(NamedTuple):
    """What was raced for, what was counted, and the count of each round."""

    race: str
    counted: str
    found: list[int]


def as_table(rows: list[Row]) -> str:
    lines = ["", f"{'race':<64}{'rounds':>8}  what came of it, in how many rounds"]
    for row in rows:
        seen = ", ".join(
            f"{value} in {times}" for value, times in sorted(Counter(row.found).items())
        )
        lines.append(f"{row.race:<64}{len(row.found):>8}  {row.counted}: {seen}")
    return "\n".join(lines)
