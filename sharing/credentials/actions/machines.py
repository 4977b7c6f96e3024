"""Add machines, change their keys, shut them out: each with its row in the audit."""

import datetime
import uuid
from collections.abc import Iterable
from typing import Any

from django.db import IntegrityError, transaction

from sharing.access import gate
from sharing.access.principal import Principal
from sharing.access.rules import Action
from sharing.accounts.models import User
from sharing.audit.actions import record
from sharing.audit.rules import Act
from sharing.credentials.actions import certificates
from sharing.credentials.models import MachineClient, MachineToken
from sharing.credentials.queries.machines import own_machine
from sharing.credentials.rules.machines import MOVES, SCOPES, MachineState, Proof
from sharing.credentials.work import keys
from sharing.credentials.work.fetching import FetchError, check_address
from sharing.kernel.errors import ConflictError, InvalidInputError
from sharing.kernel.ids import random_id


def add_machine(
    *,
    name: str,
    scopes: Iterable[str],
    by: Principal,
    jwks: str = "",
    jwks_url: str = "",
    networks: Iterable[str] = (),
    keys_end_at: datetime.datetime | None = None,
    proof: Proof = Proof.KEY,
    pem: str = "",
) -> MachineClient:
    """Let a program of one's institution sign in by itself.

    Raises
    ------
    InvalidInputError
        The keys or the certificate cannot be used, or a scope is none.
    ConflictError
        The institution has a machine of this name.
    """
    gate.permit(by, Action.ADMINISTER)
    assert by.membership is not None  # ADMINISTER is a member's action
    wanted = sorted(set(scopes))
    if not wanted or not set(wanted) <= SCOPES.keys():
        raise InvalidInputError("Choose what it may do.", fields={"scopes": ["Choose some."]})
    certificates.check_served(proof)
    if proof != Proof.KEY and not pem:
        told = "Give the certificate that it will show."
        raise InvalidInputError(told, fields={"pem": [told]})
    client_id, keyless = random_id(), proof == Proof.CERTIFICATE and not (jwks or jwks_url)
    try:
        with transaction.atomic():
            client = MachineClient.objects.create(
                id=client_id,
                institution=by.membership.institution,
                account=_account(client_id, name),
                name=name,
                scopes=wanted,
                networks=list(networks),
                keys_end_at=keys_end_at,
                proof=proof,
                created_by=by.membership.user,
                **({} if keyless else _keys(jwks, jwks_url)),
            )
            record(Act.MACHINE_ADDED, by=by, machine=name, client=str(client_id), scopes=wanted)
            if pem:
                certificates.add(client, pem, by=by)
    except IntegrityError as error:
        raise ConflictError("A machine of this name is there already.") from error
    return client


def change_keys(
    client_id: uuid.UUID,
    *,
    by: Principal,
    jwks: str = "",
    jwks_url: str = "",
    keys_end_at: datetime.datetime | None = None,
) -> MachineClient:
    """Give a machine other keys; those that are not among them end at once."""
    client = own_machine(client_id, by)
    if client.state == MachineState.REVOKED:
        raise ConflictError("This machine is revoked for good.")
    changes = _keys(jwks, jwks_url)
    with transaction.atomic():
        MachineClient.objects.filter(pk=client.pk).update(**changes, keys_end_at=keys_end_at)
        record(Act.MACHINE_CHANGED, by=by, what="keys", machine=client.name, client=str(client.pk))
    return client


def move(client_id: uuid.UUID, then: MachineState, *, by: Principal) -> MachineClient:
    """Suspend, resume or revoke a machine; what ends takes its tokens along.

    Raises
    ------
    ConflictError
        It cannot be moved so from where it is, or somebody else was first.
    """
    client = own_machine(client_id, by)
    before = [now for now, moves in MOVES.items() if then in moves]
    with transaction.atomic():
        movable = MachineClient.objects.filter(pk=client.pk, state__in=before)
        if not movable.update(state=then):
            raise ConflictError(f"{client.name} is {client.get_state_display().lower()}.")
        if then != MachineState.ACTIVE:
            MachineToken.objects.filter(client=client).delete()
        record(
            Act.MACHINE_CHANGED, by=by, what=str(then), machine=client.name, client=str(client.pk)
        )
    return client


def _account(client_id: uuid.UUID, name: str) -> User:
    """A closed account: no password, no mailbox, never active."""
    user = User(email=f"{client_id}@machines.invalid", name=name, is_active=False)
    user.set_unusable_password()
    user.save()
    return user


def _keys(jwks: str, jwks_url: str) -> dict[str, Any]:
    """What to keep of the keys; those at an address are fetched when they are needed first."""
    if bool(jwks) == bool(jwks_url):
        told = "Give the keys themselves, or the address where they are: one of both."
        raise InvalidInputError(told, fields={"jwks": [told]})
    try:
        kept = keys.read(jwks) if jwks else {}
        if jwks_url:
            check_address(jwks_url)
    except keys.KeySetError as error:
        raise InvalidInputError(str(error), fields={"jwks": [str(error)]}) from error
    except FetchError as error:
        raise InvalidInputError(str(error), fields={"jwks_url": [str(error)]}) from error
    return {"jwks": kept, "jwks_url": jwks_url, "keys_fetched_at": None, "keys_asked_at": None}
