"""A connection of the server: waitress's, with time-outs and an end that loses nothing.

A connection that the server ends is closed in halves, and what its client still sends is read away:
a reset would take an answer from a client that has not read it yet.

The waitress server that the connections belong to is told two things more: `stopping`, an event,
and `row`, where answers are counted that the application knows nothing of.
"""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from waitress.channel import ClientDisconnected, HTTPChannel  # noqa: TID253 - comes with the server
from waitress.task import ErrorTask  # noqa: TID253
from waitress.wasyncore import dispatcher  # noqa: TID253

from gittrack.serving import response

if TYPE_CHECKING:
    from gittrack.serving.response import Response

# How long a client is listened to that has got its last answer: in silence, and at most.
LINGER_SECONDS = 2.0
_MOST_SECONDS = 30.0

_CHUNK = 1 << 16


class Draining(dispatcher):  # type: ignore[misc]
    """The receiving half of a connection that has been closed for sending."""

    def __init__(self, sock: socket.socket, sockets: dict[int, Any]) -> None:
        super().__init__(sock, map=sockets)
        self._last = time.monotonic() + _MOST_SECONDS
        self.deadline = time.monotonic() + LINGER_SECONDS

    def writable(self) -> bool:
        """Tell that nothing is to be sent."""
        return False

    def handle_read(self) -> None:
        """Read something away, and wait for more."""
        with suppress(OSError):  # closed by itself then
            self.recv(_CHUNK)
            self.deadline = min(self._last, time.monotonic() + LINGER_SECONDS)

    def handle_close(self) -> None:
        """Close this half too."""
        self.close()


class Refused(ErrorTask):  # type: ignore[misc]
    """What waitress cannot take, told as JSON like all else."""

    def execute(self) -> None:
        """Write the answer."""
        self.channel.lingers = True
        error = self.request.error
        message = str(error.body)
        if error.code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            # waitress is told one more, and refuses what reaches it.
            most = self.channel.server.adj.max_request_body_size - 1
            message = f"the body is larger than {most} bytes"
        answer = response.refusal(HTTPStatus(error.code), message)
        self.status = f"{answer.status.value} {answer.status.phrase}"
        self.response_headers.append(("Content-Type", answer.content_type))
        self.content_length = len(answer.body)
        self.set_close_on_finish()
        self.channel.server.row.answered("other", answer.status.value)
        self.write(answer.body)


class Connection(HTTPChannel):  # type: ignore[misc]
    """One client, and the request of it that is under way."""

    error_task_class = Refused
    lingers = False
    # What was seen by the last call of `waits`, whether it had been begun, and since when.
    seen: tuple[Any, bool] = (None, False)
    since = 0.0
    served: Any = None
    answering: Any = None
    refused = False

    def service(self) -> None:
        """Let the application answer; runs in a thread."""
        with self.requests_lock:
            # What came behind another request would be dropped by a connection that closes.
            if self.server.stopping.is_set() and len(self.requests) == 1 and self.request is None:
                self.requests[0].headers["CONNECTION"] = "close"
            self.served = self.requests[0]
        super().service()

    def write_soon(self, data: bytes) -> int:
        """Send a part of the application's answer, unless it comes too late."""
        with self.outbuf_lock:
            if self.refused:
                raise ClientDisconnected
            self.answering = self.served
        return int(super().write_soon(data))

    def waits(self, now: float) -> tuple[Any, float]:
        """Return the request that is waited for and the seconds since it came, or was begun."""
        requests, partial = self.requests, self.request
        waited = requests[0] if requests else partial
        state = (waited, waited is self.served)
        if state != self.seen:
            self.seen, self.since = state, now
        return waited, now - self.since

    def refuse(self, answer: Response) -> bool:
        """Answer in the place of the application, and close; False where it was faster."""
        with self.outbuf_lock:
            if self.requests and self.answering is self.requests[0]:
                self.handle_close()  # it has written, and the client does not read
                return False
            self.refused = self.lingers = True
            data = answer.raw()
            self.outbufs[-1].append(data)
            self.total_outbufs_len += len(data)
            self.close_when_flushed = True
        return True

    def handle_close(self) -> None:
        """Close the connection, in halves where its client may still send."""
        if (self.server.stopping.is_set() or self.lingers) and self.socket is not None:
            with suppress(OSError):  # the client was first
                self.socket.shutdown(socket.SHUT_WR)
                Draining(self.socket.dup(), self.server._map)
        super().handle_close()
