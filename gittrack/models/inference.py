"""Finding a signature from data: what a model was given and what it answered."""

from __future__ import annotations

import sys
import warnings
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from gittrack.errors import ModelError
from gittrack.models.specs import (
    ColSpec,
    ModelSignature,
    ParamSchema,
    ParamSpec,
    Schema,
    TensorSpec,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

_SIGNATURE_HINT = (
    "leave the signature out, or build it: ModelSignature(Schema([ColSpec('double', 'a')]))"
)
_OF_DTYPE = {
    "bool": "boolean",
    "boolean": "boolean",
    "int8": "integer",
    "int16": "integer",
    "int32": "integer",
    "uint8": "integer",
    "uint16": "integer",
    "uint32": "long",
    "int64": "long",
    "float16": "float",
    "float32": "float",
    "float64": "double",
}
_OF_VALUES = {
    "string": "string",
    "bytes": "binary",
    "boolean": "boolean",
    "integer": "long",
    "floating": "double",
    "mixed-integer-float": "double",
    "datetime": "datetime",
    "datetime64": "datetime",
    "date": "datetime",
    "empty": "any",
}
_PARAM_TYPES = (
    (bool, "boolean"),
    (int, "long"),
    (float, "double"),
    (str, "string"),
    (bytes, "binary"),
)


def infer_signature(
    model_input: Any = None, model_output: Any = None, params: Mapping[str, Any] | None = None
) -> ModelSignature:
    """Return the signature of a model that takes `model_input` and answers `model_output`.

    Args:
        model_input: a DataFrame, Series, NumPy array, sparse matrix, a dictionary of arrays or
            of plain values, or a list of plain values, rows or dictionaries.
        model_output: likewise.
        params: parameters with their defaults.

    Raises:
        ModelError: it holds a type that a signature has no name for.
    """
    return ModelSignature(
        inputs=None if model_input is None else _schema(model_input),
        outputs=None if model_output is None else _schema(model_output),
        params=ParamSchema(_param(name, value) for name, value in params.items())
        if params
        else None,
    )


def _schema(data: Any) -> Schema:
    numpy, pandas = sys.modules.get("numpy"), sys.modules.get("pandas")
    if pandas is not None and isinstance(data, pandas.DataFrame):
        return Schema(_column(data.iloc[:, at], name) for at, name in enumerate(data.columns))
    if pandas is not None and isinstance(data, pandas.Series):
        return Schema([_column(data, data.name)])
    if (numpy is not None and isinstance(data, numpy.ndarray)) or hasattr(data, "tocsr"):
        return Schema([_tensor(data)])
    return _schema_of_python(data)


def _schema_of_python(data: Any) -> Schema:
    """Return the schema of what JSON has too: a dictionary, a text, a list of some."""
    if isinstance(data, str):
        return Schema([ColSpec("string")])
    if isinstance(data, dict) and data:
        return _schema_of_dict(data)
    if isinstance(data, (list, tuple)) and data:
        if all(isinstance(one, dict) for one in data):
            joined = {key: value for one in reversed(data) for key, value in one.items()}
            return _schema_of_dict(joined)
        return _schema_of_list(data)
    raise ModelError(f"no signature can be found from {type(data).__name__}", hint=_SIGNATURE_HINT)


def _schema_of_dict(data: Mapping[Any, Any]) -> Schema:
    """Return named tensors where all values are arrays, else named columns."""
    if all(getattr(value, "shape", None) for value in data.values()):
        return Schema(replace(_tensor(value), name=str(key)) for key, value in data.items())
    described = ((key, _nested(key, value)) for key, value in data.items())
    return Schema(ColSpec(one.pop("type"), _plain_name(key), nested=one) for key, one in described)


def _nested(key: Any, value: Any) -> dict[str, Any]:
    """Return the type of a value as the JSON of a signature has it, lists and objects inside."""
    if isinstance(value, dict):
        inside = {
            str(name): {**_nested(name, one), "required": True} for name, one in value.items()
        }
        return {"type": "object", "properties": inside}
    if isinstance(value, (list, tuple)) or getattr(value, "shape", None):
        return {"type": "array", "items": _nested(key, value[0]) if len(value) else {"type": "any"}}
    return {"type": "any"} if value is None else {"type": _plain_type(key, value)}


def _plain_type(key: Any, value: Any) -> str:
    kind = _OF_DTYPE.get(str(getattr(value, "dtype", "")))
    for python, name in (*_PARAM_TYPES, (datetime, "datetime")):
        if kind is None and isinstance(value, python):
            kind = name
    if kind is None:
        raise ModelError(
            f"{key!r} holds {type(value).__name__}, for which a signature has no type",
            hint=_SIGNATURE_HINT,
        )
    return kind


def _schema_of_list(data: Any) -> Schema:
    import numpy as np

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # older versions of NumPy only warn of unequal rows
            array = np.asarray(data)
    except (ValueError, Warning):
        array = np.empty(0, dtype=object)
    if array.dtype == object or array.ndim == 0:
        raise ModelError(
            "no signature can be found from a list of unequal or mixed values", hint=_SIGNATURE_HINT
        )
    if array.ndim > 1:
        return Schema([_tensor(array)])
    kind = "string" if array.dtype.kind == "U" else _OF_DTYPE.get(str(array.dtype))
    if kind is None:
        raise ModelError(
            f"a signature has no type for a list of {array.dtype}", hint=_SIGNATURE_HINT
        )
    return Schema([ColSpec(kind)])


def _tensor(array: Any) -> TensorSpec:
    kind = {"U": "str", "S": "bytes"}.get(array.dtype.kind, str(array.dtype))
    return TensorSpec(kind, (-1, *array.shape[1:]))


def _column(values: Any, name: Any) -> ColSpec:
    import pandas as pd

    if isinstance(values.dtype, pd.CategoricalDtype):
        return ColSpec(
            _column(values.dtype.categories.to_series(), name).type,
            _plain_name(name),
            required=not bool(values.isna().any()),
        )
    dtype = values.dtype
    if pd.api.types.is_datetime64_any_dtype(dtype):
        kind: str | None = "datetime"
    else:
        # Nullable dtypes (Int64, Float32, boolean) are NumPy's but for the capital.
        kind = _OF_DTYPE.get(str(dtype).lower())
    if kind is None and dtype.kind in "OTU":
        kind = _OF_VALUES.get(pd.api.types.infer_dtype(values, skipna=True))
    first = next(iter(values.dropna()), None) if kind is None else None
    if isinstance(first, (list, tuple, dict)):
        nested = _nested(name, first)
        return ColSpec(nested.pop("type"), _plain_name(name), not bool(values.isna().any()), nested)
    if kind is None:
        raise ModelError(
            f"column {name!r} is {dtype}, for which a signature has no type", hint=_SIGNATURE_HINT
        )
    return ColSpec(kind, _plain_name(name), required=not bool(values.isna().any()))


def _plain_name(name: Any) -> str | int | None:
    if name is None or isinstance(name, str):
        return name
    item = name.item() if hasattr(name, "item") else name
    return item if isinstance(item, int) and not isinstance(item, bool) else str(item)


def _param(name: str, value: Any) -> ParamSpec:
    sample = value[0] if isinstance(value, (list, tuple)) and value else value
    for python, kind in _PARAM_TYPES:
        if isinstance(sample, python):
            return ParamSpec(name, kind, value, (-1,) if sample is not value else None)
    raise ModelError(
        f"parameter {name!r} is {type(value).__name__}, for which a signature has no type"
    )
