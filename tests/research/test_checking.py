"""Each copy is held against its original by another program, and what it finds waits for a person."""

from pathlib import Path
from typing import Any

import pytest

from sharing.deid.engine import Engine, Outcome
from sharing.deid.profile import BUNDLED
from sharing.research.queries.releases import open_holds
from sharing.research.rules.states import ReleaseState
from sharing.research.work.checking import KIND, checked
from tests import factories as f
from tests.research.making import made


def test_an_original_is_no_copy_of_itself(tmp_path: Path) -> None:
    (path := tmp_path / "one").write_bytes(f.image())
    (found,) = checked(BUNDLED["basic"], [(path, path)])
    assert any("still there" in sentence for _, _, sentence in found)
    assert not any("Petra" in sentence for _, _, sentence in found)


@pytest.mark.django_db
def test_what_the_engine_leaves_behind_waits_for_a_person(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine with a fault: it writes the copy, and forgets to replace the name in one file."""
    deidentify = Engine.deidentify

    def faulty(self: Engine, source: Path, target: Path, *more: Any) -> Outcome:
        outcome = deidentify(self, source, target, *more)
        data = source.read_bytes()
        if b"1.2.826.0.1.1.1.2" in data:
            target.write_bytes(data)
        return outcome

    monkeypatch.setattr(Engine, "deidentify", faulty)
    study = f.study(f.principal("Ben"), images=2)
    release = made(study)
    assert release.state == ReleaseState.HELD
    holds = list(open_holds(release))
    assert {hold.kind for hold in holds} == {KIND}
    assert any("original value" in hold.sentence for hold in holds)
