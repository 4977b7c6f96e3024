"""What partners give, as ways of a principal: nothing else makes somebody reach their studies."""

import dataclasses
import functools

from sharing.access.principal import Principal
from sharing.grants.principal import offers, ways


def widened(principal: Principal) -> Principal:
    """The same asker, with what other institutions give. Nothing is asked before it is needed."""
    if principal.membership is None:
        return principal
    found = functools.cache(lambda: (*ways.ways(principal), *offers.ways(principal)))
    return dataclasses.replace(principal, ways=found)
