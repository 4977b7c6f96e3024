"""What must not be so stops the start."""

from typing import Any

import pytest
from django.db import connection

from portal.checks import stop_if_unfit, the_portal_stays_behind_the_wall
from tests.roles import owner_comes

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql]


def test_the_web_role_is_fit() -> None:
    assert the_portal_stays_behind_the_wall(None) == []
    stop_if_unfit()


def test_the_owner_does_not_start_the_portal() -> None:
    with owner_comes():
        (found,) = the_portal_stays_behind_the_wall(None)
        assert "The role handover of DATABASE_URL is held by no row-level security" in found.msg
        assert "docker/postgres/web_role.sql" in str(found.hint)
        with pytest.raises(SystemExit, match="Handover does not start"):
            stop_if_unfit()


def test_the_owner_migrates_and_serves_the_demo(settings: Any) -> None:
    with owner_comes():
        assert the_portal_stays_behind_the_wall(None, databases=["default"]) == []
        settings.DEMO = True
        assert the_portal_stays_behind_the_wall(None) == []


def test_a_database_that_is_away_is_not_the_starts_business() -> None:
    connection.close()
    port, connection.settings_dict["PORT"] = connection.settings_dict["PORT"], "1"
    try:
        assert the_portal_stays_behind_the_wall(None) == []
    finally:
        connection.settings_dict["PORT"] = port
