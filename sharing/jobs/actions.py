"""Queueing work, calling it off, and answering a repeated request as the first time."""

import functools
import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from sharing.jobs import rules, work
from sharing.jobs.models import IdempotentRequest, Job
from sharing.jobs.rules import State
from sharing.jobs.work.sealing import digest, seal, unseal
from sharing.kernel.errors import (
    ConflictError,
    InvalidInputError,
    NotAllowedError,
    NotThereError,
    SharingError,
)


def enqueue(
    kind: str, *, key: str, args: dict[str, Any] | None = None, run_after: datetime | None = None
) -> Job:
    """Queue a job in the caller's transaction, and wake a worker when that is committed.

    Parameters
    ----------
    kind : str
        As registered with `work.job`.
    key : str
        What makes the job this one, at most 200 characters, such as `unpack:<file id>`. Queueing
        the same key again changes nothing, whatever became of the job.
    args : dict
        Our own ids, passed to the job as keywords; nothing about a patient.
    run_after : datetime.datetime
        Not before then; now, if not given.

    Returns
    -------
    Job
        The new one, or the one that was there.

    Raises
    ------
    LookupError
        When no app has registered this kind.
    """
    work.kind(kind)
    fresh = Job(kind=kind, key=key, args=args or {}, run_after=run_after or timezone.now())
    Job.objects.bulk_create([fresh], ignore_conflicts=True)
    there = Job.objects.get(key=key)
    if there.pk == fresh.pk and there.run_after <= timezone.now():
        _wake_on_commit(there)
    return there


def cancel(job: Job) -> bool:
    """Call a job off; whether it was still waiting and is gone at once.

    One that runs is asked to stop, and does so at its next step.
    """
    waiting = Job.objects.filter(pk=job.pk, state=State.QUEUED)
    if waiting.update(state=State.CANCELLED, finished_at=timezone.now(), cancel_asked=True):
        return True
    Job.objects.filter(pk=job.pk, state=State.RUNNING).update(cancel_asked=True)
    return False


def retry(job: Job) -> bool:
    """Try a failed job again from the start, because a person says so."""
    again = Job.objects.filter(pk=job.pk, state=State.FAILED).update(
        state=State.QUEUED,
        attempts=0,
        run_after=timezone.now(),
        finished_at=None,
        error="",
        cancel_asked=False,
    )
    if again:
        _wake_on_commit(job)
    return bool(again)


def _wake_on_commit(job: Job) -> None:
    # Robust: what is committed is committed, and a worker that is not woken looks by itself.
    transaction.on_commit(lambda: _wake(job.pk, job.kind), robust=True)


def _wake(job_id: UUID, kind: str) -> None:
    work.wake()
    if settings.REDIS_URL:
        # Only here: Celery costs 0.2 s at every start, and the embedded default has no use for it.
        from sharing.jobs import tasks

        tasks.send(job_id, kind)


def once(
    *,
    asker: str,
    key: str,
    fingerprint: bytes,
    answer: Callable[[], tuple[int, bytes]],
) -> tuple[int, bytes, bool]:
    """Answer a request that creates something, once, however often it comes.

    The answer is made and kept in one transaction with what it tells of, so a request that was
    cut off has either happened, and is answered as then, or has not.

    Parameters
    ----------
    asker : str
        Kind and id of who asks; one asker's key says nothing about another's.
    key : str
        The client's own, 1 to 200 visible ASCII characters.
    fingerprint : bytes
        SHA-256 of what is asked for.
    answer : callable
        Does it; the HTTP status and the body. Only successes (2xx) are kept. When it says no
        (403, 404), what it wrote outside a transaction of its own stays: the audit's row.

    Returns
    -------
    status : int
    body : bytes
    again : bool
        Whether this is the answer of an earlier request.

    Raises
    ------
    InvalidInputError
        When the key is not usable.
    ConflictError
        When the key was used for another request.
    """
    if not (0 < len(key) <= 200 and key.isascii() and key.isprintable()):
        raise InvalidInputError("Idempotency-Key must be 1 to 200 visible ASCII characters.")
    refused: SharingError | None = None
    status, body = 0, b""
    with transaction.atomic():
        row = _row(asker, key, fingerprint)
        if row.status:
            return row.status, unseal(bytes(row.answer), asker=asker, key=key), True
        try:
            status, body = answer()
        except (NotThereError, NotAllowedError) as error:
            refused = error  # raised only below, so that the audit's row of a refusal stays
        kept = IdempotentRequest.objects.filter(pk=row.pk)
        if 200 <= status < 300:
            kept.update(status=status, answer=seal(body, asker=asker, key=key))
        else:
            kept.delete()
    if refused is not None:
        raise refused
    return status, body, False


def _row(asker: str, key: str, fingerprint: bytes) -> IdempotentRequest:
    """This request's row, new or not; a second request at the same time waits here for the first."""
    key_digest = digest(asker=asker, key=key)
    mine = IdempotentRequest.objects.filter(principal=asker, key_digest=key_digest)
    mine.filter(created_at__lt=timezone.now() - rules.REQUESTS_KEPT).delete()
    fresh = IdempotentRequest(principal=asker, key_digest=key_digest, fingerprint=fingerprint)
    IdempotentRequest.objects.bulk_create([fresh], ignore_conflicts=True)
    row = mine.get()
    if bytes(row.fingerprint) != fingerprint:
        raise ConflictError(
            "This Idempotency-Key was used for another request. Use a new key for a new request."
        )
    return row


def idempotent(view: Callable[..., Any]) -> Callable[..., Any]:
    """Let a REST method that creates something be sent again with the same `Idempotency-Key`.

    Without that header the method runs as it is. With it, the whole method is one transaction,
    and a repeated request within 24 hours gets the first one's status and body, marked with
    `Idempotent-Replay: true`.
    """

    @functools.wraps(view)
    def wrapper(self: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
        key = request.headers.get("Idempotency-Key")
        if key is None:
            return view(self, request, *args, **kwargs)
        return _replayable(lambda: view(self, request, *args, **kwargs), request, key)

    return wrapper


def _replayable(view: Callable[[], Any], request: Any, key: str) -> Any:
    from rest_framework.renderers import JSONRenderer
    from rest_framework.response import Response

    made: list[Any] = []
    # The body first: the view's own reading of the stream would leave nothing to look at.
    fingerprint = hashlib.sha256(
        b"\0".join([request.method.encode(), request.path.encode(), request._request.body])
    ).digest()

    def answer() -> tuple[int, bytes]:
        made.append(view())
        return made[0].status_code, JSONRenderer().render(made[0].data)

    status, body, again = once(
        asker=_asker(request), key=key, fingerprint=fingerprint, answer=answer
    )
    if not again:
        return made[0]
    import orjson

    return Response(orjson.loads(body), status=status, headers={"Idempotent-Replay": "true"})


def _asker(request: Any) -> str:
    """Who asks, in which of their institutions: the principal that the middleware found."""
    principal = request._request.principal
    actor, membership = principal.actor, principal.membership
    institution = membership.institution_id if membership else ""
    return f"{actor.kind}:{actor.id}:{institution}"
