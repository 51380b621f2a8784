"""The one renderer: data on stdout in one of its forms, words on stderr."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TextIO

import typer

from gittrack import settings
from gittrack.cli.cells import plain
from gittrack.cli.view import (
    NO_LIMIT,
    Column,
    Form,
    Table,
    Value,
    View,
    columns_of,
    csv_text,
    json_text,
    markdown,
    md_text,
)
from gittrack.errors import GittrackError, StoreError
from gittrack.files import Problem

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as Grid
    from rich.text import Text

# What commands show, and who shows it, come from here.
__all__ = ["Column", "Form", "Table", "Value", "View", "emit", "out", "problem", "say"]

PIPE_CLOSED = 141  # 128 + SIGPIPE, what a shell reports of every program whose reader has left

Kind = Literal["note", "warning", "error", "hint", "done"]

_STYLES = {"good": "green", "bad": "red", "busy": "cyan"}
_WORDS = {"hint": typer.colors.CYAN, "warning": typer.colors.YELLOW, "error": typer.colors.RED}
_NARROWEST_WINDOW = 20
_NARROWEST = 8
_GAP = 2


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


def raw(data: bytes) -> None:
    """Write bytes to stdout as they are; on a terminal, what it would act on as escapes."""
    if sys.stdout.isatty():
        data = plain(data.decode(errors="replace"), keep="\n\t").encode()
    try:
        sys.stdout.flush()
        stream = getattr(sys.stdout, "buffer", None)
        if stream is None:  # such as that of a test
            sys.stdout.write(data.decode(errors="replace"))
        else:
            stream.write(data)
        sys.stdout.flush()
    except BrokenPipeError:
        raise SystemExit(close_pipe()) from None
    except OSError as error:
        _give_up(sys.stdout)
        raise SystemExit(refused(error, "cannot write the output")) from None


def redraw(text: str, lines: int) -> int:
    """Write text in the place of the last `lines` of a terminal; return how many it has itself.

    Elsewhere it is written below them, after an empty line.
    """
    if not sys.stdout.isatty():
        out(text if not lines else f"\n{text}")
        return 1
    shown = text.split("\n")[: shutil.get_terminal_size().lines - 1]
    before = f"\x1b[{lines}F\x1b[J" if lines else ""
    out(before + "\n".join(shown))
    return len(shown)


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
        out(json_text(view))
    elif form is Form.CSV:
        tables = [view.csv] if view.csv is not None else view.tables
        out("\n".join(csv_text(table) for table in tables).rstrip("\n"))
    elif form is Form.MD:
        tables = [view.md] if view.md is not None else view.tables
        headings = [markdown(plain(line)) for line in view.heading]
        out("\n\n".join([*headings, *(md_text(table) for table in tables)]))
    elif form is Form.QUIET:
        first = [columns_of(table)[1] for table in view.tables]
        if lines := [row[0].text for rows in first for row in rows]:
            out("\n".join(lines))
    elif view.heading or view.tables or view.text:
        out(_text(view))
    for found in view.problems:
        say(_problem_text(found), kind="warning")


def text_of(view: View) -> str:
    """Return what a view is on the terminal."""
    return _text(view)


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


# -- tables


def _text(view: View) -> str:
    """Lay a view out for the terminal: columns apart by blanks, numbers to the right, no lines."""
    import io

    from rich.console import Console
    from rich.text import Text
    from rich.theme import Theme

    coloured = _takes_colour(sys.stdout)
    room = max(shutil.get_terminal_size((NO_LIMIT, 24)).columns, _NARROWEST_WINDOW)
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
    shown = text.getvalue().rstrip("\n")
    lines = [line.rstrip() for line in shown.split("\n")] if shown else []
    return "\n".join([*lines, *view.text]).rstrip("\n")


def _print(table: Table, console: Console, room: int) -> None:
    from rich.padding import Padding
    from rich.table import Table as Grid
    from rich.text import Text

    columns, cells = columns_of(table)
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
    is_cut = column.most < NO_LIMIT
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
