"""Predictions written as they come: CSV, JSON lines, JSON or Parquet."""

from __future__ import annotations

from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, TypeAlias

from gittrack.errors import ModelError, in_one_line
from gittrack.models import encoding, packages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gittrack.serving.chunks import Kind

Write: TypeAlias = "Callable[[Any], None]"

COLUMN = "prediction"


@contextmanager
def writer(target: IO[bytes], kind: Kind) -> Iterator[Write]:
    """Give a function that writes the predictions of a chunk; the file is whole when all ends.

    Raises:
        ModelError: a chunk's predictions are no table, or of other columns than those before.
    """
    writers = {"csv": _csv, "jsonl": _lines, "json": _json, "parquet": _parquet}
    with writers[kind](target) as write:
        yield write


@contextmanager
def _csv(target: IO[bytes]) -> Iterator[Write]:
    columns: list[str] = []

    def write(answer: Any) -> None:
        frame = _frame(answer)
        first = not columns
        _check(frame, columns)
        for at in range(len(columns)):
            if frame.dtypes.iloc[at].kind == "O":
                cells = [_cell(value) for value in frame.iloc[:, at]]
                frame = frame.copy(deep=False)
                frame.isetitem(at, cells)
        text = frame.to_csv(index=False, header=first, lineterminator="\n")
        target.write(text.encode("utf-8", "backslashreplace"))

    yield write


def _cell(value: Any) -> Any:
    """Return what pandas is to write: for bytes and lists not Python's form, but JSON's."""
    plain = encoding.jsonable(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return plain
    return encoding.dumps(plain) if isinstance(plain, (list, dict)) else value


@contextmanager
def _lines(target: IO[bytes]) -> Iterator[Write]:
    def write(answer: Any) -> None:
        rows = _rows(answer)
        target.write("".join(f"{encoding.dumps(row)}\n" for row in rows).encode())

    yield write


@contextmanager
def _json(target: IO[bytes]) -> Iterator[Write]:
    between = b'{"predictions": ['

    def write(answer: Any) -> None:
        nonlocal between
        text = encoding.dumps(_rows(answer))
        if len(text) > len("[]"):
            target.write(between + text[1:-1].encode())
            between = b", "

    yield write
    target.write(between.removesuffix(b", ") + b"]}\n")


@contextmanager
def _parquet(target: IO[bytes]) -> Iterator[Write]:
    pa = packages.need("pyarrow", why="Parquet files")
    from pyarrow import parquet

    opened: list[Any] = []

    def write(answer: Any) -> None:
        frame = _frame(answer)
        try:
            if not opened:
                table = pa.Table.from_pandas(frame, preserve_index=False)
                opened.append(parquet.ParquetWriter(target, table.schema))
            table = pa.Table.from_pandas(frame, schema=opened[0].schema, preserve_index=False)
            opened[0].write_table(table)
        except (pa.ArrowException, KeyError) as error:
            raise ModelError(
                f"the predictions do not fit into Parquet: {in_one_line(error)}"
            ) from None

    try:
        yield write
    finally:
        for file in opened:
            file.close()


def _rows(answer: Any) -> list[Any]:
    plain = encoding.jsonable(answer)
    if not isinstance(plain, list):
        raise ModelError(
            f"the model answers {type(answer).__name__}, not one prediction for each row",
            hint="ask its server, gittrack serve, whose answers take any form",
        )
    return plain


def _frame(answer: Any) -> Any:
    """Return predictions as a table: their own columns, or `prediction`, or `prediction_0` ..."""
    import numpy as np
    import pandas as pd

    if isinstance(answer, pd.DataFrame):
        return answer
    if isinstance(answer, pd.Series):
        return answer.to_frame(answer.name if answer.name is not None else COLUMN)
    if isinstance(answer, dict):
        return pd.DataFrame({str(name): list(values) for name, values in answer.items()})
    array = answer.toarray() if hasattr(answer, "toarray") else np.asarray(answer)
    if array.ndim == 1:
        return pd.DataFrame({COLUMN: array})
    if array.ndim != 2:  # noqa: PLR2004 - rows and columns
        raise ModelError(
            f"the predictions have {array.ndim} dimensions, and a table has two",
            hint="write JSON lines: -o FILE.jsonl",
        )
    return pd.DataFrame(array, columns=[f"{COLUMN}_{at}" for at in range(array.shape[1])])


def _check(frame: Any, columns: list[str]) -> None:
    names = [str(name) for name in frame.columns]
    columns[:] = columns or names
    if names != columns:
        raise ModelError(f"the predictions have the columns {names}, before they had {columns}")
