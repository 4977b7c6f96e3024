"""Row-level security (decision 8); PostgreSQL alone has it."""

from django.db import migrations

from sharing.kernel.policies import Wall, of_institution, of_parent

LINK = of_institution("links_sharelink")
WALL = Wall(
    LINK,
    of_parent("links_linkitem", "link_id", LINK),
    of_parent("links_claim", "link_id", LINK),
    of_parent("links_mailboxcode", "link_id", LINK),
)


class Migration(migrations.Migration):
    dependencies = [("links", "0001_initial")]
    operations = [migrations.RunPython(WALL.put_up, WALL.take_down)]
