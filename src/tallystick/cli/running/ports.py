"""Listening before anybody serves: a taken port is found out at once, and said with a way out."""

import ipaddress
import socket
from typing import Final

from tallystick.cli.failures import CannotRun

BACKLOG: Final = 2_048
_TRIED: Final = 100


class PortTaken(CannotRun):
    """Somebody else listens there."""

    code = "port_taken"

    def __init__(self, host: str, port: int, reason: str) -> None:
        free = find_free_port(host, port + 1)
        other = f"PORT={free}" if free else "another PORT"
        super().__init__(
            f"port {port} on {host} cannot be used ({reason}): stop who holds it, "
            f"or choose another one: {other} make run, or {other} tallystick up"
        )
        self.reason = reason


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; children who inherit it share its connections. Raises PortTaken."""
    try:
        return _bound(host, port)
    except (OSError, OverflowError) as error:
        raise PortTaken(host, port, getattr(error, "strerror", None) or str(error)) from None


def url_of(listener: socket.socket, host: str) -> str:
    """The URL under which this machine reaches a socket that listens on `host`."""
    address, port = listener.getsockname()[:2]
    if ipaddress.ip_address(address).is_unspecified:  # it listens everywhere
        host = "127.0.0.1" if listener.family is socket.AF_INET else "::1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def find_free_port(host: str, first: int) -> int | None:
    """The first port from `first` on that nobody listens on."""
    for port in range(first, min(first + _TRIED, 65_536)):
        try:
            _bound(host, port).close()
        except OSError:
            continue
        return port
    return None


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named as TCP, because asyncio turns Nagle's delay off only then.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener
