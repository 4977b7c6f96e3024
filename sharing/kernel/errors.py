"""Errors that say what happened to the person who asked.

Every error that a person may see is a `SharingError`; one handler in `portal` answers it,
as a page or as problem+json (RFC 9457).
"""


class SharingError(Exception):
    """Something that the person who asked has to know.

    `status` is the HTTP status, `title` names the kind of problem in a few words and is the
    same for every occurrence, `detail` says what happened this time and what to do next.
    `retry_after` is how many seconds to wait before asking again, where that helps.
    """

    status = 400
    title = "That did not work"
    code = "error"
    retry_after: float | None = None

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title


class NotThereError(SharingError):
    """Not there, or not yours: deliberately one answer for both."""

    status = 404
    title = "Nothing here"
    code = "not-there"

    def __init__(self) -> None:
        super().__init__("There is nothing at this address, or it is not open to you.")


class SignInNeededError(SharingError):
    status = 401
    title = "Please sign in"
    code = "sign-in-needed"

    def __init__(self, detail: str = "Your sign-in has ended. Sign in again, then go on.") -> None:
        super().__init__(detail)


class NotAllowedError(SharingError):
    """The person is known and may know that the action exists, but may not do it."""

    status = 403
    title = "Not allowed"
    code = "not-allowed"


class InvalidInputError(SharingError):
    """What was sent cannot be used; `fields` names what is wrong where, in words."""

    status = 422
    title = "Please check what you sent"
    code = "invalid-input"

    def __init__(self, detail: str = "", *, fields: dict[str, list[str]] | None = None) -> None:
        super().__init__(detail)
        self.fields = fields or {}


class ConflictError(SharingError):
    status = 409
    title = "That clashes with what is there"
    code = "conflict"


class TooLargeError(SharingError):
    status = 413
    title = "Too large"
    code = "too-large"


class UnavailableError(SharingError):
    """A part that is needed does not answer; nothing was lost, try again."""

    status = 503
    title = "Not available just now"
    code = "unavailable"


class AuditUnavailableError(UnavailableError):
    """The access could not be written down, so it did not happen (DESIGN 4.2)."""

    title = "The access log cannot be written"
    code = "audit-unavailable"

    def __init__(self) -> None:
        super().__init__(
            "Every access is written down before it happens, and that is not possible just now. "
            "Nothing was shown or changed. Please try again in a minute."
        )


class PeerRefusedError(SharingError):
    """Somebody else's machine understood us and said no: asking again changes nothing."""

    status = 502
    title = "The other side refused"
    code = "peer-refused"


class PeerBusyError(UnavailableError):
    """Somebody else's machine does not answer, or asks us to come back: try again later."""

    title = "The other side does not answer just now"
    code = "peer-busy"

    def __init__(self, detail: str = "", *, retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.retry_after = retry_after  # seconds, where it said how long to wait
