"""Files from which the sender's browser removed who it is: held to that here, or not taken.

The browser's word is not enough: an independent verifier, that shares no code with what cleans,
reads every file as it came (`sharing.deid.verify`), in a process that may be lost.
"""

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from django.conf import settings

from sharing.deid import browser
from sharing.deid.profile import BUNDLED
from sharing.deid.verify import outputs
from sharing.ingest.rules import FileState
from sharing.ingest.work.check import Arrival

CODE = "still-identifies"
SENTENCE = (
    "This file was to come without who it is, but it still says so, or cannot be looked at. "
    "It was not taken."
)


def hold(arrivals: Iterable[Arrival]) -> None:
    """Refuse those of one upload that should say nothing of who it is, and do.

    Their bytes are left in the spool for the caller to drop. Files of other uploads pass.
    """
    held = [one for one in arrivals if one.spooled and one.file.upload.cleaned_by]
    if not held:
        return
    told = _told(held)
    kinds = browser.compiled(BUNDLED[browser.PROFILE])["kinds"]
    for one, bad in zip(held, told, strict=True):
        if bad or one.header is None or one.header.sop_class_uid not in kinds:
            _refuse(one)


def _told(held: list[Arrival]) -> list[bool]:
    """Of each file whether the verifier has something to say."""
    profile = BUNDLED[browser.PROFILE]
    with tempfile.TemporaryDirectory(dir=settings.SPOOL_DIR, prefix="cleaned-") as folder:
        for one in held:
            assert one.spooled is not None
            os.link(one.spooled, Path(folder) / one.file.pk.hex)  # a name that the sweep knows
        violations = outputs(
            Path(folder),
            options=[option.value for option in profile.options],
            overrides={
                rule.target: rule.action.value
                for rule in profile.rules
                if isinstance(rule.target, int)
            },
        )
    named = {violation.file for violation in violations}
    return [one.file.pk.hex in named for one in held]


def _refuse(arrival: Arrival) -> None:
    file = arrival.file
    file.state, file.reason, file.reason_code = FileState.REFUSED, SENTENCE, CODE
    arrival.header = arrival.spooled = None
