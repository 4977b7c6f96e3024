"""Whether an assertion counts, and where its keys come from; and mails about people's tokens.

The mails are imported here, so that the outbox knows its jobs.
"""

from sharing.credentials.work import endings, tokens

__all__ = ["endings", "tokens"]
