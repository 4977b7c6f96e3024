"""Remind both sides that an agreement ends soon: once for each distance, also after a pause."""

import datetime
import uuid

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from sharing.access.rules import Action
from sharing.grants.models import Grant, GrantReminder
from sharing.grants.queries.lines import of_side
from sharing.grants.queries.offers import people_who_may
from sharing.grants.rules.states import OPEN_STATES, REMINDED_BEFORE
from sharing.jobs.work import Run
from sharing.mails.actions import queue
from sharing.mails.models import Mail
from sharing.mails.rules import Kind
from sharing.mails.work import Letter, deliver, mail_job


def remind() -> int:
    """Queue the mails that are due; for how many agreements."""
    now = timezone.now()
    longest = datetime.timedelta(days=max(REMINDED_BEFORE))
    ending = Grant.objects.filter(
        state__in=OPEN_STATES, version__valid_until__gt=now, version__valid_until__lte=now + longest
    )
    return sum(map(_reminded, list(ending.values_list("pk", flat=True))))


@transaction.atomic
def _reminded(pk: uuid.UUID) -> bool:
    """The nearest distance alone; those that were passed unnoticed are not made up for."""
    grant = Grant.objects.select_related("version").select_for_update(of=("self",)).get(pk=pk)
    days = _distance(grant)
    if days is None or grant.version is None:
        return False
    if GrantReminder.objects.filter(version=grant.version, days__lte=days).exists():
        return False
    GrantReminder.objects.create(version=grant.version, days=days)
    for institution_id in (grant.custodian_id, grant.recipient_id):
        for one in people_who_may(institution_id, Action.AGREE):
            queue(
                Kind.GRANT_ENDS,
                to=one.user.email,
                job="grants.mail-reminder",
                key=f"grant-ends:{grant.version_id}:{days}:{one.pk}",
                args={"grant": str(grant.pk), "membership": str(one.pk)},
                about=grant.pk,
                custodian_id=institution_id,
            )
    return True


def _distance(grant: Grant) -> int | None:
    """The least number of days that is not left any more, if that was so only after the agreement."""
    version = grant.version
    if version is None or version.agreed_at is None:
        return None
    passed = [
        days
        for days in REMINDED_BEFORE
        if version.agreed_at
        <= version.valid_until - datetime.timedelta(days=days)
        <= timezone.now()
        < version.valid_until
    ]
    return min(passed, default=None)


@mail_job("grants.mail-reminder")
def mail_reminder(run: Run, *, grant: str, membership: str) -> None:
    """Tell one person, unless the agreement ended or was renewed, or they may not agree any more."""

    def write(_mail: Mail) -> Letter | None:
        shown = of_side(uuid.UUID(grant), uuid.UUID(membership))
        if shown is None or _distance(shown.grant) is None or not shown.may_end:
            return None
        url = f"{settings.BASE_URL}/partners/{shown.grant.pk}/"
        context = {"line": shown, "url": url}
        return Letter("An agreement with a partner ends soon", "grants/mail/ends", context)

    deliver(run, write)
