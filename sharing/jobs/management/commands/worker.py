"""`manage.py worker`: run jobs until told to stop."""

import signal
import threading
from argparse import ArgumentParser
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand

from sharing.jobs.work import Runner


class Command(BaseCommand):
    help = "Runs queued jobs in this process; needs no Redis. Several may run beside each other."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--threads", type=int, default=2, help="jobs at once (2)")

    def handle(self, *args: Any, threads: int, **options: Any) -> None:
        told = threading.Event()

        def stop(number: int, frame: FrameType | None) -> None:
            told.set()

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        runner = Runner(threads)
        runner.start()
        self.stdout.write(f"Running jobs, {threads} at once.")
        told.wait()
        if not runner.stop():
            self.stdout.write("A job still ran; it is begun again when its lease has run out.")
