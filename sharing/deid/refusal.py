"""Why an instance was not de-identified, in words for whoever asked for it."""

from sharing.kernel.errors import SharingError


class DeidError(SharingError):
    """The instance was not de-identified, and nothing of it was written; `detail` says why.

    The sentence never contains a value of the file, so that it can be logged and mailed.
    """

    status = 422
    title = "This file cannot be de-identified"
    code = "deid"
