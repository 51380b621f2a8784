"""Commands that know nothing of gittrack: their arguments as params, numbers they print as metrics.

epoch 3: loss=0.25, acc: 0.9      loss 0.25 and acc 0.9, at step 3
"""

from __future__ import annotations

import re
import shlex
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from gittrack.errors import GittrackError, NotFoundError
from gittrack.projects.mlproject import EntryPoint, Project
from gittrack.projects.parameters import Value, as_number
from gittrack.projects.place import Place
from gittrack.tracking.validation import check_key, check_metric

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

_NUMBER = r"[+-]?(?:\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?|nan|inf)"
# Neither a part of a path, a time, a version nor of a longer word.
_METRIC = re.compile(
    rf"(?<![\w./:\\-])([A-Za-z_][\w./-]*)\s*[:=]\s*({_NUMBER})(?![\w.]*\w|[:/])", re.IGNORECASE
)
_STEP = re.compile(r"(?<![\w.])(?:epoch|step|iteration|iter)\s*[:=#\[(]?\s*(\d+)\b", re.IGNORECASE)
_STEP_NAMES = ("epoch", "step", "iteration", "iter")
_OPTION = re.compile(r"--([A-Za-z0-9][\w.-]*)(?:=(.*))?", re.DOTALL)
_MOST_OF_A_LINE = 4096


class Printed(NamedTuple):
    """What a line of output says: its metrics, and the step where it names one."""

    metrics: dict[str, float]
    step: int | None


def project_of(
    command: Sequence[str], folder: Path, *, find: Callable[[str], str | None]
) -> Project:
    """Return a command as a project of one entry point, in a folder.

    Args:
        find: returns the path of a program.

    Raises:
        NotFoundError: there is no such program.
    """
    program = command[0]
    is_path = "/" in program and (folder / program).is_file()
    if not is_path and find(program) is None:
        raise NotFoundError(
            f"there is no program {program!r}", hint="name one on PATH, or by its path: ./program"
        )
    line = shlex.join(command).replace("{", "{{").replace("}", "}}")
    return Project(
        folder, entry_points={program: EntryPoint(program, line)}, place=Place.of(folder)
    )


def params_of(arguments: Sequence[str]) -> dict[str, Value | bool]:
    """Return the long options of a command as params; one without a value is true."""
    found: dict[str, Value | bool] = {}
    for index, argument in enumerate(arguments):
        match = _OPTION.fullmatch(argument)
        if match is None:
            continue
        following = arguments[index + 1] if index + 1 < len(arguments) else "--"
        has_value = match[2] is None and not re.match(r"-+[A-Za-z]|--", following)
        text = following if has_value else match[2]
        try:
            found[check_key("param", match[1])] = True if text is None else as_number(text)
        except GittrackError:  # what is no name of a param is in the command all the same
            continue
    return found


def read_line(line: str) -> Printed:
    """Return the numbers that a line of output names: `name: 0.5` and `name=0.5`."""
    text = line[:_MOST_OF_A_LINE]
    step = _STEP.search(text)
    metrics = {}
    for name, number in _METRIC.findall(text):
        if name.lower() in _STEP_NAMES:
            continue
        try:
            metrics[check_key("metric", name)] = check_metric(name, float(number))
        except GittrackError:
            continue
    return Printed(metrics, int(step[1]) if step and len(step[1]) < 16 else None)  # noqa: PLR2004


class Scraper:
    """Gives the numbers of each line to `log`; where no step is named, it is the name's count."""

    def __init__(self, log: Callable[[dict[str, float], int], None]) -> None:
        self._log = log
        self._seen: Counter[str] = Counter()

    def feed(self, line: str) -> None:
        """Take a line of output."""
        printed = read_line(line)
        for name, value in printed.metrics.items():
            step = self._seen[name] if printed.step is None else printed.step
            self._log({name: value}, step)
            self._seen[name] += 1
