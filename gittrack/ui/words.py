"""Numbers, sizes, durations and marked-up text as the pages show them."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from gittrack.runs.values import format_time

if TYPE_CHECKING:
    from pygments.lexer import Lexer

_DIGITS = 5
_TENTHS_BELOW = 10_000
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_KILO = 1000
_COLOURED = 200_000
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")


def number(value: float | None) -> str:
    """Return a number in five significant digits; integers in full."""
    if value is None:
        return ""
    if isinstance(value, int):
        return str(value)
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("∞" if value > 0 else "-∞")
    if value == int(value) and abs(value) < 10**_DIGITS:
        return str(int(value))
    return f"{value:.{_DIGITS}g}"


def size(count: int) -> str:
    """Return a size in bytes with its unit."""
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < _KILO:
            return f"{amount:.0f} B" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= _KILO
    return f"{amount:.1f} TB"


def duration(milliseconds: int | None) -> str:
    """Return how long something took."""
    if milliseconds is None:
        return ""
    if milliseconds < _KILO:
        return f"{max(milliseconds, 0)} ms"
    if milliseconds < _TENTHS_BELOW:
        return f"{milliseconds / _KILO:.1f} s"
    whole = round(milliseconds / _KILO)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE:02d} s"
    if whole < 2 * _DAY:
        return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE:02d} min"
    return f"{whole // _DAY} d {whole % _DAY // _HOUR} h"


def moment(milliseconds: int) -> str:
    """Return a time in UTC, for readers without scripts; a script shows it in their zone."""
    return format_time(milliseconds)[:19].replace("T", " ") + " UTC"


def markdown(text: str) -> Any:
    """Return a note as HTML: its own HTML stays text, and no image is fetched from elsewhere."""
    from markdown_it import MarkdownIt
    from markupsafe import Markup

    parser = MarkdownIt("commonmark", {"html": False, "breaks": True}).enable("table")
    parser.disable("image")
    return Markup(parser.render(text))  # noqa: S704 - rendered with HTML off


def coloured(text: str, *, name: str = "", language: str = "") -> Any:
    """Return code as HTML, coloured by its language or file name; a long one stays plain."""
    from markupsafe import Markup
    from pygments import highlight
    from pygments.formatters.html import HtmlFormatter

    lexer = None if len(text) > _COLOURED else _lexer(name, language)
    if lexer is None:
        return text
    return Markup(highlight(text, lexer, HtmlFormatter(nowrap=True)))  # noqa: S704 - Pygments escapes


def _lexer(name: str, language: str) -> Lexer | None:
    from pygments.lexers import get_lexer_by_name, get_lexer_for_filename
    from pygments.util import ClassNotFound

    try:
        if language:
            return get_lexer_by_name(language, stripnl=False)
        return get_lexer_for_filename(name, stripnl=False)
    except ClassNotFound:
        return None


def terminal(text: str) -> str:
    """Return what a program printed as it stood on the screen in the end: no codes, no reprints."""
    plain = _ESCAPES.sub("", text).replace("\r\n", "\n")
    return "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in plain.split("\n"))
