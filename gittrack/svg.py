"""A chart of lines as SVG, for pages and files that load nothing."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#5c5c5c", "#b8a800")
_WIDTH, _HEIGHT = 480, 220
_LEFT, _TOP, _RIGHT, _BOTTOM = 72, 28, 12, 30
_MOST_POINTS = 400
_NAMED, _LINE = 8, 14


def chart(title: str, lines: Mapping[str, Sequence[tuple[float, float]]]) -> str:
    """Return lines of (step, value) points as an SVG image with two axes; "" without any point."""
    finite = {
        (name, COLOURS[number % len(COLOURS)]): [(x, y) for x, y in points if math.isfinite(y)]
        for number, (name, points) in enumerate(lines.items())
    }
    finite = {line: points for line, points in finite.items() if points}
    every = [point for points in finite.values() for point in points]
    if not every:
        return ""
    low, high = (least(y for _, y in every) for least in (min, max))
    start, end = (least(x for x, _ in every) for least in (min, max))

    def place(x: float, y: float) -> str:
        across = (x - start) / (end - start) if end > start else 0.5
        up = (y / 2 - low / 2) / (high / 2 - low / 2) if high / 2 > low / 2 else 0.5
        left = _LEFT + across * (_WIDTH - _LEFT - _RIGHT)
        return f"{left:.1f},{_HEIGHT - _BOTTOM - up * (_HEIGHT - _TOP - _BOTTOM):.1f}"

    bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    height = _HEIGHT + _LINE * min(len(finite), _NAMED) + 4
    size = f'viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" font-family="sans-serif">',
        f"<title>{escaped(title)}</title>",
        f'<rect width="{_WIDTH}" height="{height}" fill="#fff"/>',
        f'<path d="M{_LEFT},{_TOP}V{bottom}H{right}" fill="none" stroke="#767676"/>',
        f'<text font-size="13" x="{_LEFT}" y="16">{escaped(title)}</text>',
        f'<text font-size="11" x="{_LEFT - 6}" y="{_TOP + 8}" text-anchor="end">{high:.4g}</text>',
        f'<text font-size="11" x="{_LEFT - 6}" y="{bottom}" text-anchor="end">{low:.4g}</text>',
        f'<text font-size="11" x="{_LEFT}" y="{_HEIGHT - 10}">{start:g}</text>',
        f'<text font-size="11" x="{right}" y="{_HEIGHT - 10}" text-anchor="end">{end:g}</text>',
    ]
    for number, ((line, colour), points) in enumerate(finite.items()):
        thinned = [*points[:: -(-len(points) // _MOST_POINTS) or 1], *points[-1:]]
        places = " ".join(place(*point) for point in thinned)
        style = f'fill="none" stroke="{colour}" stroke-width="2" stroke-linecap="round"'
        name = escaped(line)
        parts.append(f'<polyline points="{places}" {style}><title>{name}</title></polyline>')
        if number < _NAMED:
            down = _HEIGHT + _LINE * number + 8
            parts.append(
                f'<text font-size="11" x="{_LEFT}" y="{down}" fill="{colour}">{name}</text>'
            )
    return "\n".join([*parts, "</svg>"])


def escaped(text: str) -> str:
    """Return text for XML or HTML, which have no place for control characters."""
    return escape("".join(letter if letter.isprintable() else "�" for letter in text))
