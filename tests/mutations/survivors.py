"""Mutants that no test can notice, because they change nothing that anybody could see; with why."""

KNOWN: dict[str, str] = {
    "sharing.access.principal._always: always answers yes": "it does that already",
}
