"""What is done about grants when nobody waits."""

from datetime import timedelta

from sharing.grants.work import offers
from sharing.grants.work.clock import tick
from sharing.grants.work.reminders import remind
from sharing.jobs.work import Run, job


@job("grants.clock", every=timedelta(minutes=1), soft=timedelta(minutes=5))
def clock(run: Run) -> None:
    """Begin and end grants whose day has come."""
    tick()


@job("grants.offers", every=timedelta(minutes=1), soft=timedelta(minutes=5))
def offers_over(run: Run) -> None:
    """Say of what was sent or asked for that its last day is over."""
    offers.tick()


@job("grants.reminders", every=timedelta(hours=1), soft=timedelta(minutes=5))
def reminders(run: Run) -> None:
    """Remind both sides of agreements that end in thirty days, in seven and on the next."""
    remind()
