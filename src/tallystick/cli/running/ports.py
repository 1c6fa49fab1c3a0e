"""Listening before anybody serves: a taken port is found out at once, and said with a way out."""

import ipaddress
import socket
from typing import Final

from tallystick.cli.failures import CannotRun
from tallystick.platform.listening import listening_socket
from tallystick.platform.settings import Settings

_TRIED: Final = 100


class PortTaken(CannotRun):
    """Somebody else listens there."""

    code = "port_taken"

    def __init__(self, host: str, port: int, reason: str, variable: str = "PORT") -> None:
        free = find_free_port(host, port + 1)
        other = f"{variable}={free}" if free else f"another {variable}"
        super().__init__(
            f"port {port} on {host} cannot be used ({reason}): stop who holds it, "
            f"or choose another one, as in {other} make run"
        )
        self.reason = reason


def listen(host: str, port: int, variable: str = "PORT") -> socket.socket:
    """A socket that listens; children who inherit it share its connections. Raises PortTaken.

    `variable` is the setting that names the port.
    """
    try:
        return listening_socket(host, port)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise PortTaken(host, port, reason, variable) from None


def listen_for_metrics(settings: Settings) -> socket.socket | None:
    """The socket of the metrics, if they have a port of their own. Raises PortTaken."""
    if settings.metrics_port is None or not settings.enable_metrics:
        return None
    return listen(settings.host, settings.metrics_port, "METRICS_PORT")


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
            listening_socket(host, port).close()
        except OSError:
            continue
        return port
    return None
