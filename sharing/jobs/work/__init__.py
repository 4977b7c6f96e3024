"""Running jobs: the registry of kinds, one run, the sweeper, and the threads that do it here.

An app registers what it can do in its `work` or `tasks`:

    @job("ingest.unpack", soft=timedelta(hours=1))
    def unpack(run: Run, *, file: str) -> None: ...

A job may run twice: a worker can die after the work and before the row says so. Work that must
have its effect once writes it under `with run.finishing():`, which commits the effect and the end
of the job together, or neither.
"""

from sharing.jobs.work.registry import Kind, job, kind, kinds
from sharing.jobs.work.running import (
    JobCancelledError,
    LeaseLostError,
    Run,
    TimeUpError,
    claim,
    claim_next,
    execute,
)
from sharing.jobs.work.sweeping import Swept, sweep
from sharing.jobs.work.threads import Runner, start_embedded, wake

__all__ = [
    "JobCancelledError",
    "Kind",
    "LeaseLostError",
    "Run",
    "Runner",
    "Swept",
    "TimeUpError",
    "claim",
    "claim_next",
    "execute",
    "job",
    "kind",
    "kinds",
    "start_embedded",
    "sweep",
    "wake",
]
