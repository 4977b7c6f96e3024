"""The few statements that every file pays for, in SQL of both databases.

Measured: with the ORM's own compiling of them, a file costs half as much again.
"""

import functools
import uuid
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection
from django.db.models import Field, Model

from sharing.studies.models import Instance, Series, Study


def insert(rows: Sequence[Model]) -> None:
    """Add rows of one model, whose primary keys are set."""
    if not rows:
        return
    fields = type(rows[0])._meta.concrete_fields
    values = [[_prepared(field, getattr(row, field.attname)) for field in fields] for row in rows]
    with connection.cursor() as cursor:
        cursor.executemany(_insertion(type(rows[0])), values)


@functools.cache
def _insertion(model: type[Model]) -> str:
    quote = connection.ops.quote_name
    columns = [quote(field.column or "") for field in model._meta.concrete_fields]
    table = quote(model._meta.db_table)
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({_places(len(columns))})"


PLAIN = frozenset({int, str, bytes, bool, type(None)})  # what both databases take as it is


def _prepared(field: "Field[Any, Any]", value: Any) -> Any:
    return value if type(value) in PLAIN else field.get_db_prep_save(value, connection)


def known(
    institution_id: uuid.UUID, hashes: Sequence[bytes], uids: Sequence[str]
) -> Iterable[tuple[uuid.UUID, bytes, str, int]]:
    """Id, SHA-256, UID and variant of the instances with one of these hashes or UIDs."""
    institution = _prepared(Instance._meta.get_field("institution"), institution_id)
    field = Instance._meta.get_field("sha256")
    prepared = [_prepared(field, one) for one in hashes]
    with connection.cursor() as cursor:
        cursor.execute(
            known_sql(len(hashes), len(uids)), [institution, *prepared, institution, *uids]
        )
        for pk, sha256, uid, variant in cursor.fetchall():
            yield (pk if isinstance(pk, uuid.UUID) else uuid.UUID(pk)), bytes(sha256), uid, variant


def known_sql(hashes: int, uids: int) -> str:
    """By hash, then by UID: asked for both in one, SQLite reads all that an institution has."""
    table = connection.ops.quote_name(Instance._meta.db_table)
    select = f"SELECT id, sha256, uid, variant FROM {table} WHERE institution_id = %s AND "
    return f"{select} sha256 IN ({_places(hashes)}) UNION {select} uid IN ({_places(uids)})"


def _places(count: int) -> str:
    return ", ".join(["%s"] * count)


def add_to(model: type[Study] | type[Series], pk: uuid.UUID, at: Any, **counts: int) -> None:
    """Add to a row's counts; of a study, say when something last arrived."""
    changes = {f"{name} = {name} + %s": count for name, count in counts.items() if count}
    values: list[Any] = list(changes.values())
    if model is Study:
        changes["last_arrived_at = %s"] = 0
        values.append(_prepared(Study._meta.get_field("last_arrived_at"), at))
    table = connection.ops.quote_name(model._meta.db_table)
    values.append(_prepared(model._meta.pk, pk))
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET {', '.join(changes)} WHERE id = %s", values)
