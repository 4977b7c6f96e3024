"""Queue a mail, in the transaction of what it tells about."""

import datetime
import uuid
from contextlib import AbstractContextManager
from typing import Any

from sharing.jobs.actions import enqueue
from sharing.kernel import wall
from sharing.mails.models import Mail
from sharing.mails.rules import Kind


def queue(
    kind: Kind,
    *,
    to: str,
    job: str,
    key: str,
    args: dict[str, Any] | None = None,
    about: uuid.UUID | None = None,
    custodian_id: uuid.UUID | None = None,
    run_after: datetime.datetime | None = None,
) -> Mail:
    """Have the job `job` send one mail; it builds what the mail says, so that no secret waits.

    The job gets `args`, and the mail's row by `work.deliver`. The same `key` again is the same
    mail.
    """
    queued = enqueue(job, key=key, args=args, run_after=run_after)
    with _written_for(custodian_id):
        mail, _ = Mail.objects.get_or_create(
            pk=queued.pk,
            defaults={"kind": kind, "to": to, "about": about, "custodian_id": custodian_id},
        )
    return mail


def _written_for(custodian_id: uuid.UUID | None) -> AbstractContextManager[None]:
    if custodian_id is None:
        return wall.system("a mail that is of no institution is queued")
    return wall.acting_for(custodian_id)
