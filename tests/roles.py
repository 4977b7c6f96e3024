"""PostgreSQL as in production: the owner migrates, and whatever is tested comes as the web role."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from tests.peers.postgresql import WEB_ROLE

RIGHTS = Path(__file__).resolve().parents[1] / "docker/postgres/web_role.sql"
_owner: dict[str, Any] = {}


@contextmanager
def web_role() -> Iterator[None]:
    """Give the web role its rights in the tests' database, and come as it from now on."""
    from django.db import connection

    given = connection.settings_dict
    with connection.cursor() as cursor:
        cursor.execute(RIGHTS.read_text())
    _owner.update({name: given[name] for name in ("USER", "PASSWORD")})
    connection.close()
    given.update({"USER": WEB_ROLE, "PASSWORD": ""})
    try:
        yield
    finally:
        connection.close()
        given.update(_owner)


@contextmanager
def owner_comes() -> Iterator[None]:
    """Django itself comes as the owner, for as long as the block runs."""
    from django.db import connection

    given = connection.settings_dict
    web = {name: given[name] for name in _owner}
    connection.close()
    given.update(_owner)
    try:
        yield
    finally:
        connection.close()
        given.update(web)


@contextmanager
def owner() -> Iterator[Any]:
    """A cursor that may do what no request may: make tables, and empty them."""
    from django.db import connection

    if connection.vendor != "postgresql":
        with connection.cursor() as cursor:
            yield cursor
        return
    import psycopg

    given = connection.settings_dict
    place = {"host": given["HOST"], "port": given["PORT"], "dbname": given["NAME"]}
    who = {"user": _owner["USER"], "password": _owner["PASSWORD"] or None}
    with psycopg.connect(**place, **who, autocommit=True) as theirs, theirs.cursor() as cursor:
        yield cursor


def prepared(url: str) -> str:
    """Give the web role its rights in an empty database; that database's address for it."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as theirs:
        theirs.execute(RIGHTS.read_bytes())
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{quote(WEB_ROLE)}@{parts.netloc.rpartition('@')[2]}"))
