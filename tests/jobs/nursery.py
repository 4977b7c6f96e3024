"""Forks workers from a process that has imported everything, so that the next is there at once.

It reads a JSON object a line: `{"start": [words], "environment": {…}, "log": path}` answers the new
worker's number, `{"wait": number}` how that one ended.
"""

import json
import os
import sys
from typing import Any


def main() -> None:
    import django

    django.setup()
    from tests.jobs import kinds

    _import_workers()
    print("ready", flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        if "wait" in order:
            print(os.waitstatus_to_exitcode(os.waitpid(order["wait"], 0)[1]), flush=True)
            continue
        heard, told = os.pipe()
        child = os.fork()
        if not child:
            _become(order, told)
            kinds.be_impatient()
            _work(order["start"])
        os.close(told)
        os.read(heard, 1)  # it leads a group now, which can be killed as one
        os.close(heard)
        print(child, flush=True)


def _import_workers() -> None:
    import sharing.jobs.management.commands.worker  # noqa: F401 so that it is there

    if os.environ.get("REDIS_URL"):
        import celery.apps.worker
        import celery.bin.worker
        import celery.concurrency.prefork
        import celery.worker.consumer  # noqa: F401
        import kombu.transport.redis  # noqa: F401


def _become(order: dict[str, Any], told: int) -> None:
    """A process of its own, with its own session, environment and log."""
    os.setsid()
    os.close(told)
    os.environ.update(order["environment"])
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, stream in enumerate((nothing, log, log)):
        os.dup2(stream, number)


def _work(words: list[str]) -> None:
    """What the command line would do; does not come back."""
    code: Any = 1
    try:
        if words == ["threads"]:
            from django.core.management import call_command

            call_command("worker")
        else:
            from portal.celery import app

            app.worker_main(words)
        code = 0
    except SystemExit as end:
        code = end.code or 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
