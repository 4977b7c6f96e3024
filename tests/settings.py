"""The settings of the tests: those of production, given as anybody gives them, by environment."""

import os
import tempfile
from pathlib import Path

# One folder for each process, so that workers beside each other never meet.
FOLDER = Path(tempfile.mkdtemp(prefix="handover-tests-"))

os.environ["VAR_DIR"] = str(FOLDER)
os.environ.setdefault("DATABASE_URL", f"sqlite:///{FOLDER}/handover.sqlite3")
for name in ("DEMO", "DEBUG", "BASE_URL", "STORAGE_URL", "SPOOL_DIR", "REDIS_URL", "EMAIL_HOST"):
    os.environ.pop(name, None)

from portal.settings import *  # noqa: E402, F403 the environment comes first
from portal.settings import DATABASES  # noqa: E402

if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # A file, as in the demo: in memory SQLite neither locks nor waits as it does there.
    DATABASES["default"]["TEST"] = {"NAME": str(FOLDER / "test.sqlite3")}

# Argon2 takes its time on purpose; a test that signs somebody in need not.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
# Nobody answers there: a test that wants DNS starts a server of its own and names it.
DNS_SERVERS = [("127.0.0.1", 9)]
