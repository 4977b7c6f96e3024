"""A profile tried on one file: what would come of it, which is thrown away at once."""

import dataclasses
from collections.abc import Sequence

from sharing.deid.engine import Engine
from sharing.deid.keys import Keys
from sharing.deid.ledger import Doubt
from sharing.deid.profile import Profile
from sharing.deid.refusal import DeidError
from sharing.ingest.work import spool
from sharing.research.work import comparing, files
from sharing.studies.models import Instance


@dataclasses.dataclass(frozen=True, slots=True)
class Sample:
    """What a profile does to one file, or why it would do nothing."""

    rows: Sequence[comparing.Row] = ()
    doubts: Sequence[Doubt] = ()
    refused: str = ""

    @property
    def changed(self) -> list[comparing.Row]:
        return [row for row in self.rows if row.is_changed or row.action]

    @property
    def kept(self) -> list[comparing.Row]:
        return [row for row in self.rows if not row.is_changed and not row.action]


def tried(profile: Profile, secret: bytes, instance: Instance) -> Sample:
    """De-identify one stored file and compare; what is known of the patient is this file's alone."""
    engine = Engine(profile, Keys(secret), durable=False)
    known = engine.known()
    target = files.room(instance.pk)
    try:
        with files.at_hand(instance.key, of=instance.pk) as source:
            engine.learn(source, known)
            outcome = engine.deidentify(source, target, known)
            found = comparing.rows(source, target, outcome.ledger)
        return Sample(found, outcome.doubts)
    except DeidError as error:
        return Sample(refused=error.detail)
    finally:
        spool.drop(target)
