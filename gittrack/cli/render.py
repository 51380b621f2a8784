"""The one renderer: data on stdout as a table, JSON, CSV or Markdown; words on stderr.

JSON comes in an envelope, described by `schemas/output.schema.json`:

    {"format": 1, "kind": "runs", "data": [...], "problems": []}
"""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TextIO

import typer

from gittrack import settings
from gittrack.cli.cells import Cell, number, plain
from gittrack.errors import GittrackError, StoreError
from gittrack.files import Problem
from gittrack.runs.values import number_of

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as Grid
    from rich.text import Text

FORMAT = 1
PIPE_CLOSED = 141  # 128 + SIGPIPE, what a shell reports of every program whose reader has left

Kind = Literal["note", "warning", "error", "hint", "done"]
Value = Cell | str | int | float | bool | None

_STYLES = {"good": "green", "bad": "red", "busy": "cyan"}
_WORDS = {"hint": typer.colors.CYAN, "warning": typer.colors.YELLOW, "error": typer.colors.RED}
_NO_TERMINAL = 100_000
_NARROWEST_WINDOW = 20
_NARROWEST = 8
_GAP = 2
_DEEPEST = 100
_UNSAFE_IN_JSON = re.compile(
    "[\x7f-\x9f\xad\u061c\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff]"
)
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>|~$&#])")
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
    most: int = _NO_TERMINAL
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


def say(text: str, *, kind: Kind = "note") -> None:
    """Write one line of words to stderr."""
    word = f"{kind}: " if kind in _WORDS else ""
    if word and _takes_colour(sys.stderr):
        word = typer.style(word, fg=_WORDS[kind], bold=True)
    try:
        sys.stderr.write(f"{word}{plain(text)}\n")
        sys.stderr.flush()
    except OSError:
        _give_up(sys.stderr)  # nobody listens any more, which is no reason to stop
    except ValueError:
        pass


def out(text: str) -> None:
    """Write raw data and a newline to stdout; end where that fails, quietly if its reader left."""
    try:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        raise SystemExit(close_pipe()) from None
    except OSError as error:
        _give_up(sys.stdout)
        raise SystemExit(refused(error, "cannot write the output")) from None


def close_pipe() -> int:
    """Give up stdout after its reader has left, so that all ends quietly; return the exit code."""
    _give_up(sys.stdout)
    return PIPE_CLOSED


def refused(error: OSError, doing: str = "cannot read or write") -> int:
    """Show what the system refused to do, and return the exit code."""
    try:
        sys.stdout.flush()
    except OSError:
        _give_up(sys.stdout)
    where = f" {error.filename}" if isinstance(error.filename, str) else ""
    problem(StoreError(f"{doing}{where}: {error.strerror or error}", hint="check space and rights"))
    return StoreError.exit_code


def emit(view: View, form: Form = Form.TABLE) -> None:
    """Write a view to stdout in one of its forms, and its problems to stderr."""
    if form is Form.JSON:
        out(_json(view))
    elif form is Form.CSV:
        tables = [view.csv] if view.csv is not None else view.tables
        out("\n".join(_csv(table) for table in tables).rstrip("\n"))
    elif form is Form.MD:
        tables = [view.md] if view.md is not None else view.tables
        headings = [_markdown(plain(line)) for line in view.heading]
        out("\n\n".join([*headings, *(_md(table) for table in tables)]))
    elif form is Form.QUIET:
        first = [_columns(table)[1] for table in view.tables]
        if lines := [row[0].text for rows in first for row in rows]:
            out("\n".join(lines))
    elif view.heading or view.tables or view.text:
        out(_text(view))
    for found in view.problems:
        say(_problem_text(found), kind="warning")


def problem(error: GittrackError) -> None:
    """Show an error and what mends it; a message of several lines keeps them."""
    first, *more = error.message.split("\n")
    say(first, kind="error")
    for line in more:
        say(line)
    if error.hint:
        say(error.hint, kind="hint")


def bug(error: BaseException, report: Path | None) -> None:
    """Show an error that is a fault of gittrack's, and where its report is."""
    say(f"a fault of gittrack's own: {type(error).__name__}: {error}", kind="error")
    if report is not None:
        say(f"please report it with {report}", kind="hint")


# -- JSON


def _json(view: View) -> str:
    problems = [
        {"path": str(found.path), "line": found.line, "message": found.message, "hint": found.hint}
        for found in view.problems
    ]
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


def _csv(table: Table) -> str:
    import csv
    import io

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    columns, _ = _columns(table)
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


def _md(table: Table) -> str:
    columns, cells = _columns(table)
    rows = [
        "| " + " | ".join(_markdown(column.name) for column in columns) + " |",
        "|" + "|".join(" ---: " if column.right else " --- " for column in columns) + "|",
        *("| " + " | ".join(_markdown(cell.text) for cell in row) + " |" for row in cells),
    ]
    title = [f"### {_markdown(table.title)}", ""] if table.title else []
    return "\n".join([*title, *rows])


def _markdown(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", text)


# -- tables


def _text(view: View) -> str:
    """Lay a view out for the terminal: columns apart by blanks, numbers to the right, no lines."""
    import io

    from rich.console import Console
    from rich.text import Text
    from rich.theme import Theme

    coloured = _takes_colour(sys.stdout)
    room = max(shutil.get_terminal_size((_NO_TERMINAL, 24)).columns, _NARROWEST_WINDOW)
    text = io.StringIO()
    console = Console(
        file=text,
        width=room + _GAP,  # the gap behind a line's last cell is taken off again
        height=24,  # without one it would ask the terminal for the width as well
        color_system="standard" if coloured else None,
        no_color=not coloured,
        theme=Theme(_STYLES),
        legacy_windows=False,
    )
    for line in view.heading:
        console.print(Text(plain(line), style="bold"), width=room)
    for index, table in enumerate(view.tables):
        if index or view.heading:
            console.print()
        _print(table, console, room)
    lines = [line.rstrip() for line in text.getvalue().rstrip("\n").split("\n")]
    return "\n".join([*lines, *view.text])


def _print(table: Table, console: Console, room: int) -> None:
    from rich.padding import Padding
    from rich.table import Table as Grid
    from rich.text import Text

    columns, cells = _columns(table)
    heads = [Text(column.name if table.header else "", style="dim") for column in columns]
    rows = [[Text(cell.text, style=cell.style) for cell in row] for row in cells]
    widths = [
        min(max(text.cell_len for text in texts), column.most)
        for column, *texts in zip(columns, heads, *rows, strict=True)
    ]
    indent = _GAP if table.title else 0
    shown = _fitting(columns, widths, room - indent)
    has_header = any(heads)
    if table.title and has_header:
        heads[0] = Text(table.title, style="bold")
    elif table.title:
        console.print(Text(table.title, style="bold"), width=room)
    grid = Grid(box=None, padding=(0, _GAP, 0, 0), show_header=has_header, header_style="")
    for index in shown:
        _add_column(grid, heads[index], columns[index], widths[index])
    for row in rows:
        first, *others = (row[index] for index in shown)
        grid.add_row(Padding.indent(first, indent), *others)
    console.print(grid, crop=False)
    if left_out := [column.name for index, column in enumerate(columns) if index not in shown]:
        note = f"{len(left_out)} more in a wider window: {', '.join(left_out)}"
        console.print(Text(note, style="dim"), width=room, no_wrap=True, overflow="ellipsis")


def _add_column(grid: Grid, head: Text, column: Column, width: int) -> None:
    is_cut = column.most < _NO_TERMINAL
    grid.add_column(
        head,
        justify="right" if column.right else "default",
        overflow="ellipsis" if is_cut else "fold",
        no_wrap=column.right or is_cut,
        min_width=width if column.right else min(width, _NARROWEST),
        max_width=column.most,
    )


def _fitting(columns: Sequence[Column], widths: Sequence[int], room: int) -> list[int]:
    """Return the columns that have room, those that matter most first."""
    shown = [index for index, column in enumerate(columns) if not column.drop]
    used = sum(widths[index] + _GAP for index in shown) - _GAP
    droppable = [index for index, column in enumerate(columns) if column.drop]
    for index in sorted(droppable, key=lambda index: (columns[index].drop, index)):
        if used + _GAP + widths[index] <= room:
            used += _GAP + widths[index]
            shown.append(index)
    return sorted(shown)


def _columns(table: Table) -> tuple[list[Column], list[list[Cell]]]:
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
        return value._replace(text=plain(value.text))
    if value is None:
        return Cell("")
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return Cell(number(value), value, right=True)
    return Cell(plain(str(value)))


def _takes_colour(stream: TextIO) -> bool:
    return settings.wants_colour() and stream.isatty()


def _give_up(stream: TextIO) -> None:
    # Python flushes it once more at the end, and would complain.
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def relative(text: str) -> str:
    """Return a text with the paths in it told from the working folder on."""
    with suppress(OSError):  # the working folder may be gone
        text = text.replace(f"{Path.cwd()}{os.sep}", "")
    return text


def _problem_text(found: Problem) -> str:
    text = relative(found.message if str(found.path) in found.message else str(found))
    return text + (f" ({found.hint})" if found.hint else "")
