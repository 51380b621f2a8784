from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path

import pytest

from gittrack.cli import render
from gittrack.cli.cells import Cell
from gittrack.cli.render import Column, Form, Table, View
from gittrack.errors import FilterError, NotFoundError
from gittrack.files import Problem

EVIL = "[bold]x[/] \x1b[31m\n| `=1+1`"


def shown(capsys: pytest.CaptureFixture[str], view: View, form: Form = Form.TABLE) -> str:
    render.emit(view, form)
    return capsys.readouterr().out


def table(*rows: list[render.Value], columns: tuple[str, ...] = ("name", "value")) -> View:
    return View("test", {}, [Table(columns, rows)])


def test_a_table_is_aligned_with_numbers_to_the_right(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys, table(["a", 1], ["日本", 12.5], ["c", None]))
    assert text == "name  value\na         1\n日本   12.5\nc\n"


def test_a_title_stands_on_the_line_of_the_columns(capsys: pytest.CaptureFixture[str]) -> None:
    view = View(
        "test",
        {},
        [
            Table(["", "last"], [["acc", 0.9]], title="metrics"),
            Table(["tag", "value"], [["team", "a"]], title="tags", header=False),
        ],
        heading=["brave-otter"],
    )
    assert shown(capsys, view) == (
        "brave-otter\n\nmetrics  last\n  acc     0.9\n\ntags\n  team  a\n"
    )


def test_what_has_no_room_is_named_below(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    columns = [Column("run"), Column("wide", drop=2), Column("best", drop=1), Column("c", drop=3)]
    row: list[render.Value] = ["k3v9x2mq7d", "w" * 50, 0.9, 1]
    text = shown(capsys, View("test", {}, [Table(columns, [row])]))
    assert text.splitlines() == [
        "run         best  c",
        "k3v9x2mq7d   0.9  1",
        "1 more in a wider window: wide",
    ]
    monkeypatch.delenv("COLUMNS")
    assert "w" * 50 in shown(capsys, View("test", {}, [Table(columns, [row])]))


def test_long_text_is_folded_never_lost(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    text = shown(capsys, table(["name", "x" * 100]))
    assert max(map(len, text.splitlines())) == 40
    assert text.count("x") == 100


def test_text_is_never_markup_and_never_moves_the_cursor(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = shown(capsys, table([EVIL, 1]))
    assert "[bold]x[/] \\x1b[31m\\n| `=1+1`" in text
    assert "\x1b" not in text


def test_colours_are_for_terminals_that_want_them(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    view = View("test", {}, [Table(["run", "state"], [["k3", Cell("failed", style="bad")]])])
    assert "\x1b" not in shown(capsys, view)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    assert "k3   \x1b[31mfailed\x1b[0m\n" in shown(capsys, view)
    render.say("no", kind="error")
    assert capsys.readouterr().err == "\x1b[31m\x1b[1merror: \x1b[0mno\n"
    for name, value in (("TERM", "dumb"), ("NO_COLOR", "1")):
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            render.say("no", kind="error")
            assert "\x1b" not in shown(capsys, view) + capsys.readouterr().err


def test_numbers_and_ids_are_never_cut(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    view = table(["name " * 5, 123456789012345, 123456789], columns=("", "", ""))
    assert "123456789012345  123456789" in shown(capsys, view)


def test_json_is_an_envelope_that_any_reader_takes(capsys: pytest.CaptureFixture[str]) -> None:
    data = {"a": math.nan, "b": [math.inf, -math.inf], "c": EVIL + "\x9b\u202e\udc80ö"}
    problem = Problem(Path("x/run.json"), "broken", 3, "mend it")
    render.emit(View("test", data, problems=[problem]), Form.JSON)
    out, err = capsys.readouterr()
    assert json.loads(out) == {
        "format": 1,
        "kind": "test",
        "data": {"a": "NaN", "b": ["Infinity", "-Infinity"], "c": data["c"]},
        "problems": [{"path": "x/run.json", "line": 3, "message": "broken", "hint": "mend it"}],
    }
    assert "ö" in out
    assert not {"\x9b", "\u202e", "\udc80"} & set(out)
    assert err == "warning: x/run.json:3: broken (mend it)\n"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("=1+1", "'=1+1"),
        ("@sum", "'@sum"),
        ("-x", "'-x"),
        ("\t=1", "'\t=1"),
        ("-1.5", "-1.5"),
        ("+1e3", "+1e3"),
        (-1.5, "-1.5"),
        (0.1, "0.1"),
        (math.nan, "NaN"),
        (None, ""),
        (True, "True"),
        ("a\nb\x1b", "a\nb\\x1b"),
        (Cell("12 kB", 12345), "12345"),
        (Cell("saga"), "saga"),
    ],
)
def test_csv_has_whole_values_and_no_formulas(
    capsys: pytest.CaptureFixture[str], value: render.Value, text: str
) -> None:
    out = shown(capsys, table(["x", value]), Form.CSV)
    assert list(csv.reader(io.StringIO(out))) == [["name", "value"], ["x", text]]


def test_markdown_is_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    out = shown(capsys, table([EVIL, 1], ["a_b*<i>", 22]), Form.MD)
    assert out.splitlines() == [
        "| name | value |",
        "| --- | ---: |",
        "| \\[bold\\]x\\[/\\] \\\\x1b\\[31m\\\\n\\| \\`=1+1\\` | 1 |",
        "| a\\_b\\*\\<i\\> | 22 |",
    ]


def test_an_error_and_its_hint_go_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    render.problem(NotFoundError("no run 'x\x1b'", hint="gittrack ls"))
    render.problem(FilterError("filter\n  a > b\n      ^"))
    out, err = capsys.readouterr()
    assert out == ""
    assert err == ("error: no run 'x\\x1b'\nhint: gittrack ls\nerror: filter\n  a > b\n      ^\n")
