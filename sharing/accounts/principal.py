"""Somebody at the door: whom the audit names while `access` does not know them yet."""

import dataclasses
from typing import Any

from django.http import HttpRequest

from sharing.accounts.models import User
from sharing.audit.rules import ActorKind
from sharing.kernel.requests import SHELL, Origin


@dataclasses.dataclass(frozen=True, slots=True)
class Person:
    """A person who signs in or joins, or (without a user) somebody who tries to."""

    kind: ActorKind
    id: str = ""
    name: str = ""
    institution_id: Any = None
    credential: str = ""
    credential_id: str = ""
    link_id: Any = None


@dataclasses.dataclass(frozen=True, slots=True)
class AtTheDoor:
    actor: Person
    origin: Origin


def at_the_door(
    user: User | None, origin: Origin, *, name: str = "", institution_id: Any = None
) -> AtTheDoor:
    """Whoever signs in now; without a user somebody unknown, who gave a `name`."""
    if user is None:
        return AtTheDoor(Person(ActorKind.NOBODY, "", name, institution_id), origin)
    actor = Person(ActorKind.PERSON, str(user.pk), user.email, institution_id, "session")
    return AtTheDoor(actor, origin)


def at_the_shell(institution_id: Any) -> AtTheDoor:
    """Whoever works at the server's own shell, before there is any member to act for."""
    return AtTheDoor(Person(ActorKind.OPERATOR, "", "", institution_id, "shell"), SHELL)


def origin_of(request: HttpRequest | None) -> Origin:
    """Where a request came from, as the middleware found; what came without one is the shell's."""
    asking = getattr(request, "principal", None)
    return asking.origin if asking is not None else SHELL
