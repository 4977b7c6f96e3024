"""The house's measures: functions that fit a glance, files that fit a sitting."""

import ast
import statistics
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OURS = ("portal", "sharing")


def _python(*folders: str) -> list[Path]:
    found = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    return sorted(path for path in found if "migrations" not in path.parts)


def _pages() -> list[Path]:
    kinds = ("static/js/**/*.js", "static/css/**/*.css", "templates/**/*.html")
    return sorted(path for kind in kinds for path in ROOT.glob(kind))


def _functions(paths: list[Path]) -> Iterator[tuple[str, int]]:
    """Each function's name, and how many lines of code it has below its signature and docstring."""
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{path.relative_to(ROOT)}:{node.lineno} {node.name}", _lines(node)


def _lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    body = node.body if ast.get_docstring(node) is None else node.body[1:]
    if not body:
        return 0
    return (body[-1].end_lineno or 0) - body[0].lineno + 1


def test_no_function_is_longer_than_a_screen() -> None:
    long = [f"{name}: {lines}" for name, lines in _functions(_python(*OURS, "tests")) if lines > 80]
    assert not long


def test_the_usual_function_is_short() -> None:
    assert statistics.median(lines for _, lines in _functions(_python(*OURS))) <= 8


def test_no_file_is_longer_than_a_sitting() -> None:
    paths = [*_python(*OURS, "tests"), *_pages()]
    counted = {path: len(path.read_text().splitlines()) for path in paths}
    assert not {str(path.relative_to(ROOT)): n for path, n in counted.items() if n > 500}


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module or ""


def test_the_product_does_not_know_how_it_is_composed() -> None:
    knowing = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in _python("sharing")
        for name in _imports(path)
        if name.split(".")[0] == "portal"
    ]
    assert not knowing


def test_nothing_of_the_tests_is_needed_to_run() -> None:
    needing = [
        path for path in _python(*OURS) for name in _imports(path) if name.startswith("tests")
    ]
    assert not needing
