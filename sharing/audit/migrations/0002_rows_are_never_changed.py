"""A trigger against changing or deleting a row, in each database's own words."""

from django.db import migrations

POSTGRESQL = """
CREATE FUNCTION audit_rows_are_never_changed() RETURNS trigger AS $$
BEGIN
    RAISE EXCEPTION 'audit rows are never changed or deleted';
END
$$ LANGUAGE plpgsql;
CREATE TRIGGER audit_rows_are_never_changed
    BEFORE UPDATE OR DELETE ON audit_auditevent
    FOR EACH ROW EXECUTE FUNCTION audit_rows_are_never_changed();
CREATE TRIGGER audit_table_is_never_emptied
    BEFORE TRUNCATE ON audit_auditevent
    FOR EACH STATEMENT EXECUTE FUNCTION audit_rows_are_never_changed();
"""
POSTGRESQL_BACK = """
DROP TRIGGER audit_table_is_never_emptied ON audit_auditevent;
DROP TRIGGER audit_rows_are_never_changed ON audit_auditevent;
DROP FUNCTION audit_rows_are_never_changed();
"""
SQLITE = [
    f"CREATE TRIGGER audit_rows_are_never_{done} BEFORE {verb} ON audit_auditevent "
    "BEGIN SELECT RAISE(ABORT, 'audit rows are never changed or deleted'); END"
    for done, verb in (("changed", "UPDATE"), ("deleted", "DELETE"))
]
SQLITE_BACK = [
    f"DROP TRIGGER audit_rows_are_never_{done}" for done in ("changed", "deleted")
]


def _run(editor, postgresql: str, sqlite: list[str]) -> None:
    for statement in [postgresql] if editor.connection.vendor == "postgresql" else sqlite:
        editor.execute(statement)


def forwards(apps, editor) -> None:
    _run(editor, POSTGRESQL, SQLITE)


def backwards(apps, editor) -> None:
    _run(editor, POSTGRESQL_BACK, SQLITE_BACK)


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]
    operations = [migrations.RunPython(forwards, backwards)]
