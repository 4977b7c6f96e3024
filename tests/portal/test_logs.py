"""The log tells what went wrong, and nothing of a patient."""

import contextlib
import logging
import os
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.utils.module_loading import import_string

from portal.logs import WithoutAddressesInLines
from tests import factories as f
from tests.peers import processes

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).resolve().parents[2]
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


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        (f"Error handling request GET /dicom-web/studies/{UID}", "GET /dicom-web"),
        (f"request http://images.example/c/1/studies/{UID}", "request /c"),
        (f"Invalid HTTP request line: 'GET /?PatientID={UID} HTTP'", "line: 'GET / HTTP'"),
        ("Listening at: http://127.0.0.1:8000 (7)", "Listening at: http://127.0.0.1:8000 (7)"),
    ],
)
def test_a_line_of_the_web_server_keeps_the_first_word_of_an_address(line: str, kept: str) -> None:
    record = logging.LogRecord("gunicorn.error", logging.ERROR, "", 1, "%s", (line,), None)
    WithoutAddressesInLines().filter(record)
    assert record.getMessage().endswith(kept)


def test_the_web_server_says_that_an_answer_failed_and_not_what_was_asked_for(
    tmp_path: Path,
) -> None:
    port, log = processes.free_port(), tmp_path / "web.log"
    command = [sys.executable, "-m", "gunicorn", "-c", str(ROOT / "portal/gunicorn.py")]
    environment = {
        **os.environ,
        "VAR_DIR": str(tmp_path),
        "DATABASE_URL": f"sqlite:///{tmp_path}/handover.sqlite3",
        "PORT": str(port),
        "WEB_WORKERS": "1",
        "JOBS_EMBEDDED": "no",
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "PYTHONPATH": str(ROOT),
    }
    server = processes.start(
        [*command, "tests.portal.failing:application"], log=log, environment=environment
    )
    try:
        for path in ("first", "later"):
            ask(port, f"GET /dicom-web/{path}/{UID}?PatientName={UID} HTTP/1.1\r\nHost: a\r\n\r\n")
        ask(port, f"GET /dicom-web/{UID} what is this\r\n\r\n")
        end = time.monotonic() + 30
        while log.read_text().count("Error handling request") < 2 and time.monotonic() < end:
            time.sleep(0.05)
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)
    said = log.read_text()
    assert said.count("RuntimeError: broke") == 2
    assert "GET /dicom-web\n" in said
    assert UID not in said


def ask(port: int, request: str) -> None:
    """Send a request and wait until the server has closed the line; first, until there is one."""
    end = time.monotonic() + 60
    while True:
        with contextlib.suppress(ConnectionRefusedError):
            line = socket.create_connection(("127.0.0.1", port), 60)
            break
        assert time.monotonic() < end, "the web server did not start"
        time.sleep(0.1)
    with line:
        line.sendall(request.encode())
        while line.recv(4096):
            pass
