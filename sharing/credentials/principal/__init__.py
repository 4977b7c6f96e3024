"""A bearer token as a principal: whose it is, its prefix says."""

from sharing.access.principal import Principal
from sharing.credentials.principal import machines, tokens
from sharing.credentials.rules.machines import MACHINE_PREFIX
from sharing.kernel.requests import Origin


def bearer(token: str, origin: Origin) -> Principal | None:
    """The principal of a bearer token, or None when the token does not count (any more)."""
    if token.startswith(f"{MACHINE_PREFIX}_"):
        return machines.bearer(token, origin)
    return tokens.bearer(token, origin)
