"""Tell administrators in good time that keys, certificates and tokens of their institution end."""

import datetime
import uuid
from collections.abc import Iterator
from typing import NamedTuple

from django.conf import settings
from django.utils import timezone

from sharing.accounts.models import Membership
from sharing.accounts.rules import MembershipState, Role
from sharing.credentials.models import ApiToken, MachineCertificate, MachineClient
from sharing.credentials.rules.lifetimes import WARNED_BEFORE, warned_at
from sharing.credentials.rules.machines import MachineState, Proof
from sharing.jobs.work import Run, job
from sharing.mails.actions import queue
from sharing.mails.models import Mail
from sharing.mails.rules import Kind
from sharing.mails.work import Letter, deliver, mail_job


class Ending(NamedTuple):
    """Something that ends; `path` is where an administrator does something about it."""

    what: str
    id: uuid.UUID
    name: str
    began_at: datetime.datetime
    ends_at: datetime.datetime
    institution_id: uuid.UUID
    path: str


@job("credentials.warn-of-ends", every=datetime.timedelta(hours=1))
def warn(run: Run) -> None:
    """Queue the mails that are due; the key of each makes that it goes out once."""
    for one in endings():
        run.check()
        days = warned_at(now=timezone.now(), began_at=one.began_at, ends_at=one.ends_at)
        if days is not None:
            _queue(one, days)


def endings() -> Iterator[Ending]:
    """All that counts now and ends within the longest of the times of warning."""
    now = timezone.now()
    soon = (now, now + datetime.timedelta(days=max(WARNED_BEFORE)))
    machines = MachineClient.objects.filter(state=MachineState.ACTIVE, keys_end_at__range=soon)
    for machine in machines.exclude(proof=Proof.CERTIFICATE):
        assert machine.keys_end_at is not None  # filtered
        yield Ending(
            *("keys", machine.pk, machine.name, machine.created_at, machine.keys_end_at),
            *(machine.institution_id, f"/people/machines/{machine.pk}/"),
        )
    shown = MachineCertificate.objects.filter(
        client__state=MachineState.ACTIVE, ends_at__range=soon
    )
    for one in shown.select_related("client"):
        yield Ending(
            *("certificate", one.pk, one.client.name, one.begins_at, one.ends_at),
            *(one.client.institution_id, f"/people/machines/{one.client_id}/"),
        )
    tokens = ApiToken.objects.filter(
        revoked_at=None,
        expires_at__range=soon,
        membership__state=MembershipState.ACTIVE,
        membership__user__is_active=True,
    )
    for token in tokens.select_related("membership__user"):
        person = str(token.membership.user)
        yield Ending(
            *("token", token.pk, person, token.created_at, token.expires_at),
            *(token.membership.institution_id, "/people/tokens/"),
        )


def _queue(one: Ending, days: int) -> None:
    for administrator in _administrators(one.institution_id):
        queue(
            Kind.KEYS_END,
            to=administrator.user.email,
            job="credentials.mail-ending",
            key=f"ends:{one.what}:{one.id}:{one.ends_at:%Y%m%d%H%M}:{days}:{administrator.pk}",
            args={"what": one.what, "id": str(one.id), "administrator": str(administrator.pk)},
            about=one.id,
            custodian_id=one.institution_id,
        )


def _administrators(institution_id: uuid.UUID) -> list[Membership]:
    found = Membership.objects.filter(
        institution=institution_id,
        role=Role.ADMINISTRATOR,
        state=MembershipState.ACTIVE,
        user__is_active=True,
    )
    return list(found.select_related("user", "institution"))


@mail_job("credentials.mail-ending")
def mail_ending(run: Run, *, what: str, id: str, administrator: str) -> None:
    """Tell one administrator, unless meanwhile it ended or was renewed, or they are none any more."""

    def write(_mail: Mail) -> Letter | None:
        one = next((one for one in endings() if (one.what, str(one.id)) == (what, id)), None)
        if one is None:
            return None
        told = [who for who in _administrators(one.institution_id) if str(who.pk) == administrator]
        if not told:
            return None
        context = {
            "ending": one,
            "institution": told[0].institution,
            "url": settings.BASE_URL + one.path,
        }
        subject = "An access token ends soon" if what == "token" else "A machine’s access ends soon"
        return Letter(subject, "credentials/mail/ending", context)

    deliver(run, write)
