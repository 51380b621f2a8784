"""The HTTP server of one process: waitress around the application, ended when its work is done.

While it stops, it answers what it has received and what still comes on open connections, each time
with `Connection: close`. A request that takes too long is answered by 504; since a thread cannot be
stopped, the process is then done with, too.
"""

from __future__ import annotations

import logging
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from gittrack.serving import connection, response
from gittrack.serving.listening import BACKLOG

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence

    from gittrack.serving.app import ScoringApp
    from gittrack.serving.metrics import Row

_TURN_SECONDS = 0.25
# How long a worker leaves a new connection to one that has fewer.
_DEFER_SECONDS = 0.005
# How long a client may be silent while the server stops: between requests, and within one.
_IDLE_SECONDS = 1.0
_PARTIAL_SECONDS = 5.0
_THREAD_SECONDS = 0.2
# Taken from a socket at once.
_RECEIVED = 1 << 16

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Limits:
    """How much of a server's time and memory its clients may take.

    Attributes:
        request_seconds: from a whole request to its turn, and from that to its answer; past it the
            answer is 504.
        read_seconds: from the first byte of a request to its last; past it the answer is 408.
        idle_seconds: of a connection without a request.
        connections: open at once in a process; more wait until they are accepted.
        threads: requests that a process works on at once.
    """

    request_seconds: float = 60.0
    read_seconds: float = 60.0
    idle_seconds: int = 120
    connections: int = 2000
    threads: int = 4


class Server:
    """A server on a socket that is bound; `run` answers until `stop` is called.

    Args:
        peers: the rows of the processes that share the socket.
        on_overtime: called once, when a request has taken too long and this server begins to end.
        is_orphan: tells that whoever would stop this server is gone, so that it ends by itself.
    """

    def __init__(
        self,
        app: ScoringApp,
        listener: socket.socket,
        *,
        limits: Limits | None = None,
        peers: Sequence[Row] = (),
        on_overtime: Callable[[], None] = lambda: None,
        is_orphan: Callable[[], bool] = lambda: False,
    ) -> None:
        import waitress

        self._limits = limits or Limits()
        self._row, self._peers = app.row, peers
        self._on_overtime, self._is_orphan = on_overtime, is_orphan
        # A queue of one request is no news; what is refused is told to the client.
        logging.getLogger("waitress.queue").setLevel(logging.ERROR)
        self._sockets: dict[int, Any] = {}
        self._stopping = threading.Event()
        self._overtime = False
        self._server = waitress.create_server(
            app,
            map=self._sockets,
            sockets=[listener],
            threads=self._limits.threads,
            backlog=BACKLOG,
            connection_limit=self._limits.connections,
            channel_timeout=self._limits.idle_seconds,
            asyncore_use_poll=True,
            clear_untrusted_proxy_headers=False,  # nothing here reads them
            max_request_body_size=app.max_body + 1,
            recv_bytes=_RECEIVED,
            inbuf_overflow=app.max_body + 1,  # a body is parsed in memory, whatever lies on disk
            ident="gittrack",
        )
        self._server.stopping, self._server.row = self._stopping, app.row
        self._server.channel_class = connection.Connection
        self._accept = self._server.handle_accept
        self._server.handle_accept = self._accept_in_turn
        self._accepts_after = 0.0
        self._looked = 0.0

    def run(self) -> None:
        """Answer requests until `stop` is called; then finish those that are under way."""
        try:
            while not self._stopping.is_set():
                self._turn(_TURN_SECONDS)
        finally:
            self._finish()

    def stop(self) -> None:
        """Let `run` end soon; safe to call from a signal handler and from any thread."""
        self._stopping.set()
        with suppress(OSError):  # it saw that, and has ended already
            self._server.pull_trigger()

    @property
    def is_stopping(self) -> bool:
        """Whether `stop` was called, or whoever would call it is gone."""
        return self._stopping.is_set() or self._is_orphan()

    def _turn(self, seconds: float) -> None:
        now = time.monotonic()
        if not self._stopping.is_set():
            self._server.accepting = now >= self._accepts_after
            seconds = seconds if self._server.accepting else _DEFER_SECONDS
        self._server.asyncore.loop(timeout=seconds, map=self._sockets, use_poll=True, count=1)
        if now - self._looked >= _TURN_SECONDS:
            self._looked = now
            self._look(now)

    def _accept_in_turn(self) -> None:
        """Accept a connection; later where another process has fewer, so that all have work."""
        now = time.monotonic()
        least = min((row.connections for row in self._peers), default=0)
        ahead = self._peers and len(self._server.active_channels) > least
        if ahead and now - self._accepts_after > _TURN_SECONDS:
            self._accepts_after = now + _DEFER_SECONDS
            return
        self._accepts_after = 0.0
        self._accept()
        self._row.beat(len(self._server.active_channels))

    def _look(self, now: float) -> None:
        """Answer what has waited for too long, and say that this process lives."""
        if self._is_orphan():
            self._stopping.set()
        channels = list(self._server.active_channels.values())
        self._row.beat(len(channels))
        for channel in channels:
            request, seconds = channel.waits(now)
            if request is None or channel.refused:
                continue
            if request is channel.request and seconds > self._limits.read_seconds:
                self._refuse(channel, HTTPStatus.REQUEST_TIMEOUT, "the request did not end in time")
            elif request is not channel.request and seconds > self._limits.request_seconds:
                self._expire(channel, request)
        for draining in [entry for entry in self._sockets.values() if self._is_drained(entry, now)]:
            draining.close()

    def _expire(self, channel: Any, request: Any) -> None:
        message = f"the answer took more than {self._limits.request_seconds:g} seconds"
        if self._refuse(channel, HTTPStatus.GATEWAY_TIMEOUT, message) and channel.served is request:
            _log.error("%s; this worker is replaced", message)
            first, self._overtime = not self._overtime, True
            if first:
                self._on_overtime()
            self._stopping.set()

    def _refuse(self, channel: Any, status: HTTPStatus, message: str) -> bool:
        refused = bool(channel.refuse(response.refusal(status, message)))
        if refused:
            path = "/invocations" if status is HTTPStatus.GATEWAY_TIMEOUT else "other"
            self._row.answered(path, status.value, self._limits.request_seconds)
        return refused

    def _is_drained(self, entry: Any, now: float) -> bool:
        return isinstance(entry, connection.Draining) and now > entry.deadline

    def _finish(self) -> None:
        began = time.time()
        deadline = time.monotonic() + self._limits.request_seconds + 2 * _TURN_SECONDS
        self._stopping.set()
        self._close_listener()
        while self._busy(began) and time.monotonic() < deadline:
            self._turn(0.1)
        # A thread that has taken too long is not waited for.
        left = 0.0 if self._overtime else deadline - time.monotonic()
        self._server.task_dispatcher.shutdown(timeout=max(left, _THREAD_SECONDS))
        for channel in list(self._server.active_channels.values()):
            channel.handle_close()
        deadline = time.monotonic() + connection.LINGER_SECONDS / 2
        while self._drains() and time.monotonic() < deadline:
            self._turn(0.1)
        for waiting in list(self._sockets.values()):
            waiting.close()
        self._row.beat(0)

    def _close_listener(self) -> None:
        # Whoever waits to be accepted believes to be connected, and has sent a request. After a
        # request that took too long, the other workers accept them.
        known = -1
        while len(self._sockets) > known and not self._overtime:
            known = len(self._sockets)
            self._accept()
        self._server.accepting = False
        self._server.del_channel()
        self._server.socket.close()

    def _busy(self, began: float) -> bool:
        now = time.time()
        return any(
            channel.requests
            or channel.total_outbufs_len
            or now - max(channel.last_activity, began)
            < (_PARTIAL_SECONDS if channel.request else _IDLE_SECONDS)
            for channel in list(self._server.active_channels.values())
        )

    def _drains(self) -> bool:
        return any(isinstance(entry, connection.Draining) for entry in self._sockets.values())
