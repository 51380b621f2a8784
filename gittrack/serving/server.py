"""The HTTP server around the application: waitress, stopped when its last answer is out."""

from __future__ import annotations

import errno
import logging
import signal
import socket
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from gittrack.errors import ToolError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from gittrack.serving.app import ScoringApp

LOOPBACK = "127.0.0.1"
PORT = 5000

_LAST_PORT = 65535
_THREADS = 4
_BACKLOG = 1024
_CONNECTIONS = 2000
_GRACE_SECONDS = 10.0


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


class Server:
    """A bound server; `run` answers until `stop` is called, from another thread or a signal."""

    def __init__(self, app: ScoringApp, *, host: str = LOOPBACK, port: int = PORT) -> None:
        import waitress

        if not 0 <= port <= _LAST_PORT:
            raise UsageError(
                f"port {port} is not between 0 and {_LAST_PORT}", hint="0 takes any free port"
            )
        bound = _bind(host, port)
        bound_host, bound_port = bound.getsockname()[:2]
        self.address = Address(bound_host, bound_port)
        # A queue of one request is no news; what is refused is told to the client.
        logging.getLogger("waitress.queue").setLevel(logging.ERROR)
        self._sockets: dict[int, Any] = {}
        self._stopping = threading.Event()
        self._server = waitress.create_server(
            app,
            map=self._sockets,
            sockets=[bound],
            threads=_THREADS,
            connection_limit=_CONNECTIONS,
            asyncore_use_poll=True,
            max_request_body_size=app.max_body + 1,
            ident="gittrack",
        )

    def run(self) -> None:
        """Answer requests until `stop` is called; then finish those that are under way."""
        try:
            while not self._stopping.is_set():
                self._turn(seconds=1.0)
        finally:
            self._finish()

    def stop(self) -> None:
        """Let `run` end soon; safe to call from a signal handler and from any thread."""
        self._stopping.set()
        self._server.pull_trigger()

    def _turn(self, *, seconds: float) -> None:
        self._server.asyncore.loop(timeout=seconds, map=self._sockets, use_poll=True, count=1)

    def _finish(self) -> None:
        self._server.accepting = False
        self._server.del_channel()
        self._server.socket.close()
        deadline = time.monotonic() + _GRACE_SECONDS
        while self._busy() and time.monotonic() < deadline:
            self._turn(seconds=0.1)
        self._server.task_dispatcher.shutdown()
        for waiting in list(self._sockets.values()):
            waiting.close()

    def _busy(self) -> bool:
        waiting = list(self._sockets.values())
        return any(
            getattr(item, "requests", ()) or getattr(item, "total_outbufs_len", 0)
            for item in waiting
        )


def serve(
    app: ScoringApp, *, host: str = LOOPBACK, port: int = PORT, on_ready: Callable[[Address], None]
) -> None:
    """Serve until SIGTERM, or an interrupt.

    Args:
        port: 0 takes any free one.
        on_ready: called with the real address as soon as requests are answered.

    Raises:
        ToolError: the address cannot be taken.
    """
    server = Server(app, host=host, port=port)
    with _stopped_by_signal(server):
        on_ready(server.address)
        server.run()


@contextmanager
def _stopped_by_signal(server: Server) -> Iterator[None]:
    def stop(_signal: int, _frame: FrameType | None) -> None:
        server.stop()

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _bind(host: str, port: int) -> socket.socket:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        # localhost has two addresses; the one of IP version 4 is what clients try in the end.
        family, _, _, _, address = min(found, key=lambda entry: entry[0] != socket.AF_INET)
        return socket.create_server(address, family=family, backlog=_BACKLOG)
    except OSError as error:
        where = f"cannot serve on {host}:{port}"
        if error.errno == errno.EADDRINUSE:
            hint = "choose another with --port, 0 takes any free one"
            raise ToolError(f"{where}: the port is in use", hint=hint) from None
        if error.errno == errno.EACCES:
            raise ToolError(f"{where}: not permitted", hint="choose a port above 1023") from None
        hint = "choose a host of this machine with --host"
        raise ToolError(f"{where}: {error.strerror or error}", hint=hint) from None
