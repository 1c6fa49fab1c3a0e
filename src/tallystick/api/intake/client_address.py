"""Where a request comes from, seen from behind a number of proxies that we trust.

Each proxy appends the address it was called from to `X-Forwarded-For`, so of N proxies of ours the
last N entries are theirs, and the N-th from the right is the client. Whatever stands left of it the
client wrote himself. Without proxies the header means nothing. An address that was not told in a
way that can be believed is that of the connection, which nobody can invent.
"""

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final

from starlette.requests import Request

from tallystick.api.exchange import exchange_of

Address = IPv4Address | IPv6Address
_SUBSCRIBER_BITS: Final = 64
UNKNOWN: Final = "unknown"


def client_address(request: Request, trusted_proxies: int) -> Address | None:
    """The client's address; None when the connection has none, as on a Unix socket."""
    peer = _address(request.client.host) if request.client else None
    if not trusted_proxies:
        return peer
    told = exchange_of(request).headers.get(b"x-forwarded-for", b"").decode("latin-1")
    entries = told.split(",")
    if len(entries) < trusted_proxies:
        return peer
    return _address(entries[-trusted_proxies]) or peer


@lru_cache(4096)
def subscriber_of(client: Address | None) -> str:
    """Whom an address is counted for: of IPv6 the network of 64 bits, which one customer has."""
    if client is None:
        return UNKNOWN
    if isinstance(client, IPv4Address):
        return str(client)
    network = IPv6Network((int(client), _SUBSCRIBER_BITS), strict=False)
    return str(network.network_address)


@lru_cache(4096)  # the same few clients and proxies come again and again
def _address(text: str) -> Address | None:
    """An address with or without a port; one of IPv4 written as IPv6 is one of IPv4."""
    bare = text.strip()
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        found = ip_address(bare)
    except ValueError:
        return None
    if isinstance(found, IPv6Address) and found.ipv4_mapped:
        return found.ipv4_mapped
    return found
