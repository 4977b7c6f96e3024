"""The first step on a new server: an institution, and an invitation for who administers it."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal import operators
from sharing.accounts import actions
from sharing.kernel.errors import SharingError


class Command(BaseCommand):
    help = "Makes an institution if it is not there, and invites somebody to administer it."
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", metavar="NAME", help="what the institution is called")
        parser.add_argument("--administrator", required=True, metavar="EMAIL")
        parser.add_argument(
            "--show-link",
            action="store_true",
            help="print the link instead of mailing it; so it is where no mail server is set",
        )

    def handle(self, **options: Any) -> None:
        operators.prepare_database()
        by_mail = bool(settings.EMAIL_HOST) and not options["show_link"]
        try:
            founded = actions.found(
                options["name"], administrator=options["administrator"], by_mail=by_mail
            )
        except SharingError as error:
            raise CommandError(error.detail) from error
        self.stdout.write(_told(founded))


def _told(founded: actions.Founded) -> str:
    there = "is made" if founded.is_new else "was there already"
    lines = [f"{founded.institution.name} {there}."]
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
