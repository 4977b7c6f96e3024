"""Row-level security (decision 8); PostgreSQL alone has it."""

from django.db import migrations

from sharing.kernel.policies import Wall, of_institution

WALL = Wall(of_institution("mails_mail", "custodian_id"))


class Migration(migrations.Migration):
    dependencies = [("mails", "0004_reminders_of_agreements")]
    operations = [migrations.RunPython(WALL.put_up, WALL.take_down)]
