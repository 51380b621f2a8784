"""A record never harms the work it records.

What fails outside the caller's control becomes one warning.
"""

from __future__ import annotations

import sys
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from gittrack.errors import StoreError, TrackingWarning

_PACKAGE = str(Path(__file__).parent.parent)

if TYPE_CHECKING:
    from collections.abc import Iterator


class Warner:
    """Warns of each thing once, in the name of one run."""

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        self._said: set[str] = set()

    def warn(self, message: str, *, once: str = "") -> None:
        """Give a warning, unless it, or another with the same `once`, was given before."""
        if (once or message) not in self._said:
            self._said.add(once or message)
            text = f"run {self.run_id}: {message}"
            warnings.warn(text, TrackingWarning, stacklevel=caller_level())

    @contextmanager
    def forgive(self, what: str) -> Iterator[None]:
        """Turn an error of the system into a warning that `what` could not be written."""
        try:
            yield
        except (OSError, StoreError) as error:
            reason = (
                error.message if isinstance(error, StoreError) else error.strerror or str(error)
            )
            self.warn(f"{what} could not be written: {reason}", once=what)


def caller_level() -> int:
    """Return how many frames up the code is that called into this package."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        level, frame = level + 1, frame.f_back
    return level
