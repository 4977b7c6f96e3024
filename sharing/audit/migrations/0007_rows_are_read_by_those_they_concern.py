"""Row-level security (decision 8); PostgreSQL alone has it.

A row concerns the institution that answers for what was touched, and the one whose member did it.
No policy lets anybody change or remove one, and nobody but the owner has the right to try.
"""

from django.db import migrations

from sharing.kernel.policies import OWN, SYSTEM, enabled, take_down

TABLE = "audit_auditevent"
CONCERNED = f"{SYSTEM} OR custodian_id = {OWN} OR actor_institution_id = {OWN}"
# Whoever had been given rights in advance (docker/postgres/web_role.sql) loses these here.
ONLY_ADDED = """
DO $$
DECLARE one record;
BEGIN
    FOR one IN
        SELECT DISTINCT table_name, privilege_type,
            CASE grantee WHEN 'PUBLIC' THEN grantee ELSE quote_ident(grantee) END AS whose
        FROM information_schema.role_table_grants
        WHERE table_schema = current_schema() AND grantee <> current_user
            AND (table_name = 'audit_auditevent' AND privilege_type IN ('UPDATE', 'DELETE', 'TRUNCATE')
                OR table_name = 'django_migrations' AND privilege_type <> 'SELECT')
    LOOP
        EXECUTE 'REVOKE ' || one.privilege_type || ' ON ' || one.table_name || ' FROM ' || one.whose;
    END LOOP;
END
$$
"""


def forwards(apps, editor) -> None:
    if editor.connection.vendor != "postgresql":
        return
    for statement in (
        *enabled(TABLE),
        f"CREATE POLICY seen ON {TABLE} FOR SELECT USING ({CONCERNED})",
        f"CREATE POLICY added ON {TABLE} FOR INSERT WITH CHECK ({CONCERNED})",
        ONLY_ADDED,
    ):
        editor.execute(statement)


def backwards(apps, editor) -> None:
    if editor.connection.vendor == "postgresql":
        for statement in take_down(TABLE):
            editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("audit", "0006_partners_leave_their_name")]
    operations = [migrations.RunPython(forwards, backwards)]
