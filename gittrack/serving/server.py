"""The HTTP server around the application: waitress, stopped when its last answer is out.

While it stops, it answers what it has received and what still comes on open connections, each time
with `Connection: close`. A connection ends by a half-close, and what its client still sends is read
away: a reset would take an answer from a client that has not read it yet.
"""

from __future__ import annotations

import errno
import logging
import signal
import socket
import threading
import time
from contextlib import contextmanager, suppress
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
# How long a client may be silent on an open connection while the server stops.
_IDLE_SECONDS = 1.0
_LINGER_SECONDS = 1.0
_THREAD_SECONDS = 0.2
_CHUNK = 1 << 16


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
        self._half_closed: list[socket.socket] = []
        self._server.channel_class = _channel_class(self._stopping, self._half_closed)

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
        began = time.time()
        deadline = time.monotonic() + _GRACE_SECONDS
        self._stopping.set()
        self._close_listener()
        while self._busy(began) and time.monotonic() < deadline:
            self._turn(seconds=0.1)
        left = max(deadline - time.monotonic(), _THREAD_SECONDS)
        self._server.task_dispatcher.shutdown(timeout=left)
        for channel in list(self._server.active_channels.values()):
            channel.handle_close()
        for waiting in list(self._sockets.values()):
            waiting.close()
        self._drain(min(deadline, time.monotonic() + _LINGER_SECONDS))

    def _close_listener(self) -> None:
        # Whoever waits to be accepted believes to be connected, and has sent a request.
        known = -1
        while len(self._sockets) > known:
            known = len(self._sockets)
            self._server.handle_accept()
        self._server.accepting = False
        self._server.del_channel()
        self._server.socket.close()

    def _busy(self, began: float) -> bool:
        now = time.time()
        return any(
            channel.requests
            or channel.request
            or channel.total_outbufs_len
            or now - max(channel.last_activity, began) < _IDLE_SECONDS
            for channel in list(self._server.active_channels.values())
        )

    def _drain(self, deadline: float) -> None:
        for connection in self._half_closed:
            with suppress(OSError), connection:
                more = True
                while more:
                    left = deadline - time.monotonic()
                    connection.settimeout(max(left, 0.0))
                    more = bool(connection.recv(_CHUNK)) and left > 0


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


def _channel_class(stopping: threading.Event, half_closed: list[socket.socket]) -> Any:
    """Return waitress's class of connections, with an end that loses no request and no answer."""
    from waitress.channel import HTTPChannel

    class Channel(HTTPChannel):  # type: ignore[misc]
        def service(self) -> None:
            with self.requests_lock:
                # What came behind another request would be dropped by a connection that closes.
                if stopping.is_set() and len(self.requests) == 1 and self.request is None:
                    self.requests[0].headers["CONNECTION"] = "close"
            super().service()

        def handle_close(self) -> None:
            if stopping.is_set() and self.socket is not None:
                with suppress(OSError):  # the client was first
                    self.socket.shutdown(socket.SHUT_WR)
                    half_closed.append(self.socket.dup())
            super().handle_close()

    return Channel


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
