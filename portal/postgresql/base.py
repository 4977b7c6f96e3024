"""A connection that tells PostgreSQL who asks, before the first statement that is asked so.

What is told holds for the session, so it is told again only when it changes, and after a rollback,
which undoes it too. A connection is one thread's, and the wall is of the thread: what an earlier
request on it was told is compared before each statement, so it never holds for the next.
"""

from collections.abc import Callable
from typing import Any

from django.db.backends.postgresql import base

from sharing.kernel import wall
from sharing.kernel.wall import Scope

TELL = (
    "SELECT set_config('handover.own', %s, false), set_config('handover.reads', %s, false), "
    "set_config('handover.asker', %s, false)"
)


class DatabaseWrapper(base.DatabaseWrapper):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._told: Scope | None = None
        self._undoing = False
        self.execute_wrappers.append(self._behind_the_wall)

    def init_connection_state(self) -> None:
        self._told = None
        super().init_connection_state()

    def _behind_the_wall(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any
    ) -> Any:
        wanted = wall.current()
        if wanted != self._told and not self._undoing:
            self._tell(wanted)
        return execute(sql, params, many, context)

    def _tell(self, scope: Scope) -> None:
        self.validate_no_broken_transaction()
        told = (_array(scope.own), _array(scope.reads), scope.asker)
        with self.wrap_database_errors, self.connection.cursor() as cursor:
            cursor.execute(TELL, told)
        self._told = scope

    def _rollback(self) -> None:
        super()._rollback()  # type: ignore[misc]  # its types leave it out
        self._told = None

    def _savepoint_rollback(self, sid: str) -> None:
        # By a statement, which alone is taken in a transaction that has failed.
        self._undoing = True
        try:
            super()._savepoint_rollback(sid)  # type: ignore[misc]
        finally:
            self._undoing, self._told = False, None


def _array(institutions: frozenset[Any]) -> str:
    return "{" + ",".join(sorted(map(str, institutions))) + "}"
