"""Row-level security (decision 8); PostgreSQL alone has it."""

from django.db import migrations

from sharing.kernel.policies import OF_THE_ASKER, Wall, of_institution, of_parent

# As `accounts` has it: a person's own tokens are seen from wherever they work.
MEMBERSHIP = of_institution("accounts_membership", or_seen=OF_THE_ASKER.format("user_id"))
MACHINE = of_institution("credentials_machineclient")
WALL = Wall(
    of_parent("credentials_apitoken", "membership_id", MEMBERSHIP),
    MACHINE,
    of_parent("credentials_machinecertificate", "client_id", MACHINE),
    of_parent("credentials_usedassertion", "client_id", MACHINE),
    of_parent("credentials_machinetoken", "client_id", MACHINE),
)


class Migration(migrations.Migration):
    dependencies = [("credentials", "0004_certificates_of_machines"), ("accounts", "0001_initial")]
    operations = [migrations.RunPython(WALL.put_up, WALL.take_down)]
