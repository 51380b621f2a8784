"""What this process logs to a run: its lines, as they are written, and what they come to."""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import suppress
from time import time_ns
from typing import TYPE_CHECKING, Any

from gittrack import settings
from gittrack.errors import StoreError
from gittrack.runs import lines
from gittrack.runs.appending import LineWriter
from gittrack.runs.forgiving import message_of, reason_of
from gittrack.runs.lines import FileFold

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from gittrack.runs.forgiving import Warner

CHECK_EVERY_MS = 1000
MOST_WAITING = 8000


class Logbook:
    """Writes lines to files that are this process's own; what cannot be written is counted.

    Attributes:
        fold: what the lines come to.
        lost: how many lines of metrics could not be written, by the reason.
        lock: held while a line is written and folded.
        due: when to look after the run, in ms since 1970 UTC.
    """

    def __init__(self, folder: Path, warner: Warner, look_after: Callable[[int], None]) -> None:
        self.fold = FileFold()
        self.lost: Counter[str] = Counter()
        self.lock = threading.RLock()
        self.due = now_ms() + CHECK_EVERY_MS
        self._warner = warner
        self._look_after = look_after
        self._lines = LineWriter(folder, rank=settings.rank())
        self._restored = 0
        self._told: list[str] = []

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the files, oldest first."""
        return self._lines.names

    def left_out(self) -> list[str]:
        """Return what this process could not write, as a record says it."""
        counts = [f"{count} lines: {reason}" for reason, count in self.lost.items()]
        return counts + self._warner.left_out()

    def log_metric(
        self, name: str, value: float, *, step: int | None = None, time: int | None = None
    ) -> None:
        """Append one line with one metric, `time` in ms since 1970 UTC, all taken as it is.

        Most of what a training logs passes here, thousands of times a second, and what is written
        out here saves a third of its time.
        """
        now = time_ns() // 1_000_000
        moment = now if time is None else time
        key = lines.keys.get(name)
        if key is None or step is None or value - value != 0.0:
            line = lines.metric_line(name, value, time=moment, step=step)
        else:  # the same, without a call
            line = f'{{"step":{step},"time":{moment},"metrics":{{{key}{value!r}}}}}\n'.encode()
        self.lock.acquire()
        try:
            self._lines.append(line)
            waiting = self.fold.waiting
            waiting += (name, step or 0, moment, value)
            if now > self.due or len(waiting) > MOST_WAITING:
                self._tend(now)
        except (OSError, StoreError) as error:
            self._lose(error)
        finally:
            self.lock.release()

    def log_metrics(
        self, metrics: Mapping[str, float], *, step: int | None = None, time: int | None = None
    ) -> None:
        """Append one line with several metrics; see `log_metric`."""
        now = now_ms()
        moment, at = now if time is None else time, step or 0
        with self.lock:
            if self._append(lines.metrics_line(metrics, time=moment, step=step)):
                waiting = self.fold.waiting
                for name, value in metrics.items():
                    waiting += (name, at, moment, value)
            self._tend(now)

    def enter(self, kind: str, value: object) -> None:
        """Append one line of "params", "tags", "inputs" or a "status"."""
        now = now_ms()
        with self.lock:
            try:
                self._lines.append(lines.entry_line(kind, value, time=now))
            except (OSError, StoreError) as error:
                for name in _names(kind, value):
                    self._warner.lose(name, error)
            else:
                self.fold.add({"time": now, kind: value})
                if self._warner.lost:  # what is logged again is lost no more
                    for name in _names(kind, value):
                        self._warner.lost.pop(name, None)
            self._tend(now)

    def tell(self) -> None:
        """Append one line of what is lost, where this process has not said it yet.

        For the record of a run that another process writes.
        """
        with self.lock, suppress(OSError, StoreError):  # of what is lost itself is warned already
            if (lost := self.left_out()) != self._told:
                self._lines.append(lines.entry_line("left_out", lost, time=now_ms()))
                self._told = lost

    def check(self) -> bool:
        """Put back the files that somebody removed, and tell whether there were any."""
        with self._warner.forgive("metrics"):
            self._lines.check()
        before, self._restored = self._restored, self._lines.restored
        return before != self._restored

    def close(self) -> None:
        """Close the files; a line that comes later opens another."""
        self._lines.close()

    def begin_anew(self) -> None:
        """Share nothing with the process that this one was forked from: neither file nor lock."""
        self.lock = threading.RLock()
        self.fold = FileFold()
        self.lost.clear()
        self._warner.lost.clear()
        self._lines.close()

    def _append(self, line: bytes) -> bool:
        try:
            self._lines.append(line)
        except (OSError, StoreError) as error:
            self._lose(error)
            return False
        return True

    def _lose(self, error: OSError | StoreError) -> None:
        # The work goes on; the record will say what it lacks.
        reason = reason_of(error)
        self.lost[reason] += 1
        self._warner.warn(f"metrics could not be written: {message_of(error)}", once=reason)

    def _tend(self, now: int) -> None:
        if len(self.fold.waiting) > MOST_WAITING:
            self.fold.settle()
        if now > self.due:
            self.due = now + CHECK_EVERY_MS
            self._look_after(now)


def _names(kind: str, value: Any) -> list[str]:
    """Return what a line is about, as a record names what is lost."""
    if kind in ("params", "tags"):
        return [f"{kind}.{name}" for name in value]
    return [f"inputs.{item['name']}" for item in value] if kind == "inputs" else [kind]


def now_ms() -> int:
    """Return the time in ms since 1970 UTC."""
    return time_ns() // 1_000_000
