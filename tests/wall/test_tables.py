"""Every table with rows of institutions has its wall, and the wall holds, whatever the code asks."""

import importlib
import pkgutil
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.db import DatabaseError, connection, transaction
from django.db.models import Model
from django.utils import timezone

from sharing.accounts.models import Membership
from sharing.audit.models import AuditEvent
from sharing.credentials.models import MachineCertificate, MachineToken, UsedAssertion
from sharing.grants.models import GrantDay, GrantMachine, GrantReminder, GrantUse, ImageRequest
from sharing.kernel import wall
from sharing.kernel.policies import Wall
from sharing.kernel.wall import CLOSED, SYSTEM, Scope
from sharing.links.models import MailboxCode
from sharing.mails.models import Mail
from sharing.studies.models import Study, StudyTag
from tests import factories as f
from tests.architecture.test_routes import World
from tests.grants import making

ROOT = Path(__file__).resolve().parents[2]
# Without a wall, each for its reason. What is not here needs one: decision 8 says how.
WITHOUT = {
    "accounts_user": "people sign in before it is known where they work",
    "accounts_institution": "what an institution shows of itself to the others",
    "accounts_evidence": "what an institution shows of itself to the others",
    "accounts_signup": "whoever asks to be let in belongs to no institution",
    "accounts_tally": "counts of tries",
    "credentials_asked": "counts of tries",
    "jobs_job": "our own ids, and never anything of a patient",
    "jobs_worker": "names of processes",
    "jobs_idempotentrequest": "sealed with the asker's own key",
    "account_emailaddress": "of a person, before it is known where they work",
    "account_emailconfirmation": "of a person, before it is known where they work",
    "mfa_authenticator": "of a person, before it is known where they work",
    "django_session": "found by a secret key, before it is known who asks",
    "auth_permission": "Django's own, unused",
    "auth_group": "Django's own, unused",
    "auth_group_permissions": "Django's own, unused",
    "django_content_type": "Django's own names of tables",
}
READ_BY_ALL = {"accounts_department"}  # the directory names them
OF_BOTH_SIDES = "grants_"


def models() -> dict[str, type[Model]]:
    every = apps.get_models(include_auto_created=True)
    return {one._meta.db_table: one for one in every if one._meta.db_table not in WITHOUT}


def guarded() -> Iterator[str]:
    """The tables for which a migration puts a wall up."""
    yield "audit_auditevent"
    for app in apps.get_app_configs():
        if not app.name.startswith("sharing."):
            continue
        package = importlib.import_module(f"{app.name}.migrations") if _migrates(app) else None
        for _, name, _ in pkgutil.iter_modules(package.__path__ if package else ()):
            module = importlib.import_module(f"{app.name}.migrations.{name}")
            for value in vars(module).values():
                if isinstance(value, Wall):
                    yield from (guard.table for guard in value.guards)


def _migrates(app: Any) -> bool:
    return importlib.util.find_spec(f"{app.name}.migrations") is not None


def test_every_table_has_a_wall_or_a_reason() -> None:
    """Fails for a new model: see decision 8, and `sharing/kernel/policies.py`."""
    assert set(models()) == set(guarded())


def test_no_reason_is_left_of_a_table_that_is_gone() -> None:
    assert {one._meta.db_table for one in apps.get_models(include_auto_created=True)} >= set(
        WITHOUT
    )


@pytest.mark.postgresql
@pytest.mark.django_db
def test_every_wall_stands_and_holds_the_owner_too() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, relrowsecurity, relforcerowsecurity,"
            " (SELECT count(*) FROM pg_policy WHERE polrelid = pg_class.oid)"
            " FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace"
        )
        found = {name: (on, forced, count) for name, on, forced, count in cursor.fetchall()}
    for table in models():
        on, forced, policies = found[table]
        assert on, table
        assert forced, table
        assert policies, table
    beside = {"django_migrations", "accounts_cache"}
    assert set(found) == set(models()) | set(WITHOUT) | beside


@pytest.fixture
def worlds(db: None) -> tuple[World, World]:
    """General and Mercy, with a row in every table, and a grant between them."""
    general, mercy = World(), World("Matteo", "Cleo", "Cleo", number=2)
    now = timezone.now()
    for world in (general, mercy):
        study, link, client = (
            str(world.names[name]) for name in ("study_id", "link_id", "client_id")
        )
        StudyTag.objects.create(study_id=study, label="second opinion")
        MailboxCode.objects.create(link_id=link, expires_at=now)
        MachineCertificate.objects.create(
            client_id=client,
            thumbprint=f"{client}",
            subject="CN=x",
            begins_at=now,
            ends_at=now,
        )
        UsedAssertion.objects.create(client_id=client, jti_digest=b"x", expires_at=now)
        MachineToken.objects.create(client_id=client, secret_digest=b"x", expires_at=now)
    grant, matteo = making.grant(), f.member("Matteo").user
    GrantMachine.objects.create(
        grant=grant, client_id=str(mercy.names["client_id"]), added_by=matteo
    )
    images = Study.objects.get(pk=str(general.names["study_id"]))
    making.sent(images)
    ImageRequest.objects.create(
        asker=grant.recipient, asked=grant.custodian, created_by=matteo, expires_at=now
    )
    Mail.objects.create(pk=uuid.uuid4(), to="pat@x.example", custodian_id=grant.custodian_id)
    Mail.objects.create(pk=uuid.uuid4(), to="pat@x.example", custodian_id=grant.recipient_id)
    GrantDay.objects.create(grant=grant, day=now)
    GrantUse.objects.create(grant=grant, day=now, study=images)
    GrantReminder.objects.create(version=grant.versions.get(), days=7)
    return general, mercy


def rows(scope: Scope, table: str) -> set[Any]:
    with wall.scoped(scope), connection.cursor() as cursor:
        cursor.execute(f"SELECT {key(table)} FROM {table}")
        return {one for (one,) in cursor.fetchall()}


def key(table: str) -> str:
    return str(models()[table]._meta.pk.column)


def of(name: str) -> Scope:
    institution = frozenset({f.member(name).institution_id})
    return Scope(own=institution, reads=institution, asker=str(f.member(name).user_id))


STRANGER = Scope(
    own=frozenset({uuid.uuid4()}), reads=frozenset({uuid.uuid4()}), asker=str(uuid.uuid4())
)


@pytest.mark.postgresql
def test_nobody_sees_a_row_of_another_institution(worlds: tuple[World, World]) -> None:
    counted = {}
    for table in sorted(set(models()) - READ_BY_ALL):
        generals = theirs(table)
        assert generals <= rows(of("Ada"), table) <= rows(SYSTEM, table)
        assert generals, f"{table}: there is nothing to see"
        if not table.startswith(OF_BOTH_SIDES):
            assert not generals & rows(of("Matteo"), table), table
            counted[table] = len(generals)
        assert not rows(STRANGER, table), table
        assert not rows(CLOSED, table), table
    print(f"{len(counted)} tables, {sum(counted.values())} rows of General: Mercy sees 0 of them")


@pytest.mark.postgresql
@pytest.mark.parametrize("who", ["Mercy", "a stranger", "nobody"])
def test_nobody_touches_a_row_of_another_institution(worlds: tuple[World, World], who: str) -> None:
    scope = {"Mercy": of("Matteo"), "a stranger": STRANGER, "nobody": CLOSED}[who]
    for table in sorted(models()):
        if who == "Mercy" and table.startswith(OF_BOTH_SIDES):
            continue
        generals = theirs(table)
        for statement in (
            f"UPDATE {table} SET {key(table)} = {key(table)} WHERE {key(table)} = ANY(%s)",
            f"DELETE FROM {table} WHERE {key(table)} = ANY(%s)",
        ):
            assert changed(scope, statement, [list(generals)]) == 0, statement


def theirs(table: str) -> set[Any]:
    """The rows that General alone may change; of the audit, which nobody may, those of its own."""
    if table == "audit_auditevent":
        general = f.member("Ada").institution_id
        own = AuditEvent.objects.filter(custodian_id=general, actor_institution_id=general)
        return set(own.values_list("pk", flat=True))
    with wall.scoped(of("Ada")), connection.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET {key(table)} = {key(table)} RETURNING {key(table)}")
        return {one for (one,) in cursor.fetchall()}


def changed(scope: Scope, statement: str, values: list[Any]) -> int:
    """How many rows a statement would have changed; what it did is undone."""
    with transaction.atomic(), wall.scoped(scope), connection.cursor() as cursor:
        sid = transaction.savepoint()
        try:
            cursor.execute(statement, values)
            count = int(cursor.rowcount)
        except DatabaseError:
            # The role has no right to it at all; any other error is a mistake of this test.
            if "audit_auditevent" not in statement:
                raise
            count = 0
        transaction.savepoint_rollback(sid)
    return count


@pytest.mark.postgresql
@pytest.mark.parametrize("who", ["Mercy", "a stranger", "nobody"])
def test_nobody_adds_a_row_to_another_institution(worlds: tuple[World, World], who: str) -> None:
    scope = {"Mercy": of("Matteo"), "a stranger": STRANGER, "nobody": CLOSED}[who]
    for table, model in sorted(models().items()):
        if who == "Mercy" and table.startswith(OF_BOTH_SIDES):
            continue
        row = model._default_manager.get(pk=min(theirs(table)))
        with (
            pytest.raises(DatabaseError, match="row-level security"),
            wall.scoped(scope),
            transaction.atomic(),
        ):
            model._default_manager.bulk_create([row])


@pytest.mark.postgresql
def test_a_row_is_not_given_away(worlds: tuple[World, World]) -> None:
    """What one may change, one may not make another institution's."""
    mercy = f.member("Matteo").institution_id
    tables = [name for name, one in models().items() if hasattr(one, "institution_id")]
    assert len(tables) > 6
    for table in tables:
        if table.startswith(OF_BOTH_SIDES):
            continue
        with (
            pytest.raises(DatabaseError, match="row-level security"),
            wall.scoped(of("Ada")),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(f"UPDATE {table} SET institution_id = %s", [mercy])


@pytest.mark.postgresql
def test_a_partner_reads_images_and_changes_none(worlds: tuple[World, World]) -> None:
    general, mercy = (f.member(name).institution_id for name in ("Ada", "Matteo"))
    partner = Scope(own=frozenset({mercy}), reads=frozenset({mercy, general}))
    images = {"patient", "study", "series", "instance", "instanceheader"}
    for table in (f"studies_{one}" for one in images):
        generals = rows(of("Ada"), table)
        assert generals <= rows(partner, table), table
        statement = f"DELETE FROM {table} WHERE {key(table)} = ANY(%s)"
        assert changed(partner, statement, [list(generals)]) == 0, table
    for table in ("links_sharelink", "ingest_upload", "accounts_membership", "audit_auditevent"):
        assert not theirs(table) & rows(partner, table), table


@pytest.mark.postgresql
@pytest.mark.django_db
def test_a_person_sees_their_own_memberships_wherever_they_work_now() -> None:
    ada, cleo = f.member("Ada"), f.member("Cleo")
    elsewhere = Membership.objects.create(
        user=ada.user, institution=cleo.institution, role=ada.role
    )
    assert {ada.pk, elsewhere.pk} <= rows(of("Ada"), "accounts_membership")
    assert cleo.pk not in rows(of("Ada"), "accounts_membership")


SYSTEMS = re.compile(r"(?:wall\.system\(|WHO_ASKS = )\"([^\"]+)\"")


def test_what_sees_everything_stands_in_the_decision() -> None:
    """Each block that is open to everything, by why it is: none that nobody decided on."""
    code = [ROOT / "manage.py", *ROOT.glob("portal/**/*.py"), *ROOT.glob("sharing/**/*.py")]
    asked = {why for path in code for why in SYSTEMS.findall(path.read_text())}
    (decision,) = ROOT.glob("sharing/decisions/*-a-wall-behind-the-gate.md")
    written = set(re.findall(r'^  - "([^"]+)"', decision.read_text(), re.MULTILINE))
    assert asked == written
    calls = sum(path.read_text().count("wall.system(") for path in code)
    named = sum(
        len(re.findall(r"wall\.system\((?:\"|WHO_ASKS)", path.read_text())) for path in code
    )
    assert calls == named
