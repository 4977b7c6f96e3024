"""A machine's token as a principal: the machine, as far as the token's scopes go."""

import datetime

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from sharing.access import principal as principals
from sharing.access.principal import Principal
from sharing.accounts.models import Membership, User
from sharing.audit.actions import viewings
from sharing.audit.rules import Act, Outcome
from sharing.credentials.models import MachineCertificate, MachineClient, MachineToken
from sharing.credentials.rules.machines import (
    MACHINE_PREFIX,
    MachineState,
    Proof,
    actions_of,
    counts_at,
    is_within,
    with_keys,
)
from sharing.kernel import ids, secrets, wall
from sharing.kernel.durations import OUR_CLOCKS
from sharing.kernel.requests import Origin

NOTED_EVERY = datetime.timedelta(minutes=1)


def bearer(text: str, origin: Origin) -> Principal | None:
    """The principal of `hvm_<id>_<secret>`, or None when the token does not count (any more)."""
    found = token(text)
    if found is None or not is_within(origin.address, found.client.networks):
        return None
    if found.certificate and found.certificate != origin.certificate:
        _note_refusal(found, origin)
        return None
    with wall.acting_for(found.client.institution_id):
        _note_use(found.client)
    return machine(found, origin)


def token(text: str) -> MachineToken | None:
    """The live token that is written so."""
    prefix, _, rest = text.partition("_")
    if prefix != MACHINE_PREFIX or len(rest) < 24 or rest[22] != "_":
        return None
    try:
        token_id = ids.from_text(rest[:22])
    except ValueError:
        return None
    found = _live().filter(pk=token_id).select_related("client__institution", "client__account")
    with wall.system("whose token it is: by the token's id"):
        one = found.first()
    if one is None or not secrets.same(bytes(one.secret_digest), secrets.digest(rest[23:])):
        return None
    return one


def machine(of: MachineToken, origin: Origin) -> Principal:
    client = of.client
    return principals.machine(
        # Never saved: a machine has no role, and is no member whom anybody could promote.
        Membership(user=client.account, institution=client.institution),
        origin,
        id=str(client.pk),
        name=client.name,
        actions=actions_of(of.scopes) & actions_of(client.scopes),
        credential_id=str(of.pk),
        # Five minutes to begin in: what began in time may end, unless the machine is shut out.
        still_allowed=lambda: is_active(client, of.certificate),
    )


def known(client: MachineClient, origin: Origin, *, credential_id: str = "") -> Principal:
    """The machine as the audit names it, who may do nothing yet."""
    return principals.machine(
        Membership(user=client.account, institution=client.institution),
        origin,
        id=str(client.pk),
        name=client.name,
        actions=frozenset(),
        credential_id=credential_id,
        still_allowed=lambda: False,
    )


def of_account(user: User, origin: Origin) -> Principal | None:
    """The machine whose uploads are put down to this account, as the audit names it."""
    client = MachineClient.objects.filter(account=user).select_related("institution").first()
    return known(client, origin) if client else None


def is_active(client: MachineClient, certificate: str) -> bool:
    """Whether the machine may still do anything with this certificate, asked of the database."""
    now = timezone.now()
    still = MachineClient.objects.filter(with_keys(now), pk=client.pk, state=MachineState.ACTIVE)
    if not certificate:
        return still.filter(proof=Proof.KEY).exists()
    shown = MachineCertificate.objects.filter(counts_at(now), thumbprint=certificate)
    return still.filter(pk__in=shown.values("client")).exists()


def _live() -> QuerySet[MachineToken]:
    """What has not ended, nor has the machine, its keys or the certificate that it is bound to."""
    now = timezone.now()
    bound = MachineCertificate.objects.filter(
        counts_at(now), client=OuterRef("client"), thumbprint=OuterRef("certificate")
    )
    return MachineToken.objects.filter(
        with_keys(now, "client__"),
        Q(certificate="", client__proof=Proof.KEY) | Exists(bound),
        audience=settings.BASE_URL,
        created_at__lte=now + OUR_CLOCKS,
        expires_at__gt=now,
        client__state=MachineState.ACTIVE,
    )


def _note_refusal(token: MachineToken, origin: Origin) -> None:
    """A token in the wrong hands, it seems: one row, then counts, however often it is tried."""
    by = known(token.client, origin, credential_id=str(token.pk))
    facts = {"outcome": Outcome.REFUSED, "token": "certificate"}
    viewings.note(Act.ACCESS_REFUSED, by=by, facts=facts, counts={"tries": 1})


def _note_use(client: MachineClient) -> None:
    now = timezone.now()
    if client.last_used_at is None or now - client.last_used_at > NOTED_EVERY:
        MachineClient.objects.filter(pk=client.pk).update(last_used_at=now)
