"""A bar for what takes more than a second, on a terminal only."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

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
