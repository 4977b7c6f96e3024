"""Row-level security (decision 8); PostgreSQL alone has it."""

from django.db import migrations

from sharing.kernel.policies import Wall, of_institution, of_parent

STUDY = of_institution("studies_study", shared=True)
INSTANCE = of_institution("studies_instance", shared=True)
WALL = Wall(
    of_institution("studies_patient", shared=True),
    STUDY,
    of_parent("studies_studytag", "study_id", STUDY),
    of_parent("studies_series", "study_id", STUDY),
    INSTANCE,
    of_parent("studies_instanceheader", "instance_id", INSTANCE),
)


class Migration(migrations.Migration):
    dependencies = [("studies", "0003_what_grants_ask_of_a_study")]
    operations = [migrations.RunPython(WALL.put_up, WALL.take_down)]
