"""The HTTP server around the pages: waitress, until a signal ends it."""

from __future__ import annotations

import logging
import signal
import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from gittrack.errors import ToolError, UsageError
from gittrack.ui import guard
from gittrack.ui.app import PagesApp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from gittrack.runs.store import Store

PORT = 5000
_LAST_PORT = 65535
_THREADS = 8
_TURN_SECONDS = 1.0


def serve(store: Store, *, host: str, port: int, on_ready: Callable[[str], None]) -> None:
    """Serve the pages until SIGTERM or an interrupt.

    Args:
        port: 0 takes any free one.
        on_ready: called with the address as soon as requests are answered.

    Raises:
        ToolError: the address cannot be taken.
    """
    import waitress

    if not 0 <= port <= _LAST_PORT:
        raise UsageError(
            f"port {port} is not between 0 and {_LAST_PORT}", hint="0 takes a free one"
        )
    bound = _bind(host, port)
    local = guard.is_loopback_host(host)
    names = () if local else (host.lower(), socket.gethostname().lower(), socket.getfqdn().lower())
    app = PagesApp(store, guard=guard.Guard(hosts=names))
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    sockets: dict[int, Any] = {}
    server = waitress.create_server(
        app,
        map=sockets,
        sockets=[bound],
        threads=_THREADS,
        ident="gittrack",
        asyncore_use_poll=True,
    )
    # The first page asks for all runs: they are read while the browser starts.
    threading.Thread(target=app.views.live.changes, daemon=True).start()
    with _told_to_stop(server.pull_trigger) as stopping:
        on_ready(_url(host if local else "localhost", bound.getsockname()[1]))
        while not stopping.is_set():
            server.asyncore.loop(timeout=_TURN_SECONDS, map=sockets, use_poll=True, count=1)
        server.task_dispatcher.shutdown()
        server.close()


@contextmanager
def _told_to_stop(wake: Callable[[], None]) -> Iterator[threading.Event]:
    """Give what is set by SIGTERM and by an interrupt, wherever the main thread is then."""
    stopping = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopping.set()
        wake()

    signals = (signal.SIGTERM, signal.SIGINT)
    before = [signal.signal(one, stop) for one in signals]
    try:
        yield stopping
    finally:
        for one, handler in zip(signals, before, strict=True):
            signal.signal(one, handler)


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _bind(host: str, port: int) -> socket.socket:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, address = min(found, key=lambda entry: entry[0] != socket.AF_INET)
        return socket.create_server(address, family=family, backlog=128)
    except OSError as error:
        hint = "choose another with --port, 0 takes any free one"
        raise ToolError(
            f"cannot show pages on {host}:{port}: {error.strerror or error}", hint=hint
        ) from None
