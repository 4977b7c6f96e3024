"""A mail server that really receives, and keeps what came for whom."""

import email.policy
import re
from email.message import EmailMessage
from email.parser import BytesParser
from types import TracebackType
from typing import Any, Self

from aiosmtpd.controller import Controller

from tests.journeys.people import until
from tests.peers import processes


class Mailbox:
    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.port = processes.free_port()
        self._server = Controller(self, hostname="127.0.0.1", port=self.port)

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.stop()

    @property
    def settings(self) -> dict[str, str]:
        """What makes a portal send its mails here."""
        return {"EMAIL_HOST": "127.0.0.1", "EMAIL_PORT": str(self.port), "EMAIL_TLS": "no"}

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 its name
        parsed = BytesParser(_class=EmailMessage, policy=email.policy.default).parsebytes(
            envelope.content
        )
        self.mails.append(parsed)
        return "250 OK"

    def text(self, to: str) -> str:
        """The text of the one mail that came to this address; waits until it is there."""
        found = until(lambda: [one for one in self.mails if to in str(one["To"])])
        body = found[-1].get_body(("plain",))
        assert body is not None
        return str(body.get_content())

    def find(self, pattern: str, *, to: str) -> str:
        """What matches in that mail."""
        text = self.text(to)
        match = re.search(pattern, text)
        assert match is not None, text
        return match[0]
