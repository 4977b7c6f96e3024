"""Row-level security (decision 8); PostgreSQL alone has it."""

from django.db import migrations

from sharing.kernel.policies import Wall, of_institution, of_parent

PROJECT = of_institution("research_project")
VAULT = of_parent("research_vault", "project_id", PROJECT)
RELEASE = of_institution("research_release")
WALL = Wall(
    PROJECT,
    VAULT,
    of_parent("research_pseudonym", "vault_id", PROJECT),  # a vault's key is its project's
    of_institution("research_profileversion"),
    of_institution("research_withdrawal"),
    RELEASE,
    of_parent("research_releasestudy", "release_id", RELEASE),
    of_parent("research_item", "release_id", RELEASE),
    of_parent("research_hold", "release_id", RELEASE),
    of_parent("research_certificate", "release_id", RELEASE),
)


class Migration(migrations.Migration):
    dependencies = [("research", "0001_releases")]
    operations = [migrations.RunPython(WALL.put_up, WALL.take_down)]
