"""The address of a server, and the socket that is bound to it."""

from __future__ import annotations

import errno
import socket
from typing import NamedTuple

from gittrack.errors import ToolError, UsageError

LOOPBACK = "127.0.0.1"
PORT = 5000
BACKLOG = 1024

_LAST_PORT = 65535


class Address(NamedTuple):
    """Where a server listens."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """The address as one can open it."""
        return (
            f"http://[{self.host}]:{self.port}"
            if ":" in self.host
            else f"http://{self.host}:{self.port}"
        )


def bind(host: str = LOOPBACK, port: int = PORT) -> socket.socket:
    """Return a socket that listens; what connects to it waits until it is accepted.

    Args:
        port: 0 takes any free one.

    Raises:
        UsageError: there is no such port.
        ToolError: the address cannot be taken.
    """
    if not 0 <= port <= _LAST_PORT:
        raise UsageError(
            f"port {port} is not between 0 and {_LAST_PORT}", hint="0 takes any free port"
        )
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        # localhost has two addresses; the one of IP version 4 is what clients try in the end.
        family, _, _, _, address = min(found, key=lambda entry: entry[0] != socket.AF_INET)
        return socket.create_server(address, family=family, backlog=BACKLOG)
    except OSError as error:
        where = f"cannot serve on {host}:{port}"
        if error.errno == errno.EADDRINUSE:
            hint = "choose another with --port, 0 takes any free one"
            raise ToolError(f"{where}: the port is in use", hint=hint) from None
        if error.errno == errno.EACCES:
            raise ToolError(f"{where}: not permitted", hint="choose a port above 1023") from None
        hint = "choose a host of this machine with --host"
        raise ToolError(f"{where}: {error.strerror or error}", hint=hint) from None


def address_of(listener: socket.socket) -> Address:
    """Return where a bound socket listens."""
    return Address(*listener.getsockname()[:2])
