"""Propose, agree, stop and end grants, each with its rows in both sides' audit."""

from sharing.grants.actions.agreeing import agree, decline, propose, propose_version
from sharing.grants.actions.machines import name_machine, unname_machine
from sharing.grants.actions.stopping import end, resume, stop

__all__ = [
    "agree",
    "decline",
    "end",
    "name_machine",
    "propose",
    "propose_version",
    "resume",
    "stop",
    "unname_machine",
]
