"""The bodies of POST /invocations, in every form that MLflow's servers have taken.

- answered by a bare list: `{"columns": ["a"], "data": [[1], [2]]}` and `[{"a": 1}, {"a": 2}]`
- answered by `{"predictions": ...}`: `{"dataframe_split": {"columns": ["a"], "data": [[1]]}}`,
  `{"dataframe_records": [{"a": 1}]}`, `{"instances": ...}`, `{"inputs": ...}`, CSV, and Parquet and
  Arrow where pyarrow is installed
"""

from __future__ import annotations

import io
import itertools
import json
from collections import Counter
from contextlib import suppress
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from gittrack.errors import InvalidValueError, in_one_line
from gittrack.serving import columnar, csvtables

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from gittrack.models.specs import Schema

Form = Literal["json", "pandas-split", "pandas-records", "csv", "parquet", "arrow"]

JSON_TYPE = "application/json"
CSV_TYPE = "text/csv"
PARQUET_TYPE = "application/vnd.apache.parquet"
ARROW_TYPES = ("application/vnd.apache.arrow.stream", "application/vnd.apache.arrow.file")
COLUMNAR_TYPES = (PARQUET_TYPE, *ARROW_TYPES)
ACCEPTED = (
    f"{JSON_TYPE} (also ; format=pandas-split or pandas-records) and {CSV_TYPE}, in UTF-8, and"
    f" {PARQUET_TYPE} and {ARROW_TYPES[0]} where pyarrow is installed"
)

_FORMATS = ("dataframe_split", "dataframe_records", "instances", "inputs")
_SPLIT_KEYS = {"columns", "index", "data"}
_BESIDE = {"params", "signature_name"}
_JSON_FORMS: Mapping[str, Form] = {
    "": "json",
    "pandas-split": "pandas-split",
    "pandas-records": "pandas-records",
}
_DIMENSIONS = 32
# What a table of rows that name columns of their own may grow to; no body of 16 MiB has as many.
_CELLS = 5_000_000
# A body of more characters is worth another parser.
LARGE = 10_000
_UTF8 = {"utf-8", "utf8", "us-ascii", "ascii"}


class Request(NamedTuple):
    """What a body asks for: a DataFrame, an array or named lists; and how it wants its answer.

    It is `typed` where the body itself says which type each column has.
    """

    data: Any
    params: Mapping[str, Any] = MappingProxyType({})
    bare: bool = False
    typed: bool = False


def form_of(content_type: str | None) -> Form | None:
    """Return how a body of that Content-Type is read; None where it is of no type we read."""
    kind, *options = (part.strip().lower() for part in (content_type or "").split(";"))
    pairs = (option.partition("=") for option in options)
    given = {key.strip(): value.strip(' "') for key, _, value in pairs}
    if given.get("charset", "utf-8") not in _UTF8:
        return None
    if kind == CSV_TYPE:
        return "csv"
    if kind in COLUMNAR_TYPES:
        return ("parquet" if kind == PARQUET_TYPE else "arrow") if columnar.is_there() else None
    return _JSON_FORMS.get(given.get("format", "")) if kind == JSON_TYPE else None


def parse(body: bytes, form: Form, *, texts: Collection[str] = ()) -> Request:
    """Read a body.

    Args:
        texts: columns of CSV that are taken as they stand, such as 007.

    Raises:
        InvalidValueError: it is broken, or of no form that is known; it says which field.
    """
    if form in ("parquet", "arrow"):
        return Request(columnar.read(body, form), typed=True)
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidValueError(f"the body is not UTF-8: byte {error.start} is wrong") from None
    if form == "csv":
        return Request(_csv(body, texts))
    content = _json(text)
    if form == "pandas-split":
        return Request(_split(_object(content, "the body"), "the body"), bare=True)
    if form == "pandas-records" or isinstance(content, list):
        return Request(records(content, "the body"), bare=True)
    return _of_object(_object(content, "the body"))


def text_columns(schema: Schema | None) -> list[str]:
    """Return the names of the columns whose texts may look like numbers, and are none."""
    columns = schema.columns() if schema is not None else []
    return [str(spec.name) for spec in columns if spec.type in ("string", "binary", "datetime")]


def table(columns: Mapping[str, list[Any]]) -> Any:
    """Return named lists of one length as a DataFrame, for a model that names no tensors."""
    names = list(columns)
    rows = [list(row) for row in zip(*columns.values(), strict=True)]
    return _frame(rows, columns=names, field="inputs")


def _of_object(content: dict[str, Any]) -> Request:
    params = _object(content.get("params") or {}, "params")
    formats = [key for key in _FORMATS if key in content]
    if not formats and "data" in content:
        _refuse_unknown(content, _SPLIT_KEYS | _BESIDE, "the body")
        return Request(_split(content, "the body"), params, bare=True)
    if len(formats) != 1:
        names = formats or sorted(content)[:10]
        found = " and ".join(f"{name!r:.80}" for name in names) or "none"
        raise InvalidValueError(
            f"the body needs exactly one of {', '.join(_FORMATS)}; it has {found}"
        )
    _refuse_unknown(content, {*formats, *_BESIDE}, "the body")
    readers = {"dataframe_split": _read_split, "dataframe_records": records}
    reader = readers.get(formats[0], _tensors)
    return Request(reader(content[formats[0]], formats[0]), params, bare=False)


def _json(text: str) -> Any:
    if len(text) > LARGE:
        with suppress(ImportError, ValueError, RecursionError):
            import msgspec  # takes a third of the time

            return msgspec.json.decode(text)
    try:  # it takes NaN too, and says where a text is broken
        return json.loads(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno} column {error.colno}"
        raise InvalidValueError(f"the body is not JSON: {error.msg} at {where}") from None
    except RecursionError:
        raise InvalidValueError("the body is nested too deeply") from None
    except ValueError as error:  # an integer of thousands of digits
        raise InvalidValueError(f"the body is not JSON that can be read: {error}") from None


def _object(value: Any, field: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidValueError(f"{field} is {_kind(value)}, not an object")
    return value


def _read_split(value: Any, field: str) -> Any:
    content = _object(value, field)
    _refuse_unknown(content, _SPLIT_KEYS, field)
    return _split(content, field)


def _split(content: Mapping[str, Any], field: str) -> Any:
    rows = _rows(content.get("data"), f"data of {field}")
    if not all(isinstance(row, list) for row in rows):
        raise InvalidValueError(f"data of {field} holds a row that is not a list")
    columns = content.get("columns")
    if columns is None:
        columns = list(range(len(rows[0])))
    if not isinstance(columns, list) or not all(_is_name(name) for name in columns):
        raise InvalidValueError(f"columns of {field} is not a list of names")
    _refuse_twice(columns, f"columns of {field}")
    lengths = list(map(len, rows))
    if lengths.count(len(columns)) != len(rows):
        number = next(at for at, length in enumerate(lengths) if length != len(columns))
        raise InvalidValueError(
            f"row {number} in data of {field} has {lengths[number]} values"
            f" for {len(columns)} columns"
        )
    index = content.get("index")
    if index is not None and (not isinstance(index, list) or len(index) != len(rows)):
        raise InvalidValueError(f"index of {field} is not a list of {len(rows)} entries")
    if index is not None and not all(_is_name(entry) for entry in index):
        raise InvalidValueError(f"index of {field} holds an entry that is neither text nor number")
    return _frame(rows, columns=columns, index=index, field=field)


def records(value: Any, field: str) -> Any:
    """Return a list of objects as a DataFrame, null where one lacks what another has.

    Raises:
        InvalidValueError: it is no such list, or would grow too large.
    """
    rows = _rows(value, field)
    for number, row in enumerate(rows):
        if not isinstance(row, dict):
            raise InvalidValueError(f"row {number} of {field} is {_kind(row)}, not an object")
    names = list(dict.fromkeys(name for row in rows for name in row))
    if len(rows) * len(names) > _CELLS:
        raise InvalidValueError(
            f"{field} has {len(rows)} rows of {len(names)} columns in all, more than {_CELLS} cells"
        )
    return _frame([[row.get(name) for name in names] for row in rows], columns=names, field=field)


def _tensors(value: Any, field: str) -> Any:
    """Read TensorFlow Serving's forms: rows (objects or values), or an object of columns."""
    if isinstance(value, dict):
        lengths = {len(_rows(column, f"{name!r} of {field}")) for name, column in value.items()}
        if len(lengths) != 1:
            raise InvalidValueError(f"{field} holds lists of unequal length, or none")
        return value
    rows = _rows(value, field)
    if isinstance(rows[0], dict):
        return records(rows, field)
    return _array(rows, field)


def _array(rows: list[Any], field: str) -> Any:
    import numpy as np

    # NumPy's own answer to ragged rows differs between its versions.
    level, depth = rows, 1
    while level and isinstance(level[0], list):
        length = len(level[0])
        even = all(isinstance(item, list) and len(item) == length for item in level)
        if not even or depth == _DIMENSIONS:
            raise InvalidValueError(f"{field} is no array: its rows are of unequal length or mixed")
        level, depth = [item for row in level for item in row], depth + 1
    if any(isinstance(item, (list, dict)) for item in level):
        raise InvalidValueError(f"{field} is no array: its rows are mixed")
    try:
        return np.array(rows)
    except (ValueError, OverflowError) as error:
        raise InvalidValueError(f"{field} is no array: {in_one_line(error)}") from None


def _csv(body: bytes, texts: Collection[str]) -> Any:
    source = io.BytesIO(body)
    tables = list(csvtables.tables(source, "the body", texts=texts, size=len(body)))
    return _rows(tables, "the body")[0]


def _frame(rows: list[list[Any]], *, columns: list[Any], index: Any = None, field: str) -> Any:
    import numpy as np
    import pandas as pd

    # Rows of nothing but floats need no search for the type of each column.
    plain = set(map(type, itertools.chain.from_iterable(rows))) == {float}
    data: Any = rows
    try:
        if plain:
            cells = itertools.chain.from_iterable(rows)
            flat = np.fromiter(cells, "float64", count=len(rows) * len(columns))
            data = flat.reshape(len(rows), len(columns))
        return pd.DataFrame(data, columns=pd.Index(columns), index=index)
    except (ValueError, TypeError, OverflowError) as error:
        raise InvalidValueError(f"{field} is no table: {in_one_line(error)}") from None


def _rows(value: Any, field: str) -> list[Any]:
    if not isinstance(value, list):
        raise InvalidValueError(f"{field} is {_kind(value)}, not a list")
    if not value:
        raise InvalidValueError(f"{field} holds no rows")
    return value


def _refuse_unknown(content: Mapping[str, Any], known: set[str], field: str) -> None:
    if unknown := sorted(set(content) - known):
        raise InvalidValueError(f"{field} has the unknown field {unknown[0]!r:.80}")


def _refuse_twice(names: Sequence[Any], field: str) -> None:
    for name, times in Counter(map(str, names)).most_common(1):
        if times > 1:
            raise InvalidValueError(f"{field}: {name!r:.80} is there twice")


def _is_name(value: Any) -> bool:
    return isinstance(value, (str, int, float)) and not isinstance(value, bool)


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "a boolean"}
    return "missing or null" if value is None else names.get(type(value), "a number")
