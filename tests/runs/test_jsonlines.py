"""JSON lines are read whatever happened to them."""

from __future__ import annotations

import os

import pytest

from gittrack.runs import jsonlines

LINE = b'{"time":1}\n'


def read(tmp_path, data: bytes) -> tuple[list[dict[str, object]], jsonlines.LinesRead]:
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(data)
    entries = []
    return entries, jsonlines.read_lines(path, entries.append)


def test_a_missing_line_file_is_an_empty_one(tmp_path):
    assert jsonlines.read_lines(tmp_path / "metrics.jsonl", pytest.fail) == (0, [])


def test_lines_are_read_in_their_order(tmp_path):
    entries, done = read(tmp_path, LINE + b"\n" + LINE)
    assert entries == [{"time": 1}, {"time": 1}]
    assert done == (2 * len(LINE) + 1, [])


def test_a_line_that_its_reader_refuses_is_a_problem(tmp_path):
    def take(entry):
        if entry["time"] == 2:
            raise ValueError("not that one")

    (tmp_path / "metrics.jsonl").write_bytes(b'{"time":1}\n{"time":2}\n{"time":3}\n')
    (problem,) = jsonlines.read_lines(tmp_path / "metrics.jsonl", take).problems
    assert (problem.line, problem.message) == (2, "not that one")


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("torn", b'{"time":1,"metr'),
        ("glued", b'{"time":1}{"time":2}'),
        ("binary", b"\x00\xff\xfe\x80"),
        ("zeros", b"\0" * 100),
        ("deep", b"[" * 100_000),
        ("a list", b"[1]"),
        ("a huge number", b"9" * 10_000),
        ("conflict", b"<<<<<<< HEAD"),
    ],
)
def test_a_broken_line_is_named_and_hides_no_other(tmp_path, name, broken):
    entries, done = read(tmp_path, LINE + broken + b"\n" + LINE)
    assert len(entries) == 2, name
    assert [(problem.path.name, problem.line) for problem in done.problems] == [
        ("metrics.jsonl", 2)
    ]


def test_a_last_line_that_was_cut_off_is_told_from_a_broken_one(tmp_path):
    _, done = read(tmp_path, LINE + b'{"time"')
    assert [problem.message for problem in done.problems] == ["the last line is cut off"]


def test_a_last_line_without_its_newline_counts_where_it_is_whole(tmp_path):
    assert len(read(tmp_path, LINE + LINE.rstrip())[0]) == 2


def test_both_sides_of_a_conflict_are_read(tmp_path):
    entries, done = read(
        tmp_path, b'<<<<<<< HEAD\n{"time":1}\n=======\n{"time":2}\n>>>>>>> other\n{"time":3}\n'
    )
    assert [entry["time"] for entry in entries] == [1, 2, 3]
    assert [problem.line for problem in done.problems] == [1, 3, 5]


def test_links_pipes_and_folders_are_not_read(tmp_path):
    (tmp_path / "link").symlink_to("outside")
    (tmp_path / "outside").write_bytes(LINE)
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "folder", "pipe"):
        assert jsonlines.read_lines(tmp_path / name, pytest.fail).problems
