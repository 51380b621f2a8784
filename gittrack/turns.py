"""Taking turns: what processes and threads do one after the other, as far as that can be had.

Nothing waits for ever and nothing fails for want of a lock. Where a file system has none, where its
file belongs to somebody else, or where it is held for a minute, the work is done all the same.
"""

from __future__ import annotations

import os
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from gittrack import paths

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PATIENCE_SECONDS = 60
_PAUSE_SECONDS = 0.01
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)

# The turns that each thread has: a signal's handler may come while it has one, and would wait for
# itself.
_taken: set[tuple[int, Path]] = set()


@contextmanager
def turn(store: Path, name: str) -> Iterator[None]:
    """Let no other process or thread into a block of that name, in the same store, meanwhile."""
    path = store / paths.CACHE / paths.LOCKS / name
    key = (threading.get_ident(), path)
    if key in _taken:
        yield
        return
    _taken.add(key)
    descriptor = None
    try:
        descriptor = _open(path)
        if descriptor is not None:
            _wait(descriptor)
        yield
    finally:
        _taken.discard(key)
        if descriptor is not None:
            _give_up(descriptor)


def _open(path: Path) -> int | None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.parent.is_symlink() or path.parent.parent.is_symlink():
            return None
        try:
            return os.open(path, os.O_RDWR | os.O_CREAT | _NO_FOLLOW, 0o666)
        except PermissionError:  # another user has made it
            return os.open(path, os.O_RDONLY | _NO_FOLLOW)
    except OSError:
        return None


def _wait(descriptor: int) -> None:
    until = time.monotonic() + _PATIENCE_SECONDS
    while fcntl is not None and time.monotonic() < until:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_PAUSE_SECONDS)
        except OSError:
            return
        else:
            return


def _give_up(descriptor: int) -> None:
    # Closing is not enough: another thread may have forked a child, which has the file open too.
    try:
        if fcntl is not None:
            fcntl.flock(descriptor, fcntl.LOCK_UN)
    except OSError:
        pass
    finally:
        os.close(descriptor)
