"""A bar or a line for what takes more than a second, on a terminal only."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from gittrack.cli.cells import plain

_PATIENCE = 1.0


@contextmanager
def bar(label: str) -> Iterator[Callable[[int, int], None]]:
    """Give a function that shows how many things of how many are done."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    from rich.console import Console
    from rich.progress import Progress

    begin = time.monotonic()
    with Progress(console=Console(stderr=True), transient=True, disable=False) as shown:
        task = shown.add_task(label, total=None, visible=False)

        def show(done: int, total: int) -> None:
            late = time.monotonic() - begin > _PATIENCE
            shown.update(task, completed=done, total=total, visible=late)

        yield show


class Line:
    """The last line of a terminal, written over by each `show`; nothing where there is none."""

    def __init__(self) -> None:
        self._is_there = sys.stderr is not None and sys.stderr.isatty()
        self._is_written = False

    def show(self, text: str) -> None:
        """Show a text in the place of the one before."""
        if self._is_there:
            width = shutil.get_terminal_size().columns - 1
            sys.stderr.write(f"\r\x1b[2K{plain(text)[:width]}")
            sys.stderr.flush()
            self._is_written = True

    def clear(self) -> None:
        """Leave the line as it was before."""
        if self._is_written:
            sys.stderr.write("\r\x1b[2K")
            sys.stderr.flush()
            self._is_written = False
