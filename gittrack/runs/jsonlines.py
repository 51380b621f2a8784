"""Reading JSON lines: a broken one becomes a problem and hides no other."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from gittrack.files import Problem, open_plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path


class LinesRead(NamedTuple):
    """What reading a JSON-lines file came to: its size in bytes and its broken lines."""

    size: int
    problems: list[Problem]


def read_lines(path: Path, take: Callable[[dict[str, Any]], None]) -> LinesRead:
    """Give each object of a JSON-lines file to `take`, one after the other.

    A line that cannot be read, or that `take` refuses by a ValueError, becomes a problem and hides
    no other. A missing file is an empty one. The last line may lack its newline: a process was
    killed while it wrote.
    """
    try:
        with open_plain(path) as file:
            return take_lines(file, path, take)
    except OSError as error:
        missing = isinstance(error, FileNotFoundError)
        return LinesRead(0, [] if missing else [Problem(path, error.strerror or str(error))])


def take_lines(
    lines: Iterable[bytes], path: Path, take: Callable[[dict[str, Any]], None]
) -> LinesRead:
    """Give each object of JSON lines to `take`, see `read_lines`; `path` is where they stand."""
    size, number = 0, 0
    problems: list[Problem] = []
    try:
        for number, line in enumerate(lines, 1):
            size += len(line)
            if words := _take_line(line, take):
                problems.append(Problem(path, words, number))
    except OSError as error:
        problems.append(Problem(path, error.strerror or str(error), number))
    return LinesRead(size, problems)


def _take_line(line: bytes, take: Callable[[dict[str, Any]], None]) -> str:
    """Return what is wrong with a line, or ""."""
    if not line.strip():
        return ""
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return "not a line of JSON" if line.endswith(b"\n") else "the last line is cut off"
    if not isinstance(entry, dict):
        return f"holds {type(entry).__name__}, not an object"
    try:
        take(entry)
    except ValueError as error:
        return str(error)
    return ""
