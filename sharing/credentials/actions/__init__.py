"""Make and end what programs sign in with: here people's tokens, in `machines` the machines."""

from sharing.credentials.actions.tokens import NewToken, create_token, revoke_token

__all__ = ["NewToken", "create_token", "revoke_token"]
