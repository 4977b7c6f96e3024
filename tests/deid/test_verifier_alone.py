"""The verifier is independent: it borrows nothing from what it verifies."""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VERIFIER = "sharing.deid.verify"


def _imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} imports by a relative name"
            names.add(node.module or "")
    return names


def test_it_imports_nothing_of_the_project_but_itself() -> None:
    modules = sorted((ROOT / "sharing" / "deid" / "verify").glob("**/*.py"))
    assert len(modules) > 5
    borrowed = {
        f"{path.name}: {name}"
        for path in modules
        for name in _imported(path)
        if name.split(".")[0] in {"sharing", "portal", "tests"} and not name.startswith(VERIFIER)
    }
    assert not borrowed


def test_the_engine_borrows_nothing_from_it() -> None:
    others = [
        path
        for path in (ROOT / "sharing" / "deid").glob("**/*.py")
        if "verify" not in path.relative_to(ROOT).parts
    ]
    assert others
    assert not [path for path in others if any(n.startswith(VERIFIER) for n in _imported(path))]
