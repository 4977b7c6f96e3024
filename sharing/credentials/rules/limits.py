"""How often machines may ask to be let in, counted by whole minutes."""

import datetime
import ipaddress
from typing import NamedTuple

MINUTE = 60


class Limit(NamedTuple):
    """A minute's worth. A hospital's machines often share one address."""

    per_client: int
    per_address: int


LIMITS = {"token": Limit(60, 300), "introspect": Limit(300, 600)}


def minute_of(now: datetime.datetime) -> int:
    return int(now.timestamp()) // MINUTE


def seconds_left(now: datetime.datetime) -> int:
    """Until the next minute begins; at least one."""
    return MINUTE - int(now.timestamp()) % MINUTE


def neighbourhood(address: str) -> str:
    """What is counted as one address: of IPv6 the network of 64 bits that one line is given."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    if ip.version == 4:
        return str(ip)
    return str(ipaddress.ip_network((int(ip) >> 64 << 64, 64)))
