"""Institutions, at the shell: make the first, see who signs up, let them in or turn them away."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal import operators
from sharing.accounts import actions
from sharing.accounts.models import SignUp
from sharing.accounts.queries import evidence_of, waiting_sign_ups
from sharing.kernel.errors import SharingError

WHAT = """
  institution NAME --administrator EMAIL      make it if it is not there, and invite somebody
  institution list                            who signs up, and what they have shown
  institution approve NAME --by EMAIL         let one in that has proven its domain
  institution refuse NAME --by EMAIL --reason WORDS
"""


class Command(BaseCommand):
    help = "Makes institutions, and decides on those that sign up."
    requires_migrations_checks = False

    def create_parser(self, *args: Any, **options: Any) -> CommandParser:
        return super().create_parser(*args, **options, usage=WHAT)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "words", metavar="NAME", nargs="+", help="what the institution is called"
        )
        parser.add_argument("--administrator", metavar="EMAIL", default="")
        parser.add_argument(
            "--by", metavar="EMAIL", default="", help="who decides: not the applicant"
        )
        parser.add_argument("--reason", default="", help="why one is refused; its contact is told")
        parser.add_argument(
            "--show-link",
            action="store_true",
            help="print the link instead of mailing it; so it is where no mail server is set",
        )

    def handle(self, **options: Any) -> None:
        operators.prepare_database()
        try:
            self.stdout.write(_chosen(options)())
        except SharingError as error:
            raise CommandError(error.detail) from error


def _chosen(options: dict[str, Any]) -> Callable[[], str]:
    """What is to be done, by the first word; with --administrator all of it is a name."""
    first, *rest = options["words"]
    which = " ".join(rest)
    if options["administrator"]:
        return lambda: _found(options)
    if first == "list" and not rest:
        return _listed
    if first == "approve" and rest:
        return lambda: _approved(which, options)
    if first == "refuse" and rest:
        return lambda: _refused(which, options)
    raise CommandError(f"Say what to do:\n{WHAT}")


def _by_mail(options: dict[str, Any]) -> bool:
    return bool(settings.EMAIL_HOST) and not options["show_link"]


def _found(options: dict[str, Any]) -> str:
    founded = actions.found(
        " ".join(options["words"]),
        administrator=options["administrator"],
        by_mail=_by_mail(options),
    )
    return _told(founded, "is made" if founded.is_new else "was there already")


def _approved(which: str, options: dict[str, Any]) -> str:
    founded = actions.approve(which, operator=options["by"], by_mail=_by_mail(options))
    return _told(founded, "is let in")


def _refused(which: str, options: dict[str, Any]) -> str:
    refused = actions.refuse(which, operator=options["by"], reason=options["reason"])
    return f"{refused.name} is refused. {refused.contact_email} is told why."


def _listed() -> str:
    waiting = list(waiting_sign_ups())
    return "\n\n".join(map(_line, waiting)) if waiting else "Nobody waits."


def _line(one: SignUp) -> str:
    shown = "\n".join(f"  - {row.sentence}" for row in evidence_of(one))
    return (
        f"{one.name} ({one.get_state_display().lower()})\n"
        f"  {one.address}, {one.country} · {one.domain}\n"
        f"  {one.contact_email}, {one.contact_phone}\n"
        f"  since {one.created_at:%-d %B %Y}, until {one.expires_at:%-d %B %Y} · {one.pk}\n{shown}"
    )


def _told(founded: actions.Founded, what: str) -> str:
    lines = [f"{founded.institution.name} {what}."]
    until = f"{founded.invitation.expires_at:%-d %B %Y, %H:%M} UTC"
    if not founded.link:
        lines.append(
            f"The invitation goes to {founded.invitation.email} by {settings.EMAIL_HOST}, "
            f"as soon as jobs run. Its link works once, until {until}."
        )
        return "\n".join(lines)
    if not settings.EMAIL_HOST:
        lines.append(
            f"No mail server is set (EMAIL_HOST): mails are kept in {settings.EMAIL_FILE_PATH}."
        )
    lines += [
        f"The link for {founded.invitation.email}, shown this once. It works once, until {until}:",
        "",
        f"  {founded.link}",
    ]
    return "\n".join(lines)
