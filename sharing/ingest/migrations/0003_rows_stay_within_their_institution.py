"""Row-level security (decision 8); PostgreSQL alone has it."""

from django.db import migrations

from sharing.kernel.policies import Wall, of_institution, of_parent

UPLOAD = of_institution("ingest_upload")
WALL = Wall(UPLOAD, of_parent("ingest_uploadfile", "upload_id", UPLOAD))


class Migration(migrations.Migration):
    dependencies = [("ingest", "0002_files_without_doubled_indexes")]
    operations = [migrations.RunPython(WALL.put_up, WALL.take_down)]
