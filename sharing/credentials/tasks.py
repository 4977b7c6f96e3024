"""What is done about credentials when nobody waits."""

from datetime import timedelta

from django.utils import timezone

from sharing.credentials.models import Asked, MachineToken, UsedAssertion
from sharing.credentials.rules.limits import minute_of
from sharing.jobs.work import Run, job

KEPT = timedelta(minutes=10)  # longer than any two clocks of ours differ
USED_KEPT = timedelta(days=3)  # a clock that is set back two days brings no assertion back


@job("credentials.sweep", every=timedelta(minutes=10))
def sweep(run: Run) -> None:
    """Drop used assertions, tokens and counts that have ended: by themselves they no longer count."""
    late = timezone.now() - KEPT
    UsedAssertion.objects.filter(expires_at__lt=late - USED_KEPT).delete()
    MachineToken.objects.filter(expires_at__lt=late).delete()
    Asked.objects.filter(minute__lt=minute_of(late)).delete()
