"""A record never harms the work it records.

What fails outside the caller's control becomes one warning, and is named in the record.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import sys
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from gittrack import secrets
from gittrack.errors import StoreError, TrackingWarning

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_NAMED = 100
_PASSED = (str(Path(__file__).parent.parent) + os.sep, contextlib.__file__)
# What a system says of itself. A file that is not there, or of another kind, is the caller's fault.
_SYSTEM = re.compile("EACCES|EDQUOT|EFBIG|EIO|EMFILE|ENFILE|ENOMEM|ENOSPC|EPERM|EROFS|ESTALE")


class Warner:
    """Warns of each thing once, in the name of one run, and keeps what of the run is lost.

    Attributes:
        lost: what could not be written, such as `artifacts/model.pkl` or `params.alpha`, and why.
    """

    def __init__(self, run_id: str, folder: Path) -> None:
        self.run_id = run_id
        self.lost: dict[str, str] = {}
        self._folder = folder
        self._said: set[str] = set()

    def warn(self, message: str, *, once: str = "") -> None:
        """Give a warning, unless it, or another with the same `once`, was given before."""
        if (once or message) not in self._said:
            self._said.add(once or message)
            warn(f"run {self.run_id}: {message}")

    @contextmanager
    def forgive(self, what: str) -> Iterator[None]:
        """Turn an error of the system into a warning that `what` could not be written."""
        try:
            yield
        except (OSError, StoreError) as error:
            self.warn(f"{what} could not be written: {message_of(error)}", once=what)

    @contextmanager
    def filing(self, path: Path) -> Iterator[None]:
        """Turn an error of the system into the loss of a file or folder of the run; see `lose`."""
        what = path.relative_to(self._folder).as_posix()
        try:
            yield
        except (OSError, StoreError) as error:
            if isinstance(error, OSError) and not _is_of_system(error):
                raise
            self.lose(what, error)
        else:
            self.lost.pop(what, None)

    def lose(self, what: str, error: OSError | StoreError) -> None:
        """Warn that `what` is lost, and keep it for the record."""
        self.lost[what] = reason_of(error)
        if len(self.lost) <= MOST_NAMED:
            self.warn(f"{what} could not be written: {message_of(error)}", once=what)

    def left_out(self) -> list[str]:
        """Return what is lost, as a record says it."""
        named = [secrets.redact(f"{what}: {why}") for what, why in list(self.lost.items())]
        rest = len(named) - MOST_NAMED
        return [*named[:MOST_NAMED], f"{rest} more"] if rest > 0 else named


def warn(message: str) -> None:
    """Give a warning at the line that called into this package."""
    warnings.warn(message, TrackingWarning, stacklevel=_caller_level())


def reason_of(error: OSError | StoreError) -> str:
    """Return why something could not be written: without a path, since a record may say it."""
    cause = error.__cause__ if isinstance(error, StoreError) else error
    reason = cause.strerror if isinstance(cause, OSError) else None
    return reason or "the store cannot be written"


def _is_of_system(error: OSError) -> bool:
    return _SYSTEM.fullmatch(errno.errorcode.get(error.errno or 0, "")) is not None


def message_of(error: OSError | StoreError) -> str:
    """Return what a person at this machine is told of an error."""
    return error.message if isinstance(error, StoreError) else error.strerror or str(error)


def _caller_level() -> int:
    """Return how many frames above `warn` the code is that called into this package."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PASSED):
        level, frame = level + 1, frame.f_back
    return level
