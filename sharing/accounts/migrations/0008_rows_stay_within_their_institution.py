"""Row-level security (decision 8); PostgreSQL alone has it."""

from django.db import migrations

from sharing.kernel.policies import OF_THE_ASKER, OWN, Guard, Wall, of_institution

# A person sees their own memberships, also where they do not work now.
MEMBERSHIP = of_institution("accounts_membership", or_seen=OF_THE_ASKER.format("user_id"))
WALL = Wall(
    MEMBERSHIP,
    of_institution("accounts_invitation"),
    # The directory names the departments of whoever wants to be found.
    Guard("accounts_department", seen="true", written=f"institution_id = {OWN}"),
)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0007_people_by_address")]
    operations = [migrations.RunPython(WALL.put_up, WALL.take_down)]
