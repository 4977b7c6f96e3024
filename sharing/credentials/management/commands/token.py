"""A bearer token for scripts, from a shell."""

import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from sharing.access import principal as principals
from sharing.access.rules import TOKEN_ACTIONS, Action
from sharing.accounts.models import Membership
from sharing.accounts.rules import MembershipState
from sharing.credentials.actions import create_token
from sharing.kernel import durations
from sharing.kernel.errors import SharingError
from sharing.kernel.requests import SHELL


class Command(BaseCommand):
    help = "Prints a bearer token with which a script acts for a person. It is shown this once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--user", required=True, metavar="EMAIL", help="for whom it acts")
        parser.add_argument(
            "--expires", default="1h", type=_duration, metavar="1h", help="30m, 1h, 7d; at most 90d"
        )
        parser.add_argument("--label", default="", help="what it is for")
        parser.add_argument(
            "--scopes",
            type=_scopes,
            metavar="NAMES",
            help=f"of {', '.join(sorted(TOKEN_ACTIONS))}; without it all that the role allows",
        )
        parser.add_argument("--institution", default="", metavar="NAME", help="where, if several")

    def handle(self, **options: Any) -> None:
        membership = _membership(options["user"], options["institution"])
        try:
            made = create_token(
                membership=membership,
                lifetime=options["expires"],
                scopes=options["scopes"],
                label=options["label"],
                by=principals.member(membership, SHELL, credential="shell"),
            )
        except SharingError as error:
            raise CommandError(error.detail) from error
        self.stdout.write(made.text)


def _membership(email: str, institution: str) -> Membership:
    found = Membership.objects.filter(
        user__email__iexact=email, user__is_active=True, state=MembershipState.ACTIVE
    ).select_related("user", "institution")
    if institution:
        found = found.filter(institution__name__iexact=institution)
    members = list(found.order_by("created_at"))
    if not members:
        raise CommandError(f"Nobody who is active here signs in as {email}.")
    if len(members) > 1:
        names = ", ".join(one.institution.name for one in members)
        raise CommandError(f"{email} belongs to {names}: say --institution.")
    return members[0]


def _duration(text: str) -> Any:
    try:
        return durations.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _scopes(text: str) -> frozenset[Action]:
    try:
        return frozenset(Action(name.strip()) for name in text.split(",") if name.strip())
    except ValueError as error:
        known = ", ".join(sorted(TOKEN_ACTIONS))
        raise argparse.ArgumentTypeError(f"{error}; known are {known}.") from error
