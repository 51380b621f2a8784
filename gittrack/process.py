"""Child processes: a command run as a tree of its own, shown live, and stopped as a whole."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal, NoReturn, TextIO

from gittrack.errors import ToolError

if TYPE_CHECKING:
    from types import FrameType

Stream = Literal["stdout", "stderr"]
Sink = Callable[[Stream, bytes], None]

GRACE_SECONDS = 10.0

_CHUNK = 64 * 1024
_DRAIN_SECONDS = 1.0
_POLL_SECONDS = 0.05
_LAST_LINES = 12
_FORWARDED = ("SIGINT", "SIGTERM", "SIGHUP")
_KILL = getattr(signal, "SIGKILL", signal.SIGTERM)


@dataclass(frozen=True)
class Outcome:
    """How a command ended.

    Attributes:
        exit_code: what it exited with; 128+n where signal n ended it.
        signal: the signal that this process got and handed on to it, or None.
    """

    exit_code: int
    signal: int | None = None


def run(
    command: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    sink: Sink | None = None,
    grace: float = GRACE_SECONDS,
) -> Outcome:
    """Run a command, show its output on ours as it comes, and give every piece of it to `sink` too.

    The command has a session of its own. SIGINT, SIGTERM and SIGHUP that reach this process are
    handed on to all of it; what is left of it after `grace` seconds, or at the second such signal,
    is killed.

    Raises:
        ToolError: the command cannot be started.
    """
    forwarder = _Forwarder(grace)
    with forwarder.installed():
        child = _start(command, cwd, env)
        forwarder.attach(child.pid)
        code = _watch(child, sink, forwarder)
    if forwarder.signal is not None:
        return Outcome(128 + forwarder.signal, forwarder.signal)
    return Outcome(code if code >= 0 else 128 - code)


def become(command: Sequence[str], *, env: Mapping[str, str]) -> NoReturn:
    """Go on as another program, with the same process id, streams and terminal.

    Raises:
        ToolError: it cannot be started.
    """
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    try:
        os.execvpe(command[0], list(command), dict(env))  # noqa: S606 - the shell is the command's own affair
    except OSError as error:
        raise ToolError(f"cannot start {command[0]}: {error.strerror}") from None


def work(
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    line: Callable[[str], None] = lambda _: None,
    keep: Sequence[int] = (),
) -> None:
    """Run a tool that is to succeed, giving each line that it prints to `line`.

    Signals that stop this process stop all of the tool first, see `run`.

    Args:
        keep: descriptors that it inherits.

    Raises:
        ToolError: it cannot be started or fails; its last lines are named.
        KeyboardInterrupt: such a signal came.
    """
    last: deque[str] = deque(maxlen=_LAST_LINES)
    forwarder = _Forwarder(GRACE_SECONDS)
    with forwarder.installed():
        try:
            child = subprocess.Popen(
                list(command),
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=tuple(keep),
                start_new_session=True,
            )
        except OSError as error:
            raise ToolError(f"cannot start {command[0]}: {error.strerror}") from None
        forwarder.attach(child.pid)
        with child:
            try:
                # Its end comes when nothing of its tree is left that could still write.
                for data in _pipe(child.stdout):
                    text = data.decode(errors="replace").rstrip().rpartition("\r")[2]
                    if text:
                        last.append(text)
                        line(text)
            except BaseException:
                _signal_group(child.pid, signal.SIGTERM)
                raise
    if forwarder.signal is not None:
        raise KeyboardInterrupt
    if child.returncode:
        said = "\n".join(last) or f"exit code {child.returncode}"
        raise ToolError(f"{Path(command[0]).name} failed: {said}")


def _start(command: Sequence[str], cwd: Path, env: Mapping[str, str]) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            list(command),
            cwd=cwd,
            env=dict(env),
            stdin=_standard_input(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ToolError(
            f"cannot start {command[0]!r} in {cwd}: {reason}",
            hint=f"check that {command[0]} is on PATH",
        ) from error


def _standard_input() -> int | None:
    # A terminal belongs to our session: a child of another one that reads it gets an error.
    try:
        on_terminal = sys.__stdin__ is None or sys.__stdin__.isatty()
    except ValueError:  # closed
        on_terminal = True
    return subprocess.DEVNULL if on_terminal else None


def _watch(child: subprocess.Popen[bytes], sink: Sink | None, forwarder: _Forwarder) -> int:
    readers = [
        threading.Thread(
            target=_pump, args=(_pipe(child.stdout), "stdout", sys.stdout, sink), daemon=True
        ),
        threading.Thread(
            target=_pump, args=(_pipe(child.stderr), "stderr", sys.stderr, sink), daemon=True
        ),
    ]
    for reader in readers:
        reader.start()
    code = child.wait()
    # Of a stopped tree, the processes that are left have the rest of the grace to save their work.
    while forwarder.is_waiting() and _group_lives(child.pid):
        time.sleep(_POLL_SECONDS)
    forwarder.detach()
    # What the command left running in the background may hold the pipes open for ever.
    until = time.monotonic() + _DRAIN_SECONDS
    for reader in readers:
        reader.join(max(0.0, until - time.monotonic()))
    return code


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise ToolError("a child process has no pipe for its output")
    return pipe


def _pump(pipe: IO[bytes], stream: Stream, shown: TextIO | None, sink: Sink | None) -> None:
    # Runs in a thread until the last process that holds the pipe has closed it.
    descriptor = pipe.fileno()
    show = _shower(shown)
    with pipe:
        while data := _read(descriptor):
            if show is not None:
                try:
                    show(data)
                except (OSError, ValueError):  # nobody reads ours any more; the command goes on
                    show = None
            if sink is not None:
                sink(stream, data)


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, _CHUNK)
    except OSError:
        return b""


def _shower(shown: TextIO | None) -> Callable[[bytes], None] | None:
    if shown is None:
        return None
    binary = getattr(shown, "buffer", None)
    if binary is not None:
        shown.flush()

        def show_bytes(data: bytes) -> None:
            binary.write(data)
            binary.flush()

        return show_bytes
    # A notebook's stream takes text only.
    import codecs

    decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def show_text(data: bytes) -> None:
        shown.write(decoder.decode(data))
        shown.flush()

    return show_text


class _Forwarder:
    """Hands signals on to a command's process group while it runs."""

    def __init__(self, grace: float) -> None:
        self.signal: int | None = None
        self._grace = grace
        self._group: int | None = None
        self._deadline = 0.0
        self._timer: threading.Timer | None = None

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Take the signals for the time of the block; only a main thread can."""
        before = {}
        if threading.current_thread() is threading.main_thread():
            for number in (getattr(signal, name) for name in _FORWARDED if hasattr(signal, name)):
                # Under `nohup` a signal is ignored on purpose, by us and by what we start.
                if signal.getsignal(number) is not signal.SIG_IGN:
                    before[number] = signal.signal(number, self._receive)
        try:
            yield
        finally:
            self.detach()
            for number, handler in before.items():
                signal.signal(number, handler)

    def attach(self, group: int) -> None:
        """Name the process group; a signal that came before is handed on now."""
        self._group = group
        if self.signal is not None:
            self._send(self.signal)

    def detach(self) -> None:
        """Stop forwarding; what is left of a stopped tree is killed."""
        if self._timer is not None:
            self._timer.cancel()
        if self.signal is not None:
            self._send(_KILL)
        self._group = None

    def is_waiting(self) -> bool:
        """Tell whether a stopped tree still has time to end by itself."""
        return self.signal is not None and time.monotonic() < self._deadline

    def _receive(self, number: int, _: FrameType | None) -> None:
        if self.signal is not None:
            self._deadline = 0.0
            self._send(_KILL)
            return
        self.signal = number
        self._deadline = time.monotonic() + self._grace
        self._timer = threading.Timer(self._grace, self._send, (_KILL,))
        self._timer.daemon = True
        self._timer.start()
        self._send(number)

    def _send(self, number: int) -> None:
        if self._group is not None:
            with suppress(ProcessLookupError, PermissionError):
                _signal_group(self._group, number)


def _signal_group(group: int, number: int) -> None:
    if sys.platform == "win32":
        os.kill(group, number)
    else:
        os.killpg(group, number)


def _group_lives(group: int) -> bool:
    try:
        _signal_group(group, 0)
    except OSError:
        return False
    # In a container without a proper init, dead orphans stay in the group as zombies for ever.
    states = [_state(entry, group) for entry in Path("/proc").glob("[0-9]*/stat")]
    return not any(states) or any(state not in ("", "Z") for state in states)


def _state(stat: Path, group: int) -> str:
    try:
        state, _, its_group = stat.read_text(errors="replace").rpartition(")")[2].split()[:3]
    except (OSError, ValueError):
        return ""
    return state if int(its_group) == group else ""
