"""What is known about a request before anybody is asked who they are."""

import dataclasses


@dataclasses.dataclass(frozen=True, slots=True)
class Origin:
    """Where a request came from, as far as the audit wants to know.

    `address` is the client's IP address as the trusted proxy saw it, "" for the shell.
    `certificate` is the SHA-256, in hexadecimal, of the client certificate that it saw.
    """

    address: str = ""
    agent: str = ""
    channel: str = "page"  # page, api, dicomweb, shell, job
    certificate: str = ""


SHELL = Origin(channel="shell")
JOB = Origin(channel="job")
