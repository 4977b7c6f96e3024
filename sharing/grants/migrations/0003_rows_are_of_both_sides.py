"""Row-level security (decision 8); PostgreSQL alone has it.

A grant is of both its sides. Of a partner's machines a side sees those that its grants name.
"""

from django.db import migrations

from sharing.kernel.policies import Wall, of_institution, of_parent

GRANT = of_institution("grants_grant", "custodian_id", "recipient_id")
VERSION = of_parent("grants_grantversion", "grant_id", GRANT)
WALL = Wall(
    GRANT,
    VERSION,
    of_parent("grants_grantapproval", "version_id", VERSION),
    of_parent("grants_grantmachine", "grant_id", GRANT),
    of_parent("grants_grantday", "grant_id", GRANT),
    of_parent("grants_grantuse", "grant_id", GRANT),
    of_parent("grants_grantreminder", "version_id", VERSION),
    of_institution("grants_imagerequest", "asker_id", "asked_id"),
    of_institution("grants_offer", "sender_id", "recipient_id"),
)
# Looked for in the table of grants, where a side finds its own alone: that table's wall counts here.
NAMED = """
CREATE POLICY named_in_a_grant ON credentials_machineclient FOR SELECT USING (EXISTS (
    SELECT 1 FROM grants_grantmachine WHERE client_id = credentials_machineclient.id
))
"""
NAMED_BACK = "DROP POLICY named_in_a_grant ON credentials_machineclient"


def show(apps, editor) -> None:
    if editor.connection.vendor == "postgresql":
        editor.execute(NAMED)


def hide(apps, editor) -> None:
    if editor.connection.vendor == "postgresql":
        editor.execute(NAMED_BACK)


class Migration(migrations.Migration):
    dependencies = [
        ("grants", "0002_offers_and_requests"),
        ("credentials", "0005_rows_stay_within_their_institution"),
    ]
    operations = [
        migrations.RunPython(WALL.put_up, WALL.take_down),
        migrations.RunPython(show, hide),
    ]
