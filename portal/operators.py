"""Whoever works at the shell: for whom they act, and a database that is ready for it."""

from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from sharing.access import principal as principals
from sharing.access.principal import Principal
from sharing.accounts.models import Institution, Membership, User
from sharing.accounts.rules import MembershipState, Role
from sharing.kernel.requests import SHELL

LOCAL_ADDRESS = "operator@localhost"


def prepare_database() -> None:
    """Bring an embedded database up to date; a server's is its administrator's business."""
    executor = MigrationExecutor(connection)
    if not executor.migration_plan(executor.loader.graph.leaf_nodes()):
        return
    if connection.vendor != "sqlite":
        raise CommandError("The database is not up to date: run manage.py migrate first.")
    call_command("migrate", verbosity=0, interactive=False)


def principal(email: str = "") -> Principal:
    """The member for whom the shell acts: the named one, or the first who may upload.

    On a fresh embedded database there is nobody yet: an institution "This computer" is made.
    """
    members = Membership.objects.filter(
        state=MembershipState.ACTIVE,
        user__is_active=True,
        role__in=(Role.UPLOADER, Role.ADMINISTRATOR),
    ).select_related("user", "institution")
    if email:
        found = members.filter(user__email__iexact=email).order_by("created_at").first()
        if found is None:
            raise CommandError(f"Nobody who may upload signs in as {email}.")
    else:
        found = members.order_by("created_at").first() or _local_member()
    return principals.member(found, SHELL, credential="shell")


def _local_member() -> Membership:
    if connection.vendor != "sqlite" or Institution.objects.exists():
        raise CommandError("Nobody may upload yet. Invite somebody first, or say --as EMAIL.")
    institution = Institution.objects.create(name="This computer")
    user = User.objects.create_user(LOCAL_ADDRESS, name="Operator")
    return Membership.objects.create(user=user, institution=institution, role=Role.ADMINISTRATOR)
