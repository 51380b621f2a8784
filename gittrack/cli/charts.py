"""Metrics drawn with letters: a line in braille dots, or several with a mark each."""

from __future__ import annotations

import math
import shutil
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from gittrack.cli.cells import number, plain
from gittrack.runs.lines import Point

_MARKS = "●○▲△■□◆◇+x"
_BRAILLE = 0x2800
# The bits of a braille letter's dots: two columns of four, from the top down.
_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
_WIDEST = 120
_WITHOUT_TERMINAL = 80


class Line(NamedTuple):
    """One line of a chart."""

    label: str
    points: Sequence[tuple[float, float]]


def by_step(label: str, history: Sequence[Point]) -> Line:
    """Return a history as a line over its steps; over its calls where all are at one step."""
    counts = len({point.step for point in history}) == 1
    return Line(
        label,
        [(at if counts else point.step, point.value) for at, point in enumerate(history)],
    )


def width() -> int:
    """Return how wide a chart may be in this terminal."""
    return min(shutil.get_terminal_size((_WITHOUT_TERMINAL, 24)).columns, _WIDEST)


def chart(lines: Sequence[Line], *, columns: int, rows: int, log: bool = False) -> list[str]:
    """Return the rows of a chart: one line in braille dots, several each with a mark of its own.

    With `log` values are drawn by their logarithms; what is not above 0 is left out.
    """
    kept = [
        [(x, y) for x, y in line.points if math.isfinite(y) and (y > 0 or not log)]
        for line in lines
    ]
    values = [y for points in kept for _, y in points]
    if not values:
        return ["nothing that could be drawn"]
    shown = [[(x, math.log10(y)) for x, y in points] for points in kept] if log else kept
    every = [point for points in shown for point in points]
    box = _Box(
        *(side([x for x, _ in every]) for side in (min, max)),
        *(side([y for _, y in every]) for side in (min, max)),
    )
    ends = [number(end, digits=4) for end in (max(values), min(values))]
    margin = max(map(len, ends))
    inside = max(columns - margin - 1, 10)
    drawn = (
        _braille(shown[0], box, inside, rows)
        if len(lines) == 1
        else _marked(shown, box, inside, rows)
    )
    labels = [ends[0], *[""] * (rows - 2), ends[1]]
    sides = ["┤", *"│" * (rows - 2), "┤"]
    chart = [
        f"{label:>{margin}}{side}{row}".rstrip()
        for label, side, row in zip(labels, sides, drawn, strict=True)
    ]
    steps = _steps(box, inside)
    chart.append(f"{'':{margin + 1}}{steps[0]} {steps[1]:>{max(inside - len(steps[0]) - 1, 1)}}")
    if len(lines) > 1:
        chart += [
            f"{'':{margin + 1}}{_MARKS[at % len(_MARKS)]} {plain(line.label)}"
            for at, line in enumerate(lines)
        ]
    return chart


def _steps(box: _Box, width: int) -> list[str]:
    """Return the first and the last step, in fewer digits where they do not fit otherwise."""
    for digits in (7, 4):
        steps = [number(end, digits=digits).removesuffix(".0") for end in (box.left, box.right)]
        if sum(map(len, steps)) < width:
            break
    return steps


class _Box(NamedTuple):
    left: float
    right: float
    bottom: float
    top: float

    def place(self, point: tuple[float, float], width: int, height: int) -> tuple[int, int]:
        """Return the column and row, counted from the top, of a point in a grid."""
        across = _part(point[0], self.left, self.right) * (width - 1)
        down = (1 - _part(point[1], self.bottom, self.top)) * (height - 1)
        return round(across), round(down)


def _braille(
    points: Sequence[tuple[float, float]], box: _Box, width: int, height: int
) -> list[str]:
    grid = [[0] * width for _ in range(height)]
    for x, y in _joined([box.place(point, 2 * width, 4 * height) for point in points]):
        grid[y // 4][x // 2] |= _DOTS[x % 2][y % 4]
    return ["".join(chr(_BRAILLE + dots) if dots else " " for dots in row) for row in grid]


def _marked(
    lines: Sequence[Sequence[tuple[float, float]]], box: _Box, width: int, height: int
) -> list[str]:
    grid = [[" "] * width for _ in range(height)]
    for at, points in enumerate(lines):
        for x, y in _joined([box.place(point, width, height) for point in points]):
            grid[y][x] = _MARKS[at % len(_MARKS)]
    return ["".join(row) for row in grid]


def _joined(places: Sequence[tuple[int, int]]) -> set[tuple[int, int]]:
    """Return the places of a grid that a line through some of them covers."""
    covered = set(places)
    for (x, y), (to_x, to_y) in pairwise(places):
        steps = max(abs(to_x - x), abs(to_y - y), 1)
        covered |= {
            (round(x + (to_x - x) * step / steps), round(y + (to_y - y) * step / steps))
            for step in range(1, steps)
        }
    return covered


def _part(value: float, low: float, high: float) -> float:
    """Return where a value stands between two others, as a part of 1."""
    # Halved, so that the distance of the largest and the smallest number is one as well.
    return (value / 2 - low / 2) / (high / 2 - low / 2) if high / 2 > low / 2 else 0.5
