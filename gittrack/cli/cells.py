"""What stands in a table: text that is safe to show, short numbers, readable times and sizes.

Text from files is never trusted: control characters, and those that turn the writing direction,
are shown as escapes.
"""

from __future__ import annotations

import math
import unicodedata
from datetime import datetime, timedelta, timezone
from typing import Literal, NamedTuple

from gittrack.runs.values import format_time

Style = Literal["", "good", "bad", "busy", "dim", "bold"]

_JOINERS = "\u200c\u200d"
_ESCAPED = {"Cc", "Cf", "Cs", "Zl", "Zp"}
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_DAYS_WITHOUT_YEAR = 300
_WITH_TENTHS = 10
_LONGEST = 400
_KILO = 1000
_UNITS = ("kB", "MB", "GB", "TB", "PB")


class Cell(NamedTuple):
    """A place in a table: the text that people see, and the value that CSV gets.

    Of a text that is `long`, the ends of its lines are shown as such.
    """

    text: str
    value: object = None
    right: bool = False
    style: Style = ""
    long: bool = False


def plain(text: str, *, keep: str = "") -> str:
    """Return text with all that a terminal would act on shown as escapes, but for `keep`."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escape(letter) if letter not in keep else letter for letter in text)


def cut(text: str) -> str:
    """Return a text that fits a table: where it is very long, its beginning and its length."""
    if len(text) <= _LONGEST:
        return text
    return f"{text[:_LONGEST]}… ({len(text):,} characters)"


def number(value: float, *, digits: int = 5) -> str:
    """Return a number in so many significant digits; integers in full."""
    if isinstance(value, int):
        return str(value)
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("∞" if value > 0 else "-∞")
    if value == int(value) and abs(value) < 10**digits:
        return f"{value:.1f}"
    return f"{value:.{digits}g}"


def moment(milliseconds: int | None, *, now: int) -> Cell:
    """Return the cell of a time: relative within the hour, else local; CSV gets ISO 8601."""
    if milliseconds is None:
        return Cell("")
    return Cell(_moment(milliseconds, now), format_time(milliseconds))


def local_time(milliseconds: int) -> str:
    """Return a time as the clock on the wall shows it, to the second."""
    return f"{_local(milliseconds):%Y-%m-%d %H:%M:%S}"


def duration(milliseconds: int | None) -> Cell:
    """Return the cell of a duration; CSV gets seconds."""
    if milliseconds is None:
        return Cell("", None, right=True)
    return Cell(_duration(max(milliseconds, 0)), milliseconds / 1000, right=True)


def size(number_of_bytes: int) -> Cell:
    """Return the cell of a size in bytes."""
    return Cell(_size(number_of_bytes), number_of_bytes, right=True)


def _escape(letter: str) -> str:
    if unicodedata.category(letter) not in _ESCAPED or letter in _JOINERS:
        return letter
    return letter.encode("unicode_escape").decode()


def _local(milliseconds: int) -> datetime:
    moment = datetime.fromtimestamp(milliseconds / 1000, timezone.utc)
    try:
        return moment.astimezone()
    except (OverflowError, ValueError, OSError):  # the calendar's first and last day
        return moment


def _moment(milliseconds: int, now: int) -> str:
    seconds = (now - milliseconds) // 1000
    if 0 <= seconds < _MINUTE:
        return f"{seconds} s ago"
    if 0 <= seconds < _HOUR:
        return f"{seconds // _MINUTE} min ago"
    then, today = _local(milliseconds), _local(now)
    if then.date() == today.date():
        return f"{then:%H:%M}"
    if abs(today - then) < timedelta(days=_DAYS_WITHOUT_YEAR):
        return f"{then.day} {then:%b}"
    return f"{then:%Y-%m-%d}"


def _duration(milliseconds: int) -> str:
    seconds = milliseconds / 1000
    if milliseconds < _WITH_TENTHS**2:
        return f"{milliseconds} ms"
    if round(seconds, 1) < _WITH_TENTHS:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE:02d} s"
    if whole < 2 * _DAY:
        return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE:02d} min"
    return f"{whole // _DAY} d {whole % _DAY // _HOUR} h"


def _size(number_of_bytes: int) -> str:
    if number_of_bytes < _KILO:
        return f"{number_of_bytes} B"
    amount, unit = number_of_bytes / _KILO, 0
    while round(amount, 1) >= _KILO and unit + 1 < len(_UNITS):
        amount, unit = amount / _KILO, unit + 1
    return f"{amount:.1f} {_UNITS[unit]}"
