"""Tables that come in chunks, from CSV, JSON lines, JSON or Parquet."""

from __future__ import annotations

import csv
import itertools
import json
from typing import IO, TYPE_CHECKING, Any, Literal, NamedTuple

from gittrack.errors import InvalidValueError, in_one_line
from gittrack.models import packages
from gittrack.serving import csvtables, request

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

Kind = Literal["csv", "jsonl", "json", "parquet"]

ROWS = 20_000
BYTES = 1 << 22

# What a cell may hold, such as an image; Python's own limit is 128 KiB.
_CELL_BYTES = 1 << 30

_KINDS: dict[str, Kind] = {
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".parquet": "parquet",
    ".pq": "parquet",
}
KINDS = tuple(dict.fromkeys(_KINDS.values()))


class Chunk(NamedTuple):
    """Some rows; `typed` where the file itself says which type each column has."""

    data: Any
    typed: bool


def kind_of(path: Path) -> Kind | None:
    """Return what the name of a file says of its content."""
    return _KINDS.get(path.suffix.lower())


def read(source: IO[bytes], kind: Kind, *, texts: Collection[str] = ()) -> Iterator[Chunk]:
    """Yield the rows of a file, some at a time.

    Args:
        texts: columns of CSV that are taken as they stand, such as 007.

    Raises:
        InvalidValueError: the file is broken; it says where.
    """
    readers = {"csv": _csv, "jsonl": _lines, "parquet": _parquet}
    return readers[kind](source, texts) if kind in readers else _json(source)


def _csv(source: IO[bytes], texts: Collection[str]) -> Iterator[Chunk]:
    limit = csv.field_size_limit(_CELL_BYTES)
    try:
        for table in csvtables.tables(source, "the input", texts=texts, size=BYTES):
            yield Chunk(table, typed=False)
    finally:
        csv.field_size_limit(limit)


def _lines(source: IO[bytes], _: Collection[str]) -> Iterator[Chunk]:
    numbered = enumerate(source, 1)
    while lines := list(itertools.islice(numbered, ROWS)):
        rows = [_row(number, line) for number, line in lines if line.strip()]
        if rows:
            yield Chunk(request.records(rows, f"line {lines[0][0]} and on"), typed=False)


def _row(number: int, line: bytes) -> Any:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        row = None
    if not isinstance(row, dict):
        raise InvalidValueError(f"line {number} of the input is no JSON object")
    return row


def _json(source: IO[bytes]) -> Iterator[Chunk]:
    data = request.parse(source.read(), "json").data
    if isinstance(data, dict):
        yield Chunk(request.table(data), typed=False)
        return
    for start in range(0, len(data), ROWS):
        yield Chunk(data[start : start + ROWS], typed=False)


def _parquet(source: IO[bytes], _: Collection[str]) -> Iterator[Chunk]:
    pa = packages.need("pyarrow", why="Parquet files")
    from pyarrow import parquet

    try:
        file = source if source.seekable() else pa.BufferReader(source.read())
        for batch in parquet.ParquetFile(file).iter_batches(batch_size=ROWS):
            yield Chunk(batch.to_pandas(), typed=True)
    except (pa.ArrowException, OSError) as error:
        raise InvalidValueError(f"the input is not Parquet: {in_one_line(error)}") from None
