"""The values that a run can hold, and how they are written as JSON.

Params keep their type where JSON has it; everything else is its text. Times are ISO 8601 in UTC
with milliseconds, metric values that JSON has no number for are "NaN", "Infinity" and "-Infinity".
"""

from __future__ import annotations

import json
import math
import re
from datetime import date, datetime, timezone
from functools import lru_cache
from json.encoder import encode_basestring
from typing import TypeAlias

ParamValue: TypeAlias = "bool | int | float | str | None"

MAX_INTEGER = 2**53
# Made once: `json.dumps` makes another for each value that it is given such options for.
_SPACED = json.JSONEncoder(ensure_ascii=False)
_COMPACT = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_SPECIAL = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_DAY_0 = date(1970, 1, 1).toordinal()
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d):(\d\d):(\d\d)\.(\d{3})Z")
# The years 1 to 9999, which is what such a text can tell.
_EARLIEST, _LATEST = -62_135_596_800_000, 253_402_300_799_999
_INTEGER = re.compile(r"[+-]?\d+")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)


def param_value(value: object) -> ParamValue:
    """Return a param as it is stored: bool, None, int within ±2^53, finite float or string.

    Else its text.
    """
    item = getattr(value, "item", None)
    if item is not None and getattr(value, "shape", None) == ():
        value = item()
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value) if -MAX_INTEGER <= value <= MAX_INTEGER else str(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(value)
    return str(value)


def param_text(value: ParamValue) -> str:
    """Return a param as MLflow's API shows it: `str(value)` of what was logged."""
    return value if isinstance(value, str) else str(value)


def number_of(value: ParamValue) -> float | None:
    """Return the number that a param is or reads as; None where it is no number."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, str) and not _NUMBER.fullmatch(value.strip()):
        return None
    try:
        return float(value)
    except OverflowError:
        return None


def same_param(first: ParamValue, second: ParamValue) -> bool:
    """Tell whether two params are the same.

    Equal as text, or the same number (`0.50` and `0.5`).
    """
    texts = param_text(first), param_text(second)
    if texts[0] == texts[1]:
        return True
    if all(_INTEGER.fullmatch(text) for text in texts):
        return _digits(texts[0]) == _digits(texts[1])  # a float would round a long seed
    number = number_of(first)
    return number is not None and number == number_of(second) and math.isfinite(number)


def _digits(integer: str) -> tuple[bool, str]:
    digits = integer.lstrip("+-0")
    return integer.startswith("-") and bool(digits), digits


def metric_json(value: float) -> str:
    """Return a metric value as JSON text: the shortest that reads back the same."""
    if math.isfinite(value):
        return repr(value)
    return '"NaN"' if math.isnan(value) else ('"Infinity"' if value > 0 else '"-Infinity"')


def metric_value(value: object) -> float:
    """Read a metric value as `metric_json` writes it.

    Raises:
        ValueError: it is neither a number nor one of the three special names.
    """
    if type(value) is float:
        return value
    if isinstance(value, str) and value in _SPECIAL:
        return _SPECIAL[value]
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            raise ValueError(f"{str(value)[:20]}... is too large for a metric") from None
    raise ValueError(f"{value!r} is not a metric value")


def to_json(value: object, *, compact: bool = False) -> str:
    """Return a value as JSON on one line.

    Readable where it can be, pure ASCII where UTF-8 cannot hold it.
    """
    if type(value) is str and value.isascii():
        return encode_basestring(value)  # most of a record, and no bytes that UTF-8 cannot hold
    text = (_COMPACT if compact else _SPACED).encode(value)
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":") if compact else None)
    return text


def format_time(milliseconds: int) -> str:
    """Return ms since 1970 UTC as `2026-11-23T05:12:00.123Z`."""
    seconds, rest = divmod(min(max(milliseconds, _EARLIEST), _LATEST), 1000)
    moment = datetime.fromtimestamp(seconds, timezone.utc)
    return f"{moment.replace(tzinfo=None).isoformat()}.{rest:03d}Z"


def parse_time(text: object) -> int:
    """Return ms since 1970 UTC of a time as `format_time` writes it.

    Raises:
        ValueError: it is not such a text.
    """
    match = _TIME.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f"{text!r} is not a time such as 2026-11-23T05:12:00.123Z")
    day, hour, minute, second, rest = match.groups()
    hours, minutes, seconds = int(hour), int(minute), int(second)
    if hours > 23 or minutes > 59 or seconds > 59:  # noqa: PLR2004 - the clock
        raise ValueError(f"{text!r} is not a time such as 2026-11-23T05:12:00.123Z")
    return ((_midnight(day) + hours) * 60 + minutes) * 60_000 + seconds * 1000 + int(rest)


@lru_cache(maxsize=4096)
def _midnight(day: str) -> int:
    """Return the hours from 1970 to a day; a listing asks for the same few days again and again."""
    return (date.fromisoformat(day).toordinal() - _DAY_0) * 24
