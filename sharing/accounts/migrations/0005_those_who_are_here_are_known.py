from django.db import migrations
from django.utils import timezone

from sharing.kernel.ids import new_id


def tell(apps, schema_editor):
    """Institutions that are here already were made by the operator, who knows them."""
    Evidence = apps.get_model("accounts", "Evidence")
    for institution in apps.get_model("accounts", "Institution").objects.all():
        Evidence.objects.create(
            id=new_id(),
            institution=institution,
            kind="operator",
            begun_at=institution.created_at,
            proven_at=institution.created_at,
            checked_at=timezone.now(),
        )


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0004_institutions_show_who_they_are'),
    ]

    operations = [migrations.RunPython(tell, migrations.RunPython.noop)]
