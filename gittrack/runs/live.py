"""Marks of running processes: who holds a run open, as far as this clone can know.

A mark is `mlruns/.cache/live/<run id>`, never committed. It names host, boot and process, is locked
while its process lives, and is touched every 15 s, so that other hosts on a shared file system can
tell too. Where a file system has no locks, its age tells on this host as well.
"""

from __future__ import annotations

import errno
import json
import os
import stat
import threading
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Literal

from gittrack import paths

try:
    import fcntl

    _LOCKS = True
except ImportError:  # Windows: no locks, marks are judged by their age
    _LOCKS = False

State = Literal["running", "interrupted", "silent", "elsewhere"]

TOUCH_SECONDS = 15
SILENT_SECONDS = 90
_TRIES = 3
_O_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
_O_NONBLOCK = getattr(os, "O_NONBLOCK", 0)
_PAUSE_SECONDS = 0.002


class Mark:
    """The mark of a run that this process holds open."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor: int | None = descriptor

    def keep_touching(self) -> None:
        """Touch the mark now and then, until it is given up."""
        _toucher.add(self)

    def touch(self) -> None:
        """Show other hosts that this process is there; put the mark back where it was removed."""
        with _toucher.lock, suppress(OSError):
            if self._descriptor is None:
                return
            if self.path.exists():
                os.utime(self.path)
            elif again := take(self.path.parent.parent.parent, self.path.name):
                os.close(self._descriptor)
                self._descriptor, again._descriptor = again._descriptor, None

    def release(self) -> None:
        """Give the run free and remove the mark."""
        with _toucher.lock:
            if self._descriptor is not None:
                with suppress(OSError):
                    self.path.unlink()
            self.forget()

    def forget(self) -> None:
        """Give the run free, but leave the mark to tell that it did not end."""
        self.close()

    def close(self) -> None:
        """Close this process's copy of the lock without giving it free, as a forked child does."""
        with _toucher.lock:
            _toucher.discard(self)
            if self._descriptor is not None:
                with suppress(OSError):
                    os.close(self._descriptor)
                self._descriptor = None


class _Toucher:
    """Touches the marks of this process from one thread, which ends when there are none left.

    `lock` is held while a mark is touched or given up. A signal's handler may come back to it.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._marks: set[Mark] = set()
        self._thread: threading.Thread | None = None

    def add(self, mark: Mark) -> None:
        with self.lock, suppress(RuntimeError):
            self._marks.add(mark)
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="gittrack-marks", daemon=True)
                thread.start()  # without a thread, other hosts take the run for silent
                self._thread = thread

    def discard(self, mark: Mark) -> None:
        self._marks.discard(mark)

    def _run(self) -> None:
        while True:
            time.sleep(TOUCH_SECONDS)
            with self.lock:
                marks = list(self._marks)
                if not marks:
                    self._thread = None
                    return
            for mark in marks:
                mark.touch()


_toucher = _Toucher()


def take(store: Path, run_id: str) -> Mark | None:
    """Mark a run as open in this process; None where another process holds it.

    Raises:
        OSError: the mark cannot be written.
    """
    path = store / paths.CACHE / paths.LIVE / run_id
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.parent.is_symlink() or path.parent.parent.is_symlink():
        raise OSError(errno.ELOOP, f"{path.parent} is reached by a link")
    for _ in range(_TRIES):
        descriptor = _open(path, os.O_RDWR | os.O_CREAT)
        # It may have been removed, by the process that held it, between opening and locking.
        if _is_free(path, descriptor) and _is_at(path, descriptor):
            break
        os.close(descriptor)
        time.sleep(_PAUSE_SECONDS)  # a reader that looks at the mark locks it for a moment
    else:
        return None
    mark = {"host": host(), "boot": boot_id(), "pid": os.getpid()}
    if os.fstat(descriptor).st_size:  # to cut an empty file, too, makes its closing a flush
        os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps(mark).encode() + b"\n", 0)
    return Mark(path, descriptor)


def state(store: Path, run_id: str) -> State:
    """Tell what became of a run whose record says RUNNING."""
    path = store / paths.CACHE / paths.LIVE / run_id
    try:
        descriptor = _open(path, os.O_RDONLY)
    except OSError:
        return "elsewhere"
    try:
        mark = _read(descriptor)
        if mark.get("host") == host():
            if mark.get("boot") != boot_id():
                return "interrupted"
            if (locked := _lock(descriptor, shared=True)) is not None:
                return "interrupted" if locked else "running"
        return "running" if _is_fresh(path, descriptor) else "silent"
    finally:
        os.close(descriptor)


def host() -> str:
    """Return this machine's name."""
    if hasattr(os, "uname"):  # to import `socket` takes longer than to log a short run
        return os.uname().nodename
    import socket

    return socket.gethostname()


@cache
def boot_id() -> str:
    """Return what is different after each start of this machine.

    "" where the system does not say.
    """
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _open(path: Path, flags: int) -> int:
    """Open a mark; what stands in its place, a link or a pipe of somebody else's, is refused."""
    descriptor = os.open(path, flags | _O_NOFOLLOW | _O_NONBLOCK, 0o666)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, f"{path} is not a plain file")
    return descriptor


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _is_free(path: Path, descriptor: int) -> bool:
    if (locked := _lock(descriptor)) is not None:
        return locked
    return not os.fstat(descriptor).st_size or not _is_fresh(path, descriptor)


def _is_fresh(path: Path, descriptor: int) -> bool:
    return _file_system_now(path.parent) - os.fstat(descriptor).st_mtime < SILENT_SECONDS


def _lock(descriptor: int, *, shared: bool = False) -> bool | None:
    """Lock a mark; False where another process holds it, None where there are no locks."""
    if not _LOCKS:
        return None
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        return None
    return True


def _read(descriptor: int) -> dict[str, object]:
    try:
        value = json.loads(os.pread(descriptor, 4096, 0))
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _file_system_now(folder: Path) -> float:
    # The clock of the file server, not ours: a fresh file's time is what its marks are compared
    # with.
    probe = folder / f".now-{paths.random_text(8)}{paths.TEMPORARY}"
    try:
        probe.touch()
        return probe.stat().st_mtime
    except OSError:
        return time.time()
    finally:
        with suppress(OSError):
            probe.unlink()


if hasattr(os, "register_at_fork"):  # a child has neither the thread nor, for sure, the lock
    os.register_at_fork(after_in_child=_toucher.__init__)  # type: ignore[misc]
