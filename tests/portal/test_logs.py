"""The log tells what went wrong, and nothing of a patient."""

import logging
from typing import Any

import pytest
from django.conf import settings
from django.utils.module_loading import import_string

from tests import factories as f

pytestmark = pytest.mark.django_db
UID = "1.2.826.0.1.77"


class _Kept(logging.Handler):
    """Writes as the settings' own handler does, into a list."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        said: dict[str, Any] = settings.LOGGING
        for name in said["handlers"]["stderr"]["filters"]:
            self.addFilter(import_string(said["filters"][name]["()"])())

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@pytest.mark.parametrize("who", ["", "Ben"])
def test_a_refusal_is_logged_without_the_study_that_was_asked_for(who: str) -> None:
    log, kept = logging.getLogger("django.request"), _Kept()
    log.addHandler(kept)
    try:
        f.browser(who).get(f"/dicom-web/studies/{UID}/metadata")
        f.browser(who).get(f"/nowhere/{UID}")
    finally:
        log.removeHandler(kept)
    assert len(kept.lines) == 2
    assert not any(UID in line for line in kept.lines)
