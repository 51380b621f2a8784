"""How things are timed and printed, the same for every part."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 7


def best(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Return the best wall time of some rounds, in seconds."""
    times = []
    for _ in range(rounds):
        begin = time.perf_counter()
        work()
        times.append(time.perf_counter() - begin)
    return min(times)


def process(*arguments: str) -> float:
    """Return the seconds of a fresh Python process, the median of some."""

    def once() -> float:
        begin = time.perf_counter()
        subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
        return time.perf_counter() - begin

    once()
    return statistics.median(once() for _ in range(ROUNDS))


def row(what: str, measured: str, aim: str = "") -> None:
    """Print one line of the table."""
    print(f"{what:48} {measured:>14}   {aim}", flush=True)
