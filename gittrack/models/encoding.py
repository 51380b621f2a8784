"""What a model answers, as JSON: NumPy, pandas, times, bytes, decimals; NaN becomes null."""

from __future__ import annotations

import base64
import json
import math
import sys
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any

from gittrack.errors import ModelError


def dumps(value: Any) -> str:
    """Return a value as JSON that every parser takes.

    Raises:
        ModelError: it holds something that JSON has no form for.
    """
    try:
        return json.dumps(jsonable(value), allow_nan=False)
    except RecursionError:
        raise ModelError("the model's answer is nested too deeply, or holds itself") from None


def jsonable(value: Any) -> Any:
    """Return a value as dictionaries, lists, texts, finite numbers, booleans and None.

    Raises:
        ModelError: it holds something that JSON has no form for.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Enum):
        return jsonable(value.value)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, (float, Decimal)):
        number = math.nan if isinstance(value, Decimal) and value.is_snan() else float(value)
        return number if math.isfinite(number) else None
    if isinstance(value, Mapping):
        return {_key(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [jsonable(item) for item in value]
    return _of_libraries(value)


def _of_libraries(value: Any) -> Any:
    # A value of a library that is not loaded cannot be here, so nothing is imported to look.
    pandas, numpy = sys.modules.get("pandas"), sys.modules.get("numpy")
    if pandas is not None:
        if value is pandas.NA or value is pandas.NaT:
            return None
        if isinstance(value, pandas.DataFrame):
            return _records(value)
        if isinstance(value, pandas.Series):
            return _records(value.to_frame())
        if isinstance(value, (pandas.Index, pandas.api.extensions.ExtensionArray)):
            return [jsonable(item) for item in value]
    if numpy is not None and isinstance(value, (numpy.ndarray, numpy.generic)):
        return _of_numpy(value, numpy)
    return _of_others(value)


def _of_others(value: Any) -> Any:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return base64.b64encode(value).decode()
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if hasattr(value, "toarray"):
        return jsonable(value.toarray())
    raise ModelError(f"the model's answer holds {type(value).__name__}, which JSON has no form for")


def _of_numpy(value: Any, numpy: Any) -> Any:
    kind = value.dtype.kind
    if kind in "biu" and not isinstance(value, numpy.ma.MaskedArray):
        return value.tolist()
    if kind == "f":
        # longdouble has no Python number of its own
        plain = value.astype("float64")
        masked = isinstance(value, numpy.ma.MaskedArray)
        return (
            plain.tolist()
            if not masked and numpy.isfinite(plain).all()
            else jsonable(plain.tolist())
        )
    if kind == "M":
        texts = numpy.where(
            numpy.isnat(value), None, numpy.datetime_as_string(value).astype(object)
        )
        return texts.tolist()
    if kind == "m":
        if numpy.datetime_data(value.dtype)[0] in ("Y", "M", "generic"):  # these are no seconds
            counts = value.astype("int64").astype(object)
            return numpy.where(numpy.isnat(value), None, counts).tolist()
        return jsonable((value / numpy.timedelta64(1, "s")).tolist())
    if kind == "c":
        raise ModelError("the model's answer holds complex numbers, which JSON has no form for")
    return jsonable(value.tolist())


def _records(frame: Any) -> list[dict[str, Any]]:
    """Return a table as one object a row, read column by column so that each keeps its type."""
    names = [_key(name) for name in frame.columns]
    if len(set(names)) != len(names):
        raise ModelError(
            "the model's answer has two columns of one name", hint="name each column once"
        )
    columns = [_cells(frame.iloc[:, at]) for at in range(len(names))]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _cells(column: Any) -> list[Any]:
    if column.dtype.kind in "biuf" and not column.hasnans:
        cells: list[Any] = jsonable(column.to_numpy())
        return cells
    return [jsonable(item) for item in column]


def _key(key: Any) -> str:
    if isinstance(key, str):
        return str(key)
    plain = jsonable(key)
    return plain if isinstance(plain, str) else json.dumps(plain)
