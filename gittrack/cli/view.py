"""What a command shows, as values, and how it reads as JSON, CSV and Markdown.

JSON comes in an envelope, described by `schemas/output.schema.json`:

    {"format": 1, "kind": "runs", "data": [...], "problems": []}
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from gittrack.cli.cells import Cell, number, plain
from gittrack.files import Problem
from gittrack.markdown import inert
from gittrack.runs.values import number_of

FORMAT = 1

Value = Cell | str | int | float | bool | None

NO_LIMIT = 100_000
_DEEPEST = 100
_UNSAFE_IN_JSON = re.compile(
    "[\x7f-\x9f\xad\u061c\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff]"
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Form(str, Enum):
    """How data is written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    MD = "md"
    QUIET = "quiet"


@dataclass(frozen=True)
class Column:
    """A column. Where there is no room, those with the greatest `drop` go first; 0 stays.

    Text that is wider than `most` is cut. Numbers alone stand to the `right`.
    """

    name: str
    drop: int = 0
    most: int = NO_LIMIT
    right: bool = False


@dataclass(frozen=True)
class Table:
    """Rows for people. `header=False` leaves the column names to CSV and Markdown."""

    columns: Sequence[Column | str]
    rows: Sequence[Sequence[Value]]
    title: str = ""
    header: bool = True


@dataclass(frozen=True)
class View:
    """What a command shows: `data` for JSON, `tables` for people.

    `csv` and `md` are tables of their own where those of the terminal would not do. `text` stands
    below the tables as it is, in the terminal only.
    """

    kind: str
    data: object
    tables: Sequence[Table] = ()
    problems: Sequence[Problem] = ()
    csv: Table | None = None
    md: Table | None = None
    heading: Sequence[str] = ()
    text: Sequence[str] = ()


# -- JSON


def json_text(view: View) -> str:
    """Return a view in its envelope."""
    problems = [{**found._asdict(), "path": str(found.path)} for found in view.problems]
    envelope = {"format": FORMAT, "kind": view.kind, "data": view.data, "problems": problems}
    text = json.dumps(_finite(envelope), ensure_ascii=False, indent=2, allow_nan=False)
    return _UNSAFE_IN_JSON.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def _finite(value: object, depth: int = 0) -> object:
    if depth > _DEEPEST:
        return "nested too deeply"
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    if isinstance(value, Mapping):
        return {str(key): _finite(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item, depth + 1) for item in value]
    return value


# -- CSV


def csv_text(table: Table) -> str:
    """Return a table as CSV, formulas made harmless."""
    import csv
    import io

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    columns, _ = columns_of(table)
    writer.writerow([_csv_cell(column.name) for column in columns])
    writer.writerows([_csv_cell(value) for value in row] for row in table.rows)
    return text.getvalue()


def _csv_cell(value: Value) -> str:
    raw = (value.text if value.value is None else value.value) if isinstance(value, Cell) else value
    if raw is None:
        return ""
    if not isinstance(raw, str):
        return str(_finite(raw))
    text = plain(raw, keep="\n\t")
    return f"'{text}" if text.startswith(_FORMULA) and number_of(text) is None else text


# -- Markdown


def md_text(table: Table) -> str:
    """Return a table in Markdown."""
    columns, cells = columns_of(table)
    rows = [
        "| " + " | ".join(markdown(column.name) for column in columns) + " |",
        "|" + "|".join(" ---: " if column.right else " --- " for column in columns) + "|",
        *("| " + " | ".join(markdown(cell.text) for cell in row) + " |" for row in cells),
    ]
    title = [f"### {markdown(table.title)}", ""] if table.title else []
    return "\n".join([*title, *rows])


def markdown(text: str) -> str:
    """Return a text with all that Markdown would act on escaped."""
    return inert(text).replace("\n", "<br>")


def columns_of(table: Table) -> tuple[list[Column], list[list[Cell]]]:
    """Return columns that know where their text stands, and rows that are safe to show."""
    rows = [[_cell(value) for value in row] for row in table.rows]
    columns = []
    for index, given in enumerate(table.columns):
        column = given if isinstance(given, Column) else Column(given)
        filled = [row[index] for row in rows if row[index].text]
        right = bool(filled) and all(cell.right for cell in filled)
        columns.append(replace(column, name=plain(column.name), right=right))
    return columns, rows


def _cell(value: Value) -> Cell:
    if isinstance(value, Cell):
        return value._replace(text=plain(value.text, keep="\n" if value.long else ""))
    if value is None:
        return Cell("")
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return Cell(number(value), value, right=True)
    return Cell(plain(str(value)))
