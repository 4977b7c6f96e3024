"""Pure rules of bearer tokens: how long they last and how they are written."""

import datetime
import uuid

from sharing.kernel import ids

LONGEST = datetime.timedelta(days=90)
PREFIX = "hv"


def written(token_id: uuid.UUID, secret: str) -> str:
    """`hv_<id>_<secret>`: a mark by which a token that leaked into a text is found."""
    return f"{PREFIX}_{ids.to_text(token_id)}_{secret}"
