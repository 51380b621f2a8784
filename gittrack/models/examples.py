"""An example of a model's input, kept beside it as input_example.json."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from gittrack.errors import ModelError
from gittrack.models.encoding import jsonable

if TYPE_CHECKING:
    from pathlib import Path

FILE = "input_example.json"


def split(example: Any) -> tuple[Any, dict[str, Any]]:
    """Return an example and its params, which a pair of both gives."""
    if isinstance(example, tuple) and len(example) == 2 and isinstance(example[1], dict):  # noqa: PLR2004
        return example
    return example, {}


def write(folder: Path, example: Any) -> dict[str, Any]:
    """Write an example and return what MLmodel says of it.

    Raises:
        ModelError: it is of a kind that has no form in JSON.
    """
    numpy, pandas = sys.modules.get("numpy"), sys.modules.get("pandas")
    info: dict[str, Any] = {"artifact_path": FILE}
    if pandas is not None and isinstance(example, pandas.Series):
        example = example.to_frame()
    if pandas is not None and isinstance(example, pandas.DataFrame):
        rows = [
            [jsonable(cell) for cell in row] for row in example.itertuples(index=False, name=None)
        ]
        content: Any = {"columns": [jsonable(name) for name in example.columns], "data": rows}
        info |= {"type": "dataframe", "pandas_orient": "split"}
    elif numpy is not None and isinstance(example, numpy.ndarray):
        content = jsonable(example)
        info |= {"type": "ndarray"}
    elif hasattr(example, "tocsr"):
        matrix = example.tocsr()
        content = {
            "data": jsonable(matrix.data),
            "indices": jsonable(matrix.indices),
            "indptr": jsonable(matrix.indptr),
            "shape": list(matrix.shape),
        }
        info |= {"type": "sparse_matrix_csr"}
    elif isinstance(example, (dict, list, str, int, float)):
        content = jsonable(example)
        info |= {"type": "json_object"}
    else:
        raise ModelError(
            f"input_example is {type(example).__name__}",
            hint="give a DataFrame, an array, a sparse matrix, a list or a dictionary",
        )
    (folder / FILE).write_text(
        f"{_by_rows(content)}\n", encoding="utf-8", errors="backslashreplace", newline="\n"
    )
    return info


def _by_rows(content: Any) -> str:
    """Return JSON with one row, or one key, a line, so that a diff shows which of them changed."""
    if isinstance(content, list):
        return _lines("[", [_text(row) for row in content], "]")
    if isinstance(content, dict):
        pairs = [
            f"{_text(str(key))}: {_by_rows(value) if key == 'data' else _text(value)}"
            for key, value in content.items()
        ]
        return _lines("{", pairs, "}")
    return _text(content)


def _lines(start: str, items: list[str], end: str) -> str:
    return f"{start}\n" + ",\n".join(items) + f"\n{end}" if items else start + end


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
