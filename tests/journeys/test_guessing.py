"""Whoever guesses a password is stopped, whichever process of the web server they meet."""

import http.cookiejar
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator

import pytest

from tests.served import Served, serve

BEN = "ben@general.example"
ENOUGH = 5


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One of its own, or the visitors from this address would be stopped in all other journeys."""
    portal = serve(tmp_path_factory.mktemp("guessed"), {"WEB_WORKERS": "2"})
    yield portal
    portal.stop()


def tried(portal: Served, password: str) -> str:
    """The address that the browser ends at, and the page."""
    jar = http.cookiejar.CookieJar()
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    page = f"{portal.address}/accounts/login/"
    browser.open(page, timeout=60).close()
    (token,) = (cookie.value or "" for cookie in jar if cookie.name == "csrf")
    form = urllib.parse.urlencode({"login": BEN, "password": password}).encode()
    asked = urllib.request.Request(page, form, {"X-CSRFToken": token})
    with browser.open(asked, timeout=60) as answer:
        return f"{answer.geturl()} {answer.read().decode()}"


def test_five_wrong_guesses_close_the_door_in_every_process(portal: Served) -> None:
    assert f"{portal.address}/ " in tried(portal, portal.password)
    for guess in range(ENOUGH):
        assert "Too many" not in tried(portal, f"guess number {guess} of many")
    # Each on a connection of its own, so that both processes are met.
    answers = [tried(portal, portal.password) for _ in range(12)]
    assert all("Too many" in answer for answer in answers)
    # Kept in the database, so a restart opens no door; and Ben's address is not written there.
    counted = portal.manage("shell", "--verbosity", "0", "-c", COUNT)
    assert int(counted.split()[-1]) >= ENOUGH


COUNT = """
from django.db import connection
from django.core.cache import cache
with connection.cursor() as cursor:
    cursor.execute("SELECT cache_key FROM accounts_cache")
    keys = [key.split(":", 2)[2] for (key,) in cursor.fetchall()]
assert not any("ben" in key for key in keys), keys
print(max(len(cache.get(key) or []) for key in keys if "login_failed" in key))
"""
