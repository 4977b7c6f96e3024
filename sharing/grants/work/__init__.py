"""What time does to grants, and both sides' audit of it."""

from sharing.grants.work.clock import begin, tick
from sharing.grants.work.noting import note

__all__ = ["begin", "note", "tick"]
