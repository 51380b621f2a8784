"""The processes of a server: forked on one bound socket, each replaced when it ends.

The first process loads nothing, so that forking is cheap and safe; it waits for what its workers
tell, and hands a signal to stop on to them.
"""

from __future__ import annotations

import gc
import logging
import math
import mmap
import multiprocessing
import os
import signal
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing import connection
from typing import TYPE_CHECKING, Any

from gittrack.errors import GittrackError, ToolError, UsageError
from gittrack.serving.app import MAX_BODY, create_app
from gittrack.serving.listening import LOOPBACK, PORT, address_of, bind
from gittrack.serving.metrics import Board
from gittrack.serving.server import Limits, Server

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator
    from multiprocessing.context import ForkContext, ForkProcess
    from pathlib import Path

    from gittrack.serving.listening import Address

_READY, _OVERTIME = "ready", "overtime"
_LOOK_SECONDS = 1.0
_OPEN_SECONDS = 0.005
# What a worker gets beyond the time for its last request.
_GRACE_SECONDS = 5.0
_MOST_PAUSE = 30.0
_MOST_WORKERS = 256
# What a process opens beside its connections.
_FILES = 500
_STOPS = (signal.SIGTERM, signal.SIGINT)

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Service:
    """What is served, and how."""

    model_uri: str | Path
    workers: int = 1
    limits: Limits = field(default_factory=Limits)
    max_body: int = MAX_BODY
    debug: bool = False


def serve(
    service: Service,
    *,
    host: str = LOOPBACK,
    port: int = PORT,
    on_ready: Callable[[Address], None],
) -> None:
    """Serve until SIGTERM, or an interrupt; every request that was accepted is answered first.

    Args:
        port: 0 takes any free one.
        on_ready: called with the real address as soon as all workers answer.

    Raises:
        UsageError: there is no such port, or it is to be served by no worker or within no limits.
        ToolError: the address cannot be taken, or a worker dies before it is ready.
        GittrackError: the model cannot be loaded.
    """
    if not 1 <= service.workers <= _MOST_WORKERS:
        raise UsageError(
            f"{service.workers} workers cannot answer",
            hint=f"--workers 1 to {_MOST_WORKERS}, about as many as there are cores",
        )
    _check_limits(service)
    with bind(host, port) as listener:
        crew = _Crew(service, listener)
        with _stop_signals(crew):
            crew.work(lambda: on_ready(address_of(listener)))
    if crew.stopped_by == signal.SIGINT:
        raise KeyboardInterrupt


def _check_limits(service: Service) -> None:
    seconds = (service.limits.request_seconds, service.limits.read_seconds)
    for option, value in zip(("--timeout", "--read-timeout"), seconds, strict=True):
        if not 0 < value < math.inf:
            raise UsageError(f"{option} {value:g} is no time", hint="give seconds, such as 60")
    if service.max_body < 1:
        raise UsageError(f"--max-body {service.max_body} takes no body", hint=f"such as {MAX_BODY}")


@dataclass
class _Worker:
    """One process, and the pipe that it tells by."""

    number: int
    process: ForkProcess
    pipe: connection.Connection
    ready: bool = False
    replaced: bool = False
    kill_at: float = math.inf
    killed: bool = False


class _Crew:
    """The workers of a server."""

    def __init__(self, service: Service, listener: socket.socket) -> None:
        self.stopped_by = 0
        self._service, self._listener = service, listener
        self._board = Board(service.workers)
        self._workers: list[_Worker] = []
        # A worker that dies again and again is started ever more slowly.
        self._pauses = [0.0] * service.workers
        self._due: dict[int, float] = dict.fromkeys(range(service.workers), 0.0)
        self._context = _forking()
        # Set when all are ready, so that none takes the clients that wait for all of them.
        # A byte, not a lock: whoever holds a lock may be killed.
        self._open = mmap.mmap(-1, 1)
        self._wake, self._woken = os.pipe()
        os.set_blocking(self._wake, False)

    def signal(self, number: int, _frame: object) -> None:
        """Take a signal to stop; a second one is not waited for."""
        if self.stopped_by:
            for worker in self._workers:
                worker.kill_at = 0.0
        self.stopped_by = self.stopped_by or number
        os.write(self._woken, b"\0")

    def work(self, on_ready: Callable[[], None]) -> None:
        """Keep the workers at work until a signal comes, then let them end.

        Raises:
            GittrackError: a worker could not begin.
        """
        _allow_files(self._service.limits.connections)
        waiting_for_all = True
        try:
            while not self.stopped_by:
                self._start_due()
                self._wait()
                self._settle(first=waiting_for_all)
                if waiting_for_all and self._all_ready():
                    waiting_for_all = False
                    on_ready()
                    self._open[0] = 1
        finally:
            self._end()

    def _start_due(self) -> None:
        now = time.monotonic()
        for number in [number for number, due in self._due.items() if due <= now]:
            del self._due[number]
            ours, theirs = self._context.Pipe(duplex=False)
            given = (number, theirs, os.getpid())
            process = self._context.Process(target=self._be_worker, args=given)
            with _signals_held():
                process.start()
            theirs.close()
            self._workers.append(_Worker(number, process, ours))

    def _be_worker(self, number: int, pipe: connection.Connection, parent: int) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process hands it on
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPS)
        service, rows = self._service, self._board.rows
        try:
            app = create_app(
                service.model_uri,
                max_body=service.max_body,
                debug=service.debug,
                board=self._board,
                worker=number,
            )
        except GittrackError as error:
            pipe.send(error)
            return
        server = Server(
            app,
            self._listener,
            limits=service.limits,
            peers=[row for row in rows if row is not rows[number]],
            on_overtime=lambda: pipe.send(_OVERTIME),
            is_orphan=lambda: os.getppid() != parent,
        )
        signal.signal(signal.SIGTERM, lambda *_: server.stop())
        # What was loaded stays: the collector need not look at it again in the midst of requests.
        gc.collect()
        gc.freeze()
        pipe.send(_READY)
        while not (self._open[0] or server.is_stopping):
            time.sleep(_OPEN_SECONDS)
        server.run()

    def _wait(self, seconds: float = _LOOK_SECONDS) -> None:
        """Wait until a worker tells something or ends, or a signal comes."""
        now = time.monotonic()
        times = [*self._due.values(), *(worker.kill_at for worker in self._workers), now + seconds]
        pipes = [worker.pipe for worker in self._workers if not worker.pipe.closed]
        ends = [worker.process.sentinel for worker in self._workers]
        connection.wait([*pipes, *ends, self._wake], timeout=max(min(times) - now, 0.0))

    def _settle(self, *, first: bool) -> None:
        """Take in what workers told, and replace those that ended or are about to."""
        for worker in list(self._workers):
            ended = worker.process.exitcode is not None  # asked first: all is told by then
            told = _told(worker.pipe)
            if _READY in told:
                worker.ready, self._pauses[worker.number] = True, 0.0
            if _OVERTIME in told:
                worker.kill_at = time.monotonic() + self._patience
                self._replace(worker)
            for error in (entry for entry in told if isinstance(entry, GittrackError)):
                if first:
                    raise error
                _log.error("a worker cannot begin: %s", error)
            self._watch(worker)
            if ended:
                self._bury(worker, first=first)

    @property
    def _patience(self) -> float:
        return self._service.limits.request_seconds + _GRACE_SECONDS

    def _watch(self, worker: _Worker) -> None:
        # A model that keeps the interpreter to itself lets nobody else say that it is too late.
        is_watched = worker.ready and not (worker.replaced or worker.killed)
        if is_watched and self._board.rows[worker.number].silence > self._patience:
            _log.error("worker %s does not answer; it is killed", worker.process.pid)
            worker.kill_at = 0.0
        if time.monotonic() >= worker.kill_at:
            worker.process.kill()
            worker.killed, worker.kill_at = True, math.inf  # it may take a while to be gone

    def _bury(self, worker: _Worker, *, first: bool) -> None:
        self._workers.remove(worker)
        worker.pipe.close()
        code = worker.process.exitcode
        if first and not self.stopped_by:
            raise ToolError(
                f"a worker ended with exit code {code} before it was ready",
                hint="its last words stand above",
            )
        if not self.stopped_by and not worker.replaced:
            _log.error(
                "worker %s ended with exit code %s; it is replaced", worker.process.pid, code
            )
            self._replace(worker)

    def _replace(self, worker: _Worker) -> None:
        worker.replaced = True
        pause = self._pauses[worker.number]
        self._due[worker.number] = time.monotonic() + pause
        self._pauses[worker.number] = min(max(2 * pause, 1.0), _MOST_PAUSE)

    def _all_ready(self) -> bool:
        return len(self._workers) == self._service.workers and all(
            worker.ready for worker in self._workers
        )

    def _end(self) -> None:
        """Let the workers finish what they have, for as long as a request may take."""
        self._due = {}
        self.stopped_by = self.stopped_by or signal.SIGTERM
        # A connection is refused from the moment when no process listens any more.
        self._listener.close()
        self._open[0] = 1
        for worker in self._workers:
            worker.process.terminate()
            worker.kill_at = min(worker.kill_at, time.monotonic() + self._patience)
        while self._workers:
            with suppress(BlockingIOError):
                os.read(self._wake, 100)
            self._wait()
            self._settle(first=False)


@contextmanager
def _stop_signals(crew: _Crew) -> Iterator[None]:
    numbers = [number for number in _STOPS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, crew.signal) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _signals_held() -> Iterator[None]:
    """Let no signal come between the fork and the worker's own handlers."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _forking() -> ForkContext:
    try:
        return multiprocessing.get_context("fork")
    except ValueError:
        raise ToolError(
            "this system cannot fork processes", hint="serve models on Linux or macOS"
        ) from None


def _allow_files(connections: int) -> None:
    """Let a process open as many files as it may hold connections, where the system lets it."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + _FILES
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def _told(pipe: connection.Connection) -> list[Any]:
    told = []
    with suppress(EOFError, OSError):
        while pipe.poll():
            told.append(pipe.recv())
        return told
    pipe.close()
    return told
