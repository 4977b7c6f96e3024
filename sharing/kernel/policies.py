"""The statements that build the wall: row-level security, for the migrations of every app (decision 8).

A table is read where its row is of an institution in `handover.own` (or, for images, in
`handover.reads`), and written where it is in `handover.own`. Each setting is read once a statement
(`(SELECT …)`), not once a row. What is not set shows nothing and takes nothing.
"""

import dataclasses
from typing import Any

SYSTEM = "(SELECT current_setting('handover.asker', true)) = 'system'"
# The outer cast makes it an array and no list of rows.
LIST = "ANY ((SELECT nullif(current_setting('handover.{}', true), '')::uuid[])::uuid[])"
OWN, READS = LIST.format("own"), LIST.format("reads")
OF_THE_ASKER = "{}::text = (SELECT current_setting('handover.asker', true))"


@dataclasses.dataclass(frozen=True, slots=True)
class Guard:
    """When a row of `table` can be seen, and when it can be added, changed and removed."""

    table: str
    seen: str
    written: str
    key: str = "id"


def of_institution(
    table: str, *columns: str, shared: bool = False, or_seen: str = "", or_written: str = ""
) -> Guard:
    """Rows that name their institution, in `institution_id` or in one of `columns`.

    `shared`: images, which partners read too.
    """
    named = columns or ("institution_id",)
    written = [f"{column} = {OWN}" for column in named] + ([or_written] if or_written else [])
    seen = [f"{column} = {READS if shared else OWN}" for column in named]
    seen += [or_seen] if or_seen else []
    return Guard(table, " OR ".join(seen), " OR ".join(written))


def of_parent(table: str, key: str, parent: Guard) -> Guard:
    """Rows that belong to a row of `parent`, which `key` names."""
    joined = f"{parent.table}.{parent.key} = {table}.{key}"
    found = f"EXISTS (SELECT 1 FROM {parent.table} WHERE {joined} AND ({{}}))"  # noqa: S608
    return Guard(table, found.format(parent.seen), found.format(parent.written))


class Wall:
    """Puts guards up and takes them down: `migrations.RunPython(wall.put_up, wall.take_down)`."""

    def __init__(self, *guards: Guard) -> None:
        self.guards = guards

    def put_up(self, apps: Any, editor: Any) -> None:
        if editor.connection.vendor == "postgresql":
            for guard in self.guards:
                for statement in put_up(guard):
                    editor.execute(statement)

    def take_down(self, apps: Any, editor: Any) -> None:
        if editor.connection.vendor == "postgresql":
            for guard in self.guards:
                for statement in take_down(guard.table):
                    editor.execute(statement)


def put_up(guard: Guard) -> list[str]:
    seen, written = f"{SYSTEM} OR {guard.seen}", f"{SYSTEM} OR {guard.written}"
    table = guard.table
    return [
        *enabled(table),
        f"CREATE POLICY seen ON {table} FOR SELECT USING ({seen})",
        f"CREATE POLICY added ON {table} FOR INSERT WITH CHECK ({written})",
        f"CREATE POLICY changed ON {table} FOR UPDATE USING ({written}) WITH CHECK ({written})",
        f"CREATE POLICY removed ON {table} FOR DELETE USING ({written})",
    ]


def enabled(table: str) -> list[str]:
    """FORCE: the tables' owner, who migrates, is no exception."""
    return [f"ALTER TABLE {table} {verb} ROW LEVEL SECURITY" for verb in ("ENABLE", "FORCE")]


def take_down(table: str) -> list[str]:
    policies = ("seen", "added", "changed", "removed")
    return [
        *(f"DROP POLICY IF EXISTS {name} ON {table}" for name in policies),
        f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY",
        f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY",
    ]
