"""Checking the lines of a run: the usual ones at once, the others one by one."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NamedTuple

from gittrack import files, schema
from gittrack.runs.lines import FileFold

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gittrack.health.finding import Report

_BLOCK = 1 << 22
_NUMBER = rb'(?:-?\d{1,40}(?:\.\d{1,40})?(?:e[+-]?\d{1,4})?|"NaN"|"-?Infinity")'
_ENTRY = rb'"[^"\\\x00-\x1f]*":' + _NUMBER
# A line as every writer of metrics writes it; any other is read as JSON.
_USUAL = re.compile(
    rb'^\{(?:"step":-?\d{1,19},)?"time":\d{1,15},"metrics":\{'
    + _ENTRY
    + rb"(?:,"
    + _ENTRY
    + rb")*\}\}\n",
    re.MULTILINE,
)
_BEGIN = re.compile(rb'\{"(?:step|time)":')


class Line(NamedTuple):
    """A line that is not as usual: its number, what it holds, and what is wrong with it, if so."""

    number: int
    data: bytes
    problem: str


def check(path: Path, report: Report) -> bytes:
    """Report the broken lines of a file, and return the beginning of its content.

    Raises:
        OSError: it cannot be read.
    """
    with files.open_plain(path) as file:
        head = file.read(_BLOCK)
        if len(head) < _BLOCK and _is_usual(head):
            return head
    for line in unusual(path):
        if line.problem:
            kind = "conflict" if "conflict" in line.problem else "broken line"
            report.add(kind, path, line.problem, line=line.number)  # type: ignore[arg-type]
    return head


def unusual(path: Path) -> Iterator[Line]:
    """Yield the lines of a file that no writer of metrics wrote, whole or broken.

    Raises:
        OSError: it cannot be read.
    """
    number = 0
    with files.open_plain(path) as file:
        while block := file.read(_BLOCK):
            block += file.readline()
            lines = block.count(b"\n")
            if _is_usual(block):
                number += lines
                continue
            for data in block.splitlines(keepends=True) if lines else [block]:
                number += 1
                if not _USUAL.fullmatch(data) and data.strip():
                    yield Line(number, data, _problem(data))


def salvage(data: bytes) -> bytes:
    """Return the whole lines in a broken one: those that were glued, or what follows a torn one."""
    places = [match.start() for match in _BEGIN.finditer(data)]
    ends = [*places[1:], len(data)] if places else []
    parts = (data[begin:end].strip() for begin, end in zip(places, ends, strict=True))
    return b"".join(part + b"\n" for part in parts if not _problem(part + b"\n"))


def _is_usual(block: bytes) -> bool:
    return not _USUAL.sub(b"", block)


def _problem(data: bytes) -> str:
    if data.startswith((b"<<<<<<< ", b"=======", b">>>>>>> ")):
        return "holds the conflict markers of a Git merge"
    try:
        entry = json.loads(data)
    except (ValueError, RecursionError):
        if not data.endswith(b"\n"):
            return "the last line is cut off"
        glued = len(_BEGIN.findall(data)) > 1
        return "two lines in one" if glued else "not a line of JSON"
    if not data.endswith(b"\n"):
        return "the last line has no end"
    if problems := schema.check("line", entry):
        return problems[0]
    try:
        FileFold().add(entry)
    except ValueError as error:
        return str(error)
    return ""
