"""CSV as tables of whole rows, each with one value for each column.

pandas would fill uneven rows with nothing, or drop what is too much. Python's own reader tells
where they are, but is slow; so it only looks at lines that are not plainly even.
"""

from __future__ import annotations

import csv
import io
import itertools
import warnings
from collections import Counter
from typing import TYPE_CHECKING, Any

from gittrack.errors import InvalidValueError, in_one_line

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator


def tables(
    lines: Iterator[str], field: str, *, texts: Collection[str] = (), size: int
) -> Iterator[Any]:
    """Yield the rows of CSV as DataFrames.

    Args:
        lines: the lines with their ends, whichever these are.
        field: what holds the CSV, for messages.
        texts: columns that are taken as they stand, such as 007.
        size: of how many lines a table is made.

    Raises:
        InvalidValueError: a row is uneven, a column there twice, or it is no CSV.
    """
    from pandas.errors import ParserWarning

    try:
        header, width = _header(lines, field)
        dtypes = dict.fromkeys(texts, "str")
        done = 0
        while block := list(itertools.islice(lines, size)):
            rows = len(block)
            if not _is_even(block, width):
                block, rows = _checked(block, lines, width, where=(field, done))
            done += rows
            if rows:
                yield _parsed(header + "".join(block), rows, dtypes)
    except (csv.Error, ValueError, OverflowError, ParserWarning) as error:
        if isinstance(error, InvalidValueError):
            raise
        # pandas' errors are ValueErrors.
        raise InvalidValueError(f"{field} is not CSV: {in_one_line(error)}") from None


def _header(lines: Iterator[str], field: str) -> tuple[str, int]:
    """Return the text of the header, and of how many columns it is."""
    seen: list[str] = []
    names = next(filter(None, csv.reader(_noted(lines, seen), strict=True)), None)
    if names is None:
        raise InvalidValueError(f"{field} holds no CSV")
    name, times = Counter(names).most_common(1)[0]
    if times > 1:
        raise InvalidValueError(f"the header of {field}: {name!r:.80} is there twice")
    return "".join(seen), len(names)


def _is_even(block: list[str], width: int) -> bool:
    # In a table of one column an empty line is no row, and other lines have no commas either.
    commas = [line.count(",") for line in block]
    plain = width > 1 and commas.count(width - 1) == len(block)
    return plain and not any('"' in line for line in block)


def _checked(
    block: list[str], more: Iterator[str], width: int, *, where: tuple[str, int]
) -> tuple[list[str], int]:
    """Return the lines, with those that end the last row, and how many rows they are."""
    seen: list[str] = []
    reader = csv.reader(_noted(itertools.chain(block, more), seen), strict=True)
    field, done = where
    rows = 0
    while len(seen) < len(block) and (row := next(reader, None)) is not None:
        rows += bool(row)
        if row and len(row) != width:
            raise InvalidValueError(
                f"row {done + rows} of {field} has {len(row)} values for {width} columns"
            )
    return seen, rows


def _parsed(text: str, rows: int, dtypes: dict[str, str]) -> Any:
    import pandas as pd

    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)  # cells would be lost
        table = pd.read_csv(io.StringIO(text), index_col=False, low_memory=False, dtype=dtypes)
    if len(table) != rows:
        raise ValueError("it holds rows of nothing but blanks")
    return table


def _noted(lines: Iterator[str], seen: list[str]) -> Iterator[str]:
    for line in lines:
        seen.append(line)
        yield line
