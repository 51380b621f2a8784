"""How a process ended, for runs that nobody closed: its exit code, an uncaught error, a signal.

`atexit` cannot see an exit code. While a run is open `sys.excepthook` is chained, and Python 3.12
and newer tell which `SystemExit` leaves the outermost frame. Older ones do not, but ask it for its
`code` when no frame is left, and are overheard there. All of it is put back after.
"""

from __future__ import annotations

import atexit
import builtins
import gc
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any

from gittrack.runs.record import FAILED, FINISHED, KILLED

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType, TracebackType


# One of the two that debuggers, coverage and profilers leave to others (PEP 669).
_TOOL, _NAME = 4, "gittrack"
_EXITS = ((sys, "exit"), (builtins, "exit"), (builtins, "quit"))


def status_of(error: type[BaseException] | None, value: BaseException | None) -> str:
    """Return the status of a run whose block was left by this error, or by none."""
    if error is None:
        return FINISHED
    if isinstance(value, SystemExit):
        return FINISHED if value.code in (None, 0) else FAILED
    return KILLED if issubclass(error, KeyboardInterrupt) else FAILED


class Hooks:
    """What is hung into the interpreter while runs are open.

    `close` ends all of them with a status.
    """

    def __init__(self, close: Callable[[str], None]) -> None:
        self._close = close
        self._outcome = FINISHED
        self._pid = -1
        self._hung: list[tuple[object, str, Any, Any]] = []
        self._at_exit = False

    def hang(self) -> None:
        """Begin to watch how the process ends."""
        if self._pid == os.getpid():
            return
        self._pid, self._outcome = os.getpid(), FINISHED
        if not self._at_exit:
            atexit.register(self._exit)
            self._at_exit = True
        if not _monitor(self._see_unwound):
            told = _overhear(self._see_asked)
            for place, name in _EXITS:
                if (before := getattr(place, name, None)) is not None:
                    self._chain(place, name, before, self._see_exit(before, told=told))
        self._chain(sys, "excepthook", sys.excepthook, self._see_error(sys.excepthook))
        _replace_handlers(signal.SIG_DFL, self._terminated)

    def take_down(self) -> None:
        """Put back what was there before; a hook that others have chained to since stays."""
        if self._pid != os.getpid():
            return
        self._pid = -1
        for place, name, before, ours in self._hung:
            if getattr(place, name) is ours:
                setattr(place, name, before)
        self._hung.clear()
        _monitor(None)
        _overhear(None)
        _replace_handlers(self._terminated, signal.SIG_DFL)

    def _chain(self, place: object, name: str, before: Any, ours: Any) -> None:
        self._hung.append((place, name, before, ours))
        setattr(place, name, ours)

    def _see_exit(self, before: Callable[..., Any], *, told: bool) -> Callable[..., Any]:
        def leave(status: Any = None, /) -> Any:
            try:
                return before(status)
            # Here Python makes an object of the exit; of one that nothing caught on its way it
            # keeps the bare status, and has nobody to ask for the code.
            except SystemExit as error:
                if not told:
                    self._outcome = status_of(type(error), error)
                raise

        return leave

    def _see_asked(self, error: SystemExit) -> None:
        self._outcome = status_of(type(error), error)

    def _see_unwound(self, _: object, __: int, error: BaseException) -> None:
        if (
            isinstance(error, SystemExit)
            and sys._getframe(1).f_back is None
            and threading.current_thread() is threading.main_thread()
        ):
            self._outcome = status_of(type(error), error)

    def _see_error(self, before: Callable[..., Any]) -> Callable[..., Any]:
        def report(
            error: type[BaseException], value: BaseException, trace: TracebackType | None
        ) -> Any:
            self._outcome = status_of(error, value)
            return before(error, value, trace)

        return report

    def _exit(self) -> None:
        if self._pid == os.getpid():
            self._close(self._outcome)

    def _terminated(self, number: int, _: FrameType | None) -> None:
        try:
            if self._pid == os.getpid():
                self._close(KILLED)
        finally:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)


def _monitor(unwound: Callable[..., None] | None) -> bool:
    """Call a function whenever an exception leaves a frame, or no more; False where none can."""
    monitoring = getattr(sys, "monitoring", None)
    if monitoring is None:
        return False
    if unwound is None:
        if monitoring.get_tool(_TOOL) == _NAME:
            monitoring.set_events(_TOOL, 0)
            monitoring.register_callback(_TOOL, monitoring.events.PY_UNWIND, None)
            monitoring.free_tool_id(_TOOL)
        return True
    if monitoring.get_tool(_TOOL) is None:
        monitoring.use_tool_id(_TOOL, _NAME)
    if monitoring.get_tool(_TOOL) != _NAME:
        return False  # another tool has taken it
    monitoring.register_callback(_TOOL, monitoring.events.PY_UNWIND, unwound)
    monitoring.set_events(_TOOL, monitoring.events.PY_UNWIND)
    return True


def _overhear(asked: Callable[[SystemExit], None] | None) -> bool:
    """Call a function when Python itself asks a `SystemExit` for its code, or no more.

    Before Python 3.12 nothing else tells of a bare `raise SystemExit(1)`. False where it cannot be.
    """
    code: Any = vars(SystemExit)["code"]
    if asked is None and not isinstance(code, _Code):
        return False
    try:
        from ctypes import py_object, pythonapi
    except ImportError:
        return False
    # The attributes of a built-in type can be set in the dict behind its proxy only.
    attributes = gc.get_referents(vars(SystemExit))[0]
    attributes["code"] = code.before if asked is None else _Code(code, asked)
    pythonapi.PyType_Modified(py_object(SystemExit))
    return True


class _Code:
    """`SystemExit.code` as it was before, and who hears of it."""

    def __init__(self, before: Any, asked: Callable[[SystemExit], None]) -> None:
        self.before, self._asked = before, asked

    def __get__(self, error: SystemExit | None, owner: type | None = None) -> Any:
        if (
            error is not None
            and sys._getframe().f_back is None
            and threading.current_thread() is threading.main_thread()
        ):
            self._asked(error)
        return self.before.__get__(error, owner)

    def __set__(self, error: SystemExit, value: object) -> None:
        self.before.__set__(error, value)


def _replace_handlers(before: Any, after: Any) -> None:
    # Only a main thread can set handlers, and only where nobody else has set one.
    if threading.current_thread() is not threading.main_thread():
        return
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) == before:
            signal.signal(number, after)
