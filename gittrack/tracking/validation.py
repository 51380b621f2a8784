"""What may be logged: MLflow's rules for names and values, and its words where they are broken."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from typing import Any

from gittrack import secrets
from gittrack.errors import InvalidValueError

MAX_KEY = 250
MAX_VALUE = 100_000
_KEY = re.compile(r"[/\w.\- :]*")
# Names that have passed before: what is logged again and again is not looked at again.
known_keys: set[str] = set()
_REMEMBERED = 10_000


def check_key(kind: str, name: object) -> str:
    """Return the name of a metric, param or tag.

    Raises:
        InvalidValueError: it is no text, too long, or could not be a file's name in MLflow's store.
    """
    if not isinstance(name, str):
        raise InvalidValueError(f"Invalid {kind} name: {name!r} is {type(name).__name__}, not text")
    if name in known_keys:
        return name
    if (kind_of_secret := secrets.find(name)) is not None:
        raise InvalidValueError(
            f"Invalid {kind} name: it looks like a secret ({kind_of_secret})",
            hint="names are written into files that are made to be committed",
        )
    if not _KEY.fullmatch(name):
        raise InvalidValueError(
            f"Invalid {kind} name: {name[:100]!r}",
            hint="use letters, digits, underscores, dashes, periods, spaces, colons and slashes",
        )
    if _is_bad_path(name):
        raise InvalidValueError(
            f"Invalid {kind} name: {name[:100]!r} is not a plain path",
            hint="it may not be empty or hold '..', '//' or a slash at an end",
        )
    if len(name) > MAX_KEY:
        raise InvalidValueError(
            f"Invalid {kind} name: {name[:40]!r}... has {len(name)} characters",
            hint=f"use at most {MAX_KEY}",
        )
    if len(known_keys) < _REMEMBERED and type(name) is str:
        known_keys.add(name)
    return name


def check_metric(name: str, value: Any) -> float:
    """Return a metric's value as a float.

    Raises:
        InvalidValueError: it is no number.
    """
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidValueError(
            f"Got invalid value {value!r} for metric '{name}': {error}",
            hint="metrics are numbers; text belongs into log_param or set_tag",
        ) from None


def check_metrics(metrics: object) -> Mapping[str, float]:
    """Return the metrics of one call, their values as floats.

    Raises:
        InvalidValueError: they are no mapping, or a name or a value cannot be used.
    """
    if type(metrics) is dict and metrics.keys() <= known_keys:
        kinds = set(map(type, metrics.values()))
        if kinds == {float}:
            return metrics
    return {
        check_key("metric", name): check_metric(name, value)
        for name, value in check_map("metric", metrics).items()
    }


def check_integer(what: str, value: Any) -> int | None:
    """Return a step or a time as an integer; fractions are cut off, None stays None.

    Raises:
        InvalidValueError: it is no number.
    """
    if value is None or type(value) is int:
        return value
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        raise InvalidValueError(
            f"Got invalid {what} {value!r}: it is no integer", hint=f"leave {what} out"
        ) from None


def check_map(kind: str, values: object) -> Mapping[str, Any]:
    """Return the argument of a call that logs several things at once.

    Raises:
        InvalidValueError: it is no mapping.
    """
    if not isinstance(values, Mapping):
        raise InvalidValueError(
            f"{kind}s are given as a dict of name and value, not as {type(values).__name__}"
        )
    return values


def check_params(params: object) -> Mapping[str, Any]:
    """Return params, all fit to be logged.

    Raises:
        InvalidValueError: they are no mapping, or a name or value cannot be used.
    """
    checked = check_map("param", params)
    for name, value in checked.items():
        check_key("param", name)
        if not isinstance(value, (int, float)) and value is not None:
            check_length("param", name, str(value))
    return checked


def check_tags(tags: object) -> dict[str, str]:
    """Return tags with their values as text, all fit to be set.

    Raises:
        InvalidValueError: they are no mapping, or a name or value cannot be used.
    """
    return {
        check_key("tag", name): check_length("tag", name, str(value))
        for name, value in check_map("tag", tags).items()
    }


def check_length(kind: str, name: str, text: str) -> str:
    """Return a value that is not too long.

    MLflow cuts values off at 6,000 or 8,000 characters; here they are kept whole up to a limit.

    Raises:
        InvalidValueError: it is longer than that.
    """
    if len(text) > MAX_VALUE:
        raise InvalidValueError(
            f"The value of {kind} {name!r} has {len(text):,} characters, more than {MAX_VALUE:,}",
            hint=f"keep it as a file: log_text(value, {name + '.txt'!r})",
        )
    return text


def _is_bad_path(name: str) -> bool:
    return posixpath.normpath(name) != name or name == "." or name.startswith(("..", "/"))
