"""Runs, and the histories of their metrics, as CSV, JSON or Parquet."""

from __future__ import annotations

import csv
import math
from itertools import chain, islice
from typing import IO, TYPE_CHECKING, Any, Literal

from gittrack.errors import MissingPackageError
from gittrack.runs import lines
from gittrack.runs.series import history
from gittrack.runs.values import format_time, number_of, param_text, to_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gittrack.runs.reading import StoredRun

Form = Literal["csv", "json", "parquet"]
Row = dict[str, Any]

_TIMES = ("start_time", "end_time", "time")
_FIRST = ("run_id", "name", "experiment", "status", *_TIMES[:2], "parent", "user", "note")
_HISTORY = ("run_id", "metric", "step", "time", "value")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_BATCH = 100_000


def write(runs: Sequence[StoredRun], form: Form, file: IO[bytes], *, history: bool) -> None:
    """Write a table: a row a run, or with `history` a row a logged value.

    Raises:
        MissingPackageError: Parquet is wanted and pyarrow is not installed.
    """
    rows = chain.from_iterable(map(_points, runs)) if history else map(_run, runs)
    columns = list(_HISTORY) if history else _columns(runs)
    {"csv": _csv, "json": _json, "parquet": _parquet}[form](rows, columns, file)


def _columns(runs: Iterable[StoredRun]) -> list[str]:
    found: dict[str, set[str]] = {"metrics": set(), "params": set(), "tags": set()}
    for run in runs:
        for kind, names in found.items():
            names.update(getattr(run.record, kind))
    return [*_FIRST, *(f"{kind}.{name}" for kind in found for name in sorted(found[kind]))]


def _run(run: StoredRun) -> Row:
    record = run.record
    values = (getattr(record, name, None) for name in _FIRST)
    return {
        **dict(zip(_FIRST, values, strict=True)),
        "note": run.note or None,
        **{f"metrics.{name}": summary.last for name, summary in record.metrics.items()},
        **{f"params.{name}": value for name, value in record.params.items()},
        **{f"tags.{name}": value for name, value in record.tags.items()},
    }


def _points(run: StoredRun) -> Iterator[Row]:
    present = lines.line_files(run.local)
    for name in sorted(run.record.metrics):
        for step, time, value in history(present, name):
            yield dict(zip(_HISTORY, (run.run_id, name, step, time, value), strict=True))


def _csv(rows: Iterable[Row], columns: list[str], file: IO[bytes]) -> None:
    import io

    text = io.TextIOWrapper(file, encoding="utf-8", errors="backslashreplace", newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([_csv_cell("", name) for name in columns])
    writer.writerows([_csv_cell(name, row.get(name)) for name in columns] for row in rows)
    text.detach()


def _csv_cell(column: str, value: Any) -> str:
    if value is None:
        return ""
    if column in _TIMES:
        return format_time(value)
    text = str(_plain(value)) if not isinstance(value, str) else value
    # A spreadsheet would take it for a formula.
    return f"'{text}" if text.startswith(_FORMULA) and number_of(text) is None else text


def _json(rows: Iterable[Row], _columns: list[str], file: IO[bytes]) -> None:
    begin = b"["
    for row in rows:
        entry = {
            name: format_time(value) if name in _TIMES else _plain(value)
            for name, value in row.items()
            if value is not None
        }
        file.write(begin + b"\n" + to_json(entry).encode())
        begin = b","
    file.write(b"[]\n" if begin == b"[" else b"\n]\n")


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    return value


def _parquet(rows: Iterable[Row], columns: list[str], file: IO[bytes]) -> None:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise MissingPackageError(
            "Parquet needs pyarrow, which is not installed", hint="pip install pyarrow"
        ) from None
    kinds = {name: _parquet_type(name, pa) for name in columns}
    schema = pa.schema(list(kinds.items()))
    waiting = iter(rows)
    with pq.ParquetWriter(file, schema) as writer:
        while batch := list(islice(waiting, _BATCH)):
            arrays = [
                pa.array([_cell(name, row.get(name)) for row in batch], type=kind)
                for name, kind in kinds.items()
            ]
            writer.write_table(pa.table(arrays, schema=schema))


def _parquet_type(name: str, pa: Any) -> Any:
    if name in _TIMES:
        return pa.timestamp("ms", tz="UTC")
    if name == "step":
        return pa.int64()
    return pa.float64() if name == "value" or name.startswith("metrics.") else pa.string()


def _cell(name: str, value: Any) -> Any:
    is_param = name.startswith("params.") and value is not None
    return param_text(value) if is_param else value
