"""Fitting data to a signature: columns by name or position, types that widen, no digit lost.

Extra columns are dropped and columns put in the signature's order. A DataFrame is judged by its
types, as in MLflow: an integer widens, a float is never taken for an integer. Data that came as
JSON or CSV has no types to speak of, so with `exact` each value counts: 2.0 is a long, 1.5 is not.
"""

from __future__ import annotations

import base64
import binascii
import sys
import warnings
from typing import TYPE_CHECKING, Any

from gittrack.errors import SchemaMismatchError
from gittrack.models import packages
from gittrack.models.specs import NESTED_TYPES, ColSpec, ParamSchema, Schema, TensorSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

_DTYPES = {
    "boolean": "bool",
    "integer": "int32",
    "long": "int64",
    "float": "float32",
    "double": "float64",
}
_PARAM_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "boolean": bool,
    "integer": int,
    "long": int,
    "float": (int, float),
    "double": (int, float),
    "string": str,
    "binary": bytes,
}
_INT32_BYTES = 4
_NAMED = 20
_EXACT_INTEGERS = {"float32": 2**24, "float64": 2**53}


def enforce(data: Any, schema: Schema, *, exact: bool = False) -> Any:
    """Return the data as the schema wants it: a DataFrame, an array, or named arrays.

    Args:
        exact: judge each value, not its type; for data that came as text.

    Raises:
        SchemaMismatchError: a column is missing, or cannot become its type without loss.
        MissingPackageError: it takes pandas or NumPy, which is not installed.
    """
    packages.need("numpy", why="predictions")
    if schema.is_tensor_spec():
        return _enforce_tensors(data, schema.tensors(), exact)
    packages.need("pandas", why="predictions of a model whose signature has columns")
    return _enforce_columns(_frame(data, schema), schema, exact)


def enforce_params(params: Mapping[str, Any], schema: ParamSchema | None) -> dict[str, Any]:
    """Return the parameters of a prediction, with the defaults of those that are not given.

    Raises:
        SchemaMismatchError: one is of another type.
    """
    specs = {spec.name: spec for spec in schema.params} if schema else {}
    if unknown := sorted(set(params) - set(specs)):
        message = f"the model has no parameters {unknown}, so they are ignored"
        warnings.warn(message, stacklevel=3)
    found = {}
    for name, spec in specs.items():
        value = params.get(name, spec.default)
        for one in (
            value if spec.shape is not None and isinstance(value, (list, tuple)) else [value]
        ):
            plain = one.item() if hasattr(one, "item") else one
            if plain is not None and not isinstance(plain, _PARAM_TYPES.get(spec.type, object)):
                raise SchemaMismatchError(
                    f"parameter {name!r} is {plain!r:.60}, the model's signature says {spec.type}"
                )
        found[name] = value
    return found


def _enforce_columns(frame: Any, schema: Schema, exact: bool) -> Any:
    import pandas as pd

    if not frame.columns.is_unique:
        twice = sorted({str(name) for name in frame.columns[frame.columns.duplicated()]})
        raise SchemaMismatchError(f"columns are there twice: {twice}", hint="name each column once")
    specs = schema.columns()
    if _fits_as_it_is(frame, specs):
        return frame
    found = _by_name(frame, specs) if schema.has_input_names() else _by_position(frame, specs)
    fitted = {name: _cast(frame.iloc[:, at], name, spec, exact) for name, at, spec in found}
    return pd.DataFrame(fitted, index=frame.index, copy=False)


def _fits_as_it_is(frame: Any, specs: list[ColSpec]) -> bool:
    """Tell whether a table has just the numbers of the schema; to look costs less than to cast."""
    return list(frame.columns) == [spec.name for spec in specs] and all(
        spec.type in _DTYPES and dtype == _DTYPES[spec.type]
        for spec, dtype in zip(specs, frame.dtypes, strict=True)
    )


def _by_name(frame: Any, specs: list[ColSpec]) -> list[tuple[Any, int, ColSpec]]:
    # CSV and JSON objects have only texts for names, so 0 is also found as "0".
    places = {str(name): at for at, name in enumerate(frame.columns)}
    missing = [spec.name for spec in specs if spec.required and str(spec.name) not in places]
    if missing:
        raise SchemaMismatchError(
            f"Model is missing inputs {missing}", hint=_found([str(name) for name in frame.columns])
        )
    return [(spec.name, places[str(spec.name)], spec) for spec in specs if str(spec.name) in places]


def _found(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"the data has {names[:_NAMED]}{more}" if names else "the data has no columns"


def _by_position(frame: Any, specs: list[ColSpec]) -> list[tuple[Any, int, ColSpec]]:
    if len(frame.columns) < len(specs):
        raise SchemaMismatchError(
            f"Model is missing inputs: it takes {len(specs)} columns, got {len(frame.columns)}",
            hint="give one column for each, in the order of the signature",
        )
    return [(frame.columns[at], at, spec) for at, spec in enumerate(specs)]


def _frame(data: Any, schema: Schema) -> Any:
    import numpy as np
    import pandas as pd

    if isinstance(data, pd.DataFrame):
        return data
    try:
        if isinstance(data, pd.Series):
            return data.to_frame()
        if isinstance(data, dict):
            arrays = {spec.name for spec in schema.columns() if spec.type == "array"}
            plain = {key: value for key, value in data.items() if key not in arrays}
            if not any(isinstance(value, (list, np.ndarray)) for value in plain.values()):
                return pd.DataFrame([data])  # one row, some of it lists perhaps
        return pd.DataFrame(data)
    except (ValueError, TypeError) as error:
        raise SchemaMismatchError(f"{type(data).__name__} cannot become a table: {error}") from None


def _cast(column: Any, name: Any, spec: ColSpec, exact: bool) -> Any:
    if spec.type in NESTED_TYPES:
        return column
    if column.dtype == object and spec.type != "binary":
        column = column.infer_objects()
    others = {"string": _to_text, "binary": _to_bytes, "datetime": _to_datetime}
    return others.get(spec.type, _to_number)(column, name, spec.type, exact)


def _to_number(column: Any, name: Any, kind: str, exact: bool) -> Any:
    wanted = _DTYPES[kind]
    if str(column.dtype) == wanted:
        return column
    if wanted[0] in "ib" and column.isna().any():
        raise _misfit(name, "holds null or NaN", kind)
    if _widens(column.dtype, wanted):
        return column.astype(wanted)
    if exact:
        return _exactly(column, name, kind, wanted)
    if column.dtype == "int64" and wanted in _EXACT_INTEGERS and column.isin((0, 1)).all():
        return column.astype(wanted)
    raise _misfit(name, f"is {column.dtype}", kind)


def _widens(dtype: Any, wanted: str) -> bool:
    """Tell whether every value of a dtype fits in the wanted one, as MLflow decides it."""
    import numpy as np

    target = np.dtype(wanted)
    size = getattr(dtype, "itemsize", 0)
    if dtype.kind == target.kind:
        return bool(size <= target.itemsize)
    if dtype.kind == "u" and target.kind == "i":
        return bool(size < target.itemsize)
    return dtype.kind in "iu" and wanted == "float64" and size <= _INT32_BYTES


def _exactly(column: Any, name: Any, kind: str, wanted: str) -> Any:
    """Cast numbers, each of which must stay what it is; a double may be rounded to a float."""
    import numpy as np

    target = np.dtype(wanted)
    if column.isna().all() and target.kind == "f":
        return column.astype("float64").astype(wanted)
    if column.dtype.kind not in "iuf" or target.kind == "b":
        raise _misfit(name, _holds_no_number(column, kind), kind)
    values = (
        column.to_numpy(dtype="float64", na_value=np.nan)
        if column.dtype.kind == "f"
        else column.to_numpy()
    )
    if target.kind == "i":
        limits = np.iinfo(target)
        fits = (values >= limits.min) & (values <= limits.max) & (values == np.floor(values))
        if values.dtype.kind == "f":
            fits &= np.abs(values) <= _EXACT_INTEGERS["float64"]
    elif values.dtype.kind == "f":
        fits = ~np.isfinite(values) | (np.abs(values) <= np.finfo(target).max)
    else:
        most = _EXACT_INTEGERS[wanted]
        fits = (values <= most) & (values >= -most if values.dtype.kind == "i" else True)
    if not fits.all():
        raise _misfit(name, f"holds {values[~fits][0]}", kind)
    return column.astype(wanted)


def _to_text(column: Any, name: Any, kind: str, exact: bool) -> Any:
    if column.dtype.kind not in "OTU" and not column.isna().all():
        raise _misfit(name, _holds(column) if exact else f"is {column.dtype}", kind)
    if column.dtype != object:
        return column
    if exact and any(not isinstance(value, str) for value in column.dropna()):
        raise _misfit(name, _holds(column, str), kind)
    return column.where(column.isna(), column.map(str))


def _to_bytes(column: Any, name: Any, kind: str, exact: bool) -> Any:
    values = column.astype(object)
    if not exact and all(isinstance(value, (bytes, bytearray)) for value in values.dropna()):
        return values
    try:
        return values.map(lambda value: base64.b64decode(value, validate=True), na_action="ignore")
    except (binascii.Error, ValueError, TypeError):
        raise _misfit(name, "holds what is not base64", kind) from None


def _to_datetime(column: Any, name: Any, kind: str, exact: bool) -> Any:
    import pandas as pd

    if column.dtype.kind == "M":
        return column
    if column.dtype.kind not in "OTU" and not column.isna().all():
        raise _misfit(name, _holds(column) if exact else f"is {column.dtype}", kind)
    try:
        return pd.to_datetime(column)
    except (ValueError, TypeError, OverflowError):
        raise _misfit(name, "holds what is no date and time", kind) from None


def _enforce_tensors(data: Any, specs: list[TensorSpec], exact: bool) -> Any:
    # Tensors need no pandas: where it is not loaded, no data can be a DataFrame.
    pandas = sys.modules.get("pandas")
    is_frame = pandas is not None and isinstance(data, pandas.DataFrame)
    if specs[0].name is None:
        return _tensor(data.to_numpy() if is_frame else data, specs[0], exact)
    if not is_frame and not isinstance(data, dict):
        names = [spec.name for spec in specs]
        raise SchemaMismatchError(
            f"the model takes named tensors, not {type(data).__name__}", hint=f"name {names}"
        )
    missing = [spec.name for spec in specs if spec.name not in data]
    if missing:
        raise SchemaMismatchError(
            f"Model is missing inputs {missing}", hint=_found([str(name) for name in data])
        )
    return {spec.name: _tensor(data[spec.name], spec, exact) for spec in specs}


def _tensor(values: Any, spec: TensorSpec, exact: bool) -> Any:
    import numpy as np

    name = spec.name or "input"
    if hasattr(values, "tocsr"):
        fits = _fits(values.shape, spec.shape) and np.can_cast(values.dtype, spec.type, "safe")
        if fits:
            return values.astype(spec.type)
        values = values.toarray()
    try:
        array = np.asarray(values)
        target = np.dtype(spec.type)
    except (ValueError, TypeError) as error:
        raise SchemaMismatchError(f"{name!r} cannot become an array: {error}") from None
    if not _fits(array.shape, spec.shape):
        raise SchemaMismatchError(
            f"{name!r} has the shape {array.shape}, the model takes {spec.shape}"
        )
    if array.dtype == target or (array.dtype.kind == target.kind and target.kind in "USO"):
        return array
    castable = _may_be_cast(array.dtype, target, exact)
    cast = _without_loss(array, target) if castable else None
    if cast is None:
        raise SchemaMismatchError(
            f"{name!r} is {array.dtype}, the model takes {target}", hint="convert it without loss"
        )
    return cast


def _fits(shape: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    pairs = zip(wanted, shape, strict=False)
    return len(shape) == len(wanted) and all(want in (-1, length) for want, length in pairs)


def _may_be_cast(dtype: Any, target: Any, exact: bool) -> bool:
    import numpy as np

    if exact and dtype.kind in "iufO" and target.kind in "iuf":
        return True
    return bool(dtype.kind != "b" and np.can_cast(dtype, target, "safe"))


def _without_loss(array: Any, target: Any) -> Any:
    """Return the array as the wanted dtype; None where a number would become another.

    A float may be rounded to a shorter float, and null becomes NaN.
    """
    import numpy as np

    try:
        with np.errstate(all="ignore"):
            cast = array.astype(target)
            if array.dtype.kind in "iu" and target.kind == "f":
                same = cast.astype(array.dtype) == array
            elif array.dtype.kind == "f" and target.kind == "f":
                same = np.isfinite(cast) | ~np.isfinite(array)
            elif array.dtype.kind == "O":
                pairs = zip(array.flat, cast.flat, strict=True)
                same = np.array([_is_same(before, after) for before, after in pairs], dtype=bool)
            else:
                same = cast == array
    except (ValueError, TypeError, OverflowError):
        return None
    return cast if bool(np.all(same)) else None


def _is_same(before: Any, after: Any) -> bool:
    if before is None:
        return bool(after != after)  # noqa: PLR0124 - only NaN is not itself
    return type(before) in (int, float) and bool(after == before)


def _holds(column: Any, good: type = object) -> str:
    values = list(column.dropna())
    wrong = [value for value in values if good is object or not isinstance(value, good)] or values
    return f"holds {wrong[0]!r:.60}" if wrong else "holds null"


def _holds_no_number(column: Any, kind: str) -> str:
    """Name the cell that is to blame: one that never converts before one of another type."""
    values = list(column.dropna())
    good = (bool,) if kind == "boolean" else (int, float)
    others = [value for value in values if type(value) not in good]
    wrong = [value for value in others if not _converts(value, kind)] or others or values
    return f"holds {wrong[0]!r:.60}" if wrong else "holds null"


def _converts(value: Any, kind: str) -> bool:
    if kind == "boolean":
        return str(value).lower() in ("true", "false")
    try:
        float(value)
    except (ValueError, TypeError, OverflowError):
        return False
    return True


def _misfit(name: Any, what: str, kind: str) -> SchemaMismatchError:
    return SchemaMismatchError(
        f"column {name!r} {what}, the model's signature says {kind}",
        hint="convert the data, or save the model with another signature",
    )
