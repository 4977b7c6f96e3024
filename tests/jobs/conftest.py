"""What the tests of jobs share."""

from collections.abc import Iterator

import pytest
from django.db import connection

from sharing.jobs.work import registry
from tests.jobs import kinds  # noqa: F401  registers the jobs of the tests
from tests.roles import owner


@pytest.fixture(autouse=True)
def _own_kinds() -> Iterator[None]:
    """Only the tests' kinds; one that a test registers is unknown to the next."""
    registry.kinds()
    before = dict(registry._kinds)
    for name in before:
        if not name.startswith("tests."):
            del registry._kinds[name]
    yield
    registry._kinds.clear()
    registry._kinds.update(before)


@pytest.fixture
def effects(transactional_db: None) -> Iterator[type["Effects"]]:
    """A table without any constraint: what is written twice is there twice."""
    with owner() as cursor:
        cursor.execute("CREATE TABLE tests_effect (number integer)")
    yield Effects
    with owner() as cursor:
        cursor.execute("DROP TABLE tests_effect")


class Effects:
    @staticmethod
    def seen() -> list[int]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT number FROM tests_effect ORDER BY number")
            return [number for (number,) in cursor.fetchall()]
