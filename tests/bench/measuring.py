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


def compare(
    ours: Callable[[], object], other: Callable[[], object], rounds: int = 25
) -> tuple[float, float]:
    """Return the seconds of two works, the medians of rounds in which they take turns.

    So that whatever else the machine does meanwhile slows both.
    """
    times: list[list[float]] = [[], []]
    for _ in range(rounds):
        for work, kept in zip((ours, other), times, strict=True):
            begin = time.perf_counter()
            work()
            kept.append(time.perf_counter() - begin)
    return statistics.median(times[0]), statistics.median(times[1])


def seconds(measured: float) -> str:
    """Return a time as it stands in the table."""
    return f"{measured:.4f} s"


def row(what: str, measured: str, aim: str = "") -> None:
    """Print one line of the table."""
    print(f"{what:48} {measured:>14}   {aim}", flush=True)
