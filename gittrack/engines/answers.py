"""A model's answer in the one type that an engine asks for, chosen as MLflow does.

A plain type takes the leftmost column that fits, an array all that fit, a struct its fields by
name.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gittrack.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping

# The types as Spark names them, and what they are for NumPy.
TYPES: Mapping[str, str] = {
    "boolean": "bool",
    "int": "int32",
    "bigint": "int64",
    "float": "float32",
    "double": "float64",
    "string": "object",
}


@dataclass(frozen=True)
class Wanted:
    """What an engine asks for: a plain type, an array of one, or a struct of such fields."""

    type: str
    array: bool = False
    fields: Mapping[str, Wanted] = field(default_factory=dict)

    def __str__(self) -> str:
        if self.fields:
            return f"struct<{','.join(f'{name}:{kind}' for name, kind in self.fields.items())}>"
        return f"array<{self.type}>" if self.array else self.type


def fits(type_: str, wanted: Wanted) -> bool:
    """Tell whether a column of that type can be what is wanted."""
    numbers = ("int", "bigint", "float", "double")
    if wanted.type in numbers:
        return type_ in numbers[: 2 if wanted.type in numbers[:2] else 4]
    return wanted.type in (type_, "string")


def chosen(answer: Any, wanted: Wanted, rows: int) -> Any:
    """Return what is wanted of an answer: a Series, or for a struct a DataFrame.

    Raises:
        ModelError: it has another number of rows, or nothing in it is of that type.
    """
    table = as_table(answer)
    if len(table) != rows:
        raise ModelError(f"the model answered {len(table)} rows for {rows}")
    if not wanted.fields:
        return _one(table, wanted)
    missing = [name for name in wanted.fields if name not in table.columns]
    if missing:
        raise ModelError(f"the model's answer has no {missing}", hint=_has(table))
    import pandas as pd

    return pd.DataFrame(
        {name: _one(table[[name]], kind) for name, kind in wanted.fields.items()}, index=table.index
    )


def as_table(answer: Any) -> Any:
    """Return an answer as a DataFrame whose columns have texts for names."""
    import numpy as np
    import pandas as pd

    if isinstance(answer, pd.DataFrame):
        return answer.set_axis([str(name) for name in answer.columns], axis="columns")
    if isinstance(answer, pd.Series):
        return answer.to_frame("0")
    if hasattr(answer, "toarray"):
        answer = answer.toarray()
    if isinstance(answer, np.ndarray) and answer.ndim > 1:
        flat = answer.reshape(len(answer), -1)
        return pd.DataFrame(flat, columns=[str(number) for number in range(flat.shape[1])])
    table = pd.DataFrame(answer)
    return table.set_axis([str(name) for name in table.columns], axis="columns")


def _one(table: Any, wanted: Wanted) -> Any:
    import pandas as pd

    fitting = [cast for name in table if (cast := _cast(table[name], wanted.type)) is not None]
    if not fitting:
        raise ModelError(f"nothing in the model's answer is {wanted.type}", hint=_has(table))
    if not wanted.array:
        return fitting[0]
    rows = zip(*(column.tolist() for column in fitting), strict=True)
    return pd.Series([list(row) for row in rows], index=table.index, dtype=object)


def _cast(column: Any, kind: str) -> Any:
    """Return a column as a type, None where it is of another."""
    import numpy as np
    import pandas as pd

    source = column.dtype.kind
    if kind == "string":
        cells = zip(column, column.isna(), strict=True)
        texts = [None if empty else str(value) for value, empty in cells]
        return pd.Series(texts, index=column.index, dtype=object)
    if kind == "boolean":
        return column if source == "b" else None
    if source not in ("iu" if kind in ("int", "bigint") else "iuf"):
        return None
    target = np.dtype(TYPES[kind])
    if target.kind == "i" and len(column):
        limits = np.iinfo(target)
        if column.min() < limits.min or column.max() > limits.max:
            worst = column.max() if column.max() > limits.max else column.min()
            raise ModelError(
                f"the model answered {worst}, which is no {kind}", hint="ask for bigint"
            )
    return column.astype(target)


def _has(table: Any) -> str:
    shown = [f"{name}: {table[name].dtype}" for name in list(table.columns)[:10]]
    return f"it has {', '.join(shown) or 'no columns'}"
