"""Bodies of Parquet and Arrow, where pyarrow is installed."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any, Literal

from gittrack.errors import InvalidValueError, in_one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

# What a small body may grow to: both forms compress, and can repeat a value without its bytes.
MAX_CELLS = 20_000_000
MAX_BYTES = 1 << 30

_ROWS = 4096


def is_there() -> bool:
    """Tell whether these forms can be read."""
    return importlib.util.find_spec("pyarrow") is not None


def read(body: bytes, form: Literal["parquet", "arrow"]) -> Any:
    """Return a body as a DataFrame.

    Raises:
        InvalidValueError: it is broken, without rows or larger than a table may be.
    """
    import pyarrow as pa

    try:
        batches = list(_limited(_parquet(body) if form == "parquet" else _arrow(body)))
        table = pa.Table.from_batches(batches) if batches else None
        if table is None or not table.num_rows:
            raise InvalidValueError("the body holds no rows")
        table.validate(full=True)
        index = [name for name in table.column_names if name.startswith("__index_level_")]
        return table.drop_columns(index).to_pandas(ignore_metadata=True)
    except (pa.ArrowException, OSError, ValueError, TypeError, OverflowError) as error:
        if isinstance(error, InvalidValueError):
            raise
        raise InvalidValueError(
            f"the body is not {form.capitalize()}: {in_one_line(error)}"
        ) from None


def _parquet(body: bytes) -> Iterator[Any]:
    import pyarrow as pa
    from pyarrow import parquet

    yield from parquet.ParquetFile(pa.BufferReader(body)).iter_batches(batch_size=_ROWS)


def _arrow(body: bytes) -> Iterator[Any]:
    from pyarrow import ipc

    if body.startswith(b"ARROW1"):
        reader = ipc.open_file(body)
        yield from (reader.get_batch(number) for number in range(reader.num_record_batches))
    else:
        yield from ipc.open_stream(body)


def _limited(batches: Iterator[Any]) -> Iterator[Any]:
    cells = size = 0
    for batch in batches:
        if len(set(batch.schema.names)) != batch.num_columns:
            raise InvalidValueError("the body: a column is there twice")
        batch.validate(full=True)
        cells += batch.num_rows * batch.num_columns
        size += batch.nbytes
        if cells > MAX_CELLS or size > MAX_BYTES:
            raise InvalidValueError(
                f"the body holds more than {MAX_CELLS} cells or {MAX_BYTES} bytes"
            )
        yield batch
