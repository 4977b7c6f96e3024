"""Settings by environment: what a value does, and the sentence with which a bad one stops the start."""

import re
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

ROOT = Path(__file__).resolve().parents[2]
Start = Callable[..., dict[str, Any]]
KEY = "k" * 50


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Start:
    """The settings as a fresh process reads them, with these variables and no others of ours."""
    for name in set(re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', _settings_text())):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("VAR_DIR", str(tmp_path))

    def read(**given: str) -> dict[str, Any]:
        for name, value in given.items():
            monkeypatch.setenv(name, value)
        return runpy.run_path(str(ROOT / "portal/settings.py"))

    return read


def _settings_text() -> str:
    return (ROOT / "portal/settings.py").read_text()


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("DEBUG", "maybe", "DEBUG must be yes or no, not 'maybe'."),
        ("BASE_URL", "images.example.org", "BASE_URL must be the address that people use"),
        ("SECRET_KEY", "short", "SECRET_KEY must be at least 50 random characters"),
        ("TRUSTED_PROXIES", "10.0.0.1/8", "TRUSTED_PROXIES must name networks such as"),
        ("MTLS_URL", "http://x.example:8444", "MTLS_URL must be an address that begins with https"),
        ("MTLS_URL", "https://x.example:8444", "MTLS_URL needs TRUSTED_PROXIES: only a proxy of"),
        ("CLIENT_CERT_FORM", "der", "CLIENT_CERT_FORM must be rfc9440 or pem."),
        ("DATABASE_URL", "mysql://x/y", "DATABASE_URL must begin with sqlite:/// or postgresql://"),
        ("DATABASE_URL", "postgresql://u:p@h:one/d", "DATABASE_URL is no address of a database."),
        ("DATABASE_URL", "sqlite:file", "DATABASE_URL must name an absolute path"),
        ("REDIS_URL", "localhost:6379", "REDIS_URL must be empty or begin with redis://"),
        ("STORAGE_URL", "ftp://images", "STORAGE_URL must be file:///FOLDER or s3://BUCKET"),
        ("UPLOAD_MAX_GB", "0", "UPLOAD_MAX_GB must be a whole number from 1 to 10000, not '0'."),
        ("LINK_DAYS", "31", "LINK_DAYS must be a whole number from 1 to 30, not '31'."),
        ("EMAIL_PORT", "smtp", "EMAIL_PORT must be a whole number from 1 to 65535, not 'smtp'."),
        ("EMAIL_PORT_FILE", "/nowhere/port", "EMAIL_PORT_FILE names a file that cannot be read"),
        ("TIME_ZONE", "Mars", "TIME_ZONE must be a time zone such as Europe/Vienna."),
        ("LOG_LEVEL", "loud", "LOG_LEVEL must be DEBUG, INFO, WARNING, ERROR or CRITICAL."),
        ("VAR_DIR", "/dev/null/var", "VAR_DIR must be a folder that can be made and used"),
    ],
)
def test_a_bad_value_stops_the_start_with_a_sentence(
    start: Start, name: str, value: str, sentence: str
) -> None:
    with pytest.raises(ImproperlyConfigured, match=f"^{re.escape(sentence)}"):
        start(**{name: value})


def test_the_inside_of_errors_is_never_shown_to_the_world(start: Start) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"^DEBUG shows the inside of every error"):
        start(DEBUG="yes", BASE_URL="https://images.example.org", SECRET_KEY="x" * 50)


def test_a_sentence_about_the_database_does_not_tell_its_password(start: Start) -> None:
    with pytest.raises(ImproperlyConfigured) as refused:
        start(DATABASE_URL="postgresql://handover:hush@host:one/d")
    assert "hush" not in str(refused.value)


def test_at_the_shell_the_sentence_is_all_that_is_said(tmp_path: Path) -> None:
    given = {"DEBUG": "maybe", "VAR_DIR": str(tmp_path), "PATH": "/usr/bin:/bin"}
    command = [sys.executable, "manage.py", "check"]
    done = subprocess.run(command, cwd=ROOT, env=given, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "Handover does not start: DEBUG must be yes or no, not 'maybe'.\n"


def test_a_value_may_lie_in_a_file(start: Start, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(f"{KEY}\n")
    assert start(SECRET_KEY_FILE=str(secret))["SECRET_KEY"] == KEY


def test_a_value_given_twice_is_refused(start: Start, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(KEY)
    with pytest.raises(ImproperlyConfigured, match="SECRET_KEY and SECRET_KEY_FILE are both set"):
        start(SECRET_KEY=KEY, SECRET_KEY_FILE=str(secret))


def test_an_image_of_a_file_is_no_value(start: Start, tmp_path: Path) -> None:
    picture = tmp_path / "picture"
    picture.write_bytes(b"\xff\xd8\xff")
    with pytest.raises(ImproperlyConfigured, match="it is no text"):
        start(SECRET_KEY_FILE=str(picture))


def test_with_https_cookies_are_secure_and_the_secret_has_to_be_given(start: Start) -> None:
    with pytest.raises(ImproperlyConfigured, match="SECRET_KEY must be at least 50"):
        start(BASE_URL="https://images.example.org")
    made = start(BASE_URL="https://images.example.org", SECRET_KEY=KEY)
    assert made["SESSION_COOKIE_SECURE"]
    assert made["CSRF_COOKIE_SECURE"]
    assert made["SESSION_COOKIE_NAME"] == "__Host-session"
    assert made["SECURE_HSTS_SECONDS"] == 365 * 24 * 3600


def test_on_a_machine_of_ones_own_the_secret_is_made_once_and_is_its_owners(
    start: Start, tmp_path: Path
) -> None:
    first = start()["SECRET_KEY"]
    assert len(first) >= 50
    assert start()["SECRET_KEY"] == first
    assert (tmp_path / "secret_key").stat().st_mode & 0o077 == 0


def test_what_is_kept_is_open_to_nobody_else_on_the_machine(start: Start, tmp_path: Path) -> None:
    start(VAR_DIR=str(tmp_path / "kept"))
    assert (tmp_path / "kept").stat().st_mode & 0o077 == 0


def test_postgresql_is_given_by_one_address(start: Start) -> None:
    made = start(DATABASE_URL="postgresql://u%40h:p%2Fw@db:5433/handover?sslmode=require")
    found = made["DATABASES"]["default"]
    wanted = {"USER": "u@h", "PASSWORD": "p/w", "HOST": "db", "PORT": "5433", "NAME": "handover"}
    assert wanted.items() <= found.items()
    assert found["OPTIONS"] == {"sslmode": "require"}


def test_redis_moves_the_jobs_out_of_the_web_process(start: Start) -> None:
    assert start()["JOBS_EMBEDDED"] is True
    assert start(REDIS_URL="redis://localhost:6379/0")["JOBS_EMBEDDED"] is False


def test_small_files_go_beside_the_images_into_their_bucket(start: Start) -> None:
    made = start(
        STORAGE_URL="s3://images/general?region=eu-central-1",
        STORAGE_ACCESS_KEY="key",
        STORAGE_SECRET_KEY="secret",
    )
    options = made["STORAGES"]["default"]["OPTIONS"]
    assert (options["bucket_name"], options["location"]) == ("images", "general/files")
    assert (options["region_name"], options["access_key"]) == ("eu-central-1", "key")


def test_loading_the_web_server_opens_nothing_that_its_workers_would_share(tmp_path: Path) -> None:
    """It is loaded once and then forked: a connection or a thread would not survive that."""
    program = (
        "import os, portal.wsgi, portal.urls\n"
        "from django.db import connection\n"
        "print(connection.connection, len(os.listdir('/proc/self/task')))"
    )
    # NumPy's algebra keeps a thread that knows how to fork; told not to, what counts is ours.
    given = {"VAR_DIR": str(tmp_path), "PATH": "/usr/bin:/bin", "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-W", "ignore", "-c", program]
    done = subprocess.run(command, cwd=ROOT, env=given, capture_output=True, text=True, check=False)
    assert done.stdout == "None 1\n", done.stderr
