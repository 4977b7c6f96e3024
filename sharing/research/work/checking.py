"""Each copy held against its original by the verifier, which shares no code with what made it.

What it finds is a doubt: the file waits for a person like any other that is in doubt.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sharing.deid import verify
from sharing.deid.profile import Profile
from sharing.deid.table import Action

KIND = "verifier"
MOST = 20  # doubts of one file; who sees twenty has seen enough
# Who wrote the file: an original that this house has written says the same of itself.
OUR_OWN = {("meta_kept", "(0002,0012)"), ("meta_kept", "(0002,0013)")}
Found = tuple[str, str, str]  # kind, path, sentence


def checked(profile: Profile, pairs: Sequence[tuple[Path, Path]]) -> list[list[Found]]:
    """What does not hold in each pair of original and copy; nothing where all is well."""
    with tempfile.TemporaryDirectory(prefix="handover-check-") as folder:
        sides = [Path(folder) / name for name in ("originals", "copies")]
        for side in sides:
            side.mkdir()
        for number, pair in enumerate(pairs):
            for side, path in zip(sides, pair, strict=True):
                (side / _name(number)).symlink_to(path.resolve())
        report = verify.compare(*sides, **_rules(profile))
    found: list[list[Found]] = [[] for _ in pairs]
    for one in report.violations:
        if (one.category, one.where) in OUR_OWN:
            continue
        sentence = f"The check found: {verify.CATEGORIES[one.category]} {one.rule}".strip()
        found[int(one.file)].append((KIND, one.where, sentence))
    return [one[:MOST] for one in found]


def _name(number: int) -> str:
    return f"{number:06}"


def _rules(profile: Profile) -> dict[str, Any]:
    """What the profile says beyond the standard, as the verifier takes it."""
    private = [str(one.target) for one in profile.rules if not isinstance(one.target, int)]
    kept = {str(one.target) for one in profile.rules if one.action == Action.KEEP}
    return {
        "options": {str(option) for option in profile.options},
        "private": [one for one in private if one in kept],
        "overrides": {
            one.target: str(one.action) for one in profile.rules if isinstance(one.target, int)
        },
    }
