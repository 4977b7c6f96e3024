"""Pure rules: of people's tokens here, of machines in `machines`."""

from sharing.credentials.rules.tokens import LONGEST, PREFIX, written

__all__ = ["LONGEST", "PREFIX", "written"]
