"""CSV as tables of whole rows, each with one value for each column.

pandas fills rows that are too short with nothing. Python's own reader tells where they are, but is
slow; so it only looks at blocks that are not plainly even.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections import Counter
from typing import IO, TYPE_CHECKING, Any

from gittrack.errors import InvalidValueError, in_one_line

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator


def tables(
    source: IO[bytes], field: str, *, texts: Collection[str] = (), size: int
) -> Iterator[Any]:
    """Yield the rows of CSV in UTF-8 as DataFrames.

    Args:
        field: what holds the CSV, for messages.
        texts: columns that are taken as they stand, such as 007.
        size: of about how many bytes a table is made.

    Raises:
        InvalidValueError: a row is uneven, a column there twice, or it is no CSV.
    """
    try:
        header, width, rest = _header(source, field)
        dtypes = dict.fromkeys(texts, "str")
        done = 0
        while block := rest + source.read(size) + source.readline():
            rest = b""
            table = _plain(header, block, width, dtypes)
            if table is None:
                block, rows = _checked(block, source, width, where=(field, done))
                if not rows:
                    continue
                table = _parsed(header + block, rows, dtypes)
            done += len(table)
            yield table
    except (csv.Error, ValueError, OverflowError) as error:
        if isinstance(error, InvalidValueError):
            raise
        # pandas' errors are ValueErrors.
        raise InvalidValueError(f"{field} is not CSV: {in_one_line(error)}") from None


class _Lines:
    """The lines of a block, and of what follows it where a cell goes on."""

    def __init__(self, block: bytes, more: IO[bytes]) -> None:
        self._more = more
        self._given: list[str] = []
        self._take(block)

    def _take(self, data: bytes) -> None:
        text = data.decode()
        # So that \r and \r\n end a line, too, and stay what they are.
        self._lines, self.left = io.StringIO(text, newline=""), len(text)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._lines.readline()
        if not line:
            self._take(self._more.readline())
            line = self._lines.readline()
        if not line:
            raise StopIteration
        self.left -= len(line)
        self._given.append(line)
        return line

    def given(self) -> bytes:
        """Return the lines that were given since the last call."""
        text = "".join(self._given)
        self._given.clear()
        return text.encode()

    def rest(self) -> bytes:
        """Return what was taken and not given."""
        return self._lines.read().encode()


def _header(source: IO[bytes], field: str) -> tuple[bytes, int, bytes]:
    """Return the text of the header, of how many columns it is, and what was read beyond it."""
    lines = _Lines(source.readline().removeprefix(codecs.BOM_UTF8), source)
    rows = ((names, lines.given()) for names in csv.reader(lines, strict=True))
    names, text = next((row for row in rows if row[0]), (None, b""))
    if names is None:
        raise InvalidValueError(f"{field} holds no CSV")
    name, times = Counter(names).most_common(1)[0]
    if times > 1:
        raise InvalidValueError(f"the header of {field}: {name!r:.80} is there twice")
    return text, len(names), lines.rest()


def _plain(header: bytes, block: bytes, width: int, dtypes: dict[str, str]) -> Any:
    """Return the table of a block where each line is plainly a row of that many cells."""
    lines = block.replace(b"\r\n", b"\n") if b"\r" in block else block
    rows = lines.count(b"\n") + (not lines.endswith(b"\n"))
    if b'"' in lines or b"\r" in lines or lines.count(b",") != rows * (width - 1):
        return None
    try:
        # pandas refuses a row of too many cells, so that with this many none has too few.
        return _parsed(header + lines, rows, dtypes)
    except ValueError:
        return None


def _checked(
    block: bytes, more: IO[bytes], width: int, *, where: tuple[str, int]
) -> tuple[bytes, int]:
    """Return the block, with the lines that end its last row, and how many rows they are."""
    lines = _Lines(block, more)
    reader = csv.reader(lines, strict=True)
    field, done = where
    kept: list[bytes] = []
    while lines.left and (row := next(reader, None)) is not None:
        text = lines.given()
        if not row:
            continue  # pandas would take the comma after an empty line that ends in \r for its own
        kept.append(text)
        if len(row) != width:
            raise InvalidValueError(
                f"row {done + len(kept)} of {field} has {len(row)} values for {width} columns"
            )
    return b"".join(kept), len(kept)


class _Undecoded:
    """A file of bytes that pandas does not take for one, so that only its parser decodes them."""

    def __init__(self, data: bytes) -> None:
        self._file = io.BytesIO(data)
        self.read = self._file.read

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._file)


def _parsed(text: bytes, rows: int, dtypes: dict[str, str]) -> Any:
    import pandas as pd

    file: Any = _Undecoded(text)
    table = pd.read_csv(file, low_memory=False, dtype=dtypes)
    if len(table) != rows:
        raise ValueError("it holds rows of nothing but blanks")
    if not isinstance(table.index, pd.RangeIndex):
        raise ValueError("its rows hold more values than there are columns")
    return table
