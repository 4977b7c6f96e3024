"""How many rounds, and the table of what they came to."""

from collections.abc import Callable

import pytest

from tests.races.together import Row, as_table

_rows: list[Row] = []


@pytest.fixture
def told() -> Callable[[Row], None]:
    """Puts a row into the table that stands at the end of the run."""
    return _rows.append


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _rows:
        terminalreporter.write_line(as_table(_rows))
