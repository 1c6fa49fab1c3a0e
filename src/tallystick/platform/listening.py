"""The socket a server listens on."""

import socket
from typing import Final

BACKLOG: Final = 2_048


def listening_socket(host: str, port: int) -> socket.socket:
    """A socket to serve on; the processes that inherit it share its connections.

    Port 0 lets the system choose. Raises OSError when the port is taken, OverflowError when there
    is no such port.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named as TCP, because asyncio turns Nagle's delay off only then.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except (OSError, OverflowError):
        listener.close()
        raise
    return listener
