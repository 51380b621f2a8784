"""Appending: every acknowledged line is there, whole, whatever happens to the file."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess

import pytest

from gittrack import paths
from gittrack.errors import StoreError
from gittrack.runs import jsonlines, lines
from gittrack.runs.appending import LineWriter


@pytest.fixture
def writer(isolated):
    """A writer in a folder `run`."""
    made = LineWriter(isolated / "run")
    yield made
    made.close()


def line(number: int, *, length: int = 0) -> bytes:
    return lines.entry_line("tags", {"n": str(number), "x": "y" * length}, time=number)


def numbers(folder):
    """Return what was logged to a folder, file by file, and how many lines are broken."""
    found, broken = [], 0
    for path in lines.line_files(folder):
        done = jsonlines.read_lines(path, lambda entry: found.append(int(entry["tags"]["n"])))
        broken += len(done.problems)
    return found, broken


def test_nothing_is_made_before_the_first_line(writer):
    assert not writer.folder.exists()
    assert writer.names == ()


def test_each_line_is_in_the_file_when_append_returns(writer):
    for number in range(5):
        writer.append(line(number))
        assert numbers(writer.folder) == (list(range(number + 1)), 0)
    assert writer.names == ("metrics.jsonl",)


def test_every_further_process_has_a_file_of_its_own(writer, isolated):
    others = [LineWriter(isolated / "run", rank=rank) for rank in (None, 0, 3)]
    for number, each in enumerate([writer, *others]):
        each.append(line(number))
    names = [each.names[0] for each in [writer, *others]]
    assert len(set(names)) == 4
    assert names[0] == "metrics.jsonl"
    assert names[3].startswith("metrics.r3-")
    assert sorted(numbers(writer.folder)[0]) == [0, 1, 2, 3]
    for other in others:
        other.close()


def test_a_full_file_is_continued_in_the_next(writer, monkeypatch):
    monkeypatch.setattr(paths, "MAX_LINE_FILE", 200)
    for number in range(20):
        writer.append(line(number, length=50))
    assert writer.names[:3] == ("metrics.jsonl", "metrics.2.jsonl", "metrics.3.jsonl")
    assert numbers(writer.folder) == (list(range(20)), 0)


def test_where_the_next_file_cannot_be_made_the_full_one_grows(writer, monkeypatch):
    monkeypatch.setattr(paths, "MAX_LINE_FILE", 200)
    writer.folder.mkdir()
    (writer.folder / "metrics.2.jsonl").write_text("")
    for number in range(20):
        writer.append(line(number, length=50))
    assert numbers(writer.folder) == (list(range(20)), 0)


def test_removed_files_are_put_back_also_full_ones(writer, monkeypatch):
    monkeypatch.setattr(paths, "MAX_LINE_FILE", 200)
    for number in range(10):
        writer.append(line(number, length=50))
    for number in (10, 11):
        shutil.rmtree(writer.folder)
        writer.append(line(number))
        writer.check()
        assert numbers(writer.folder) == (list(range(number + 1)), 0)
    assert writer.restored == 2 * len(lines.line_files(writer.folder))


def test_a_line_that_was_written_to_a_removed_file_is_put_back_too(writer):
    writer.append(line(0))
    shutil.rmtree(writer.folder)
    writer.append(line(1))
    writer.check()
    assert numbers(writer.folder) == ([0, 1], 0)


def test_while_a_removed_file_cannot_be_put_back_nothing_is_lost(writer, monkeypatch):
    monkeypatch.setattr(paths, "MAX_LINE_FILE", 200)
    for number in range(5):
        writer.append(line(number, length=50))
    shutil.rmtree(writer.folder)
    writer.folder.write_text("in the way")
    writer.append(line(5))
    with pytest.raises((OSError, StoreError)):
        writer.check()
    writer.append(line(6))
    writer.folder.unlink()
    writer.check()
    assert numbers(writer.folder) == (list(range(7)), 0)


def test_an_older_state_that_git_put_back_is_brought_up_to_date(writer):
    for number in range(3):
        writer.append(line(number))
    path = writer.folder / "metrics.jsonl"
    path.unlink()
    path.write_bytes(line(0))
    writer.append(line(3))
    writer.check()
    assert numbers(writer.folder) == ([0, 1, 2, 3], 0)
    assert writer.names == ("metrics.jsonl",)


def test_another_file_of_that_name_is_left_alone(writer):
    writer.append(line(0))
    path = writer.folder / "metrics.jsonl"
    path.unlink()
    path.write_bytes(line(77))
    writer.append(line(1))
    writer.check()
    assert path.read_bytes() == line(77)
    assert sorted(numbers(writer.folder)[0]) == [0, 1, 77]


def test_an_older_state_is_noticed_also_where_a_backup_keeps_the_file_alive(writer, isolated):
    writer.append(line(0))
    path = writer.folder / "metrics.jsonl"
    os.link(path, isolated / "backup")
    path.unlink()
    path.write_bytes(b"")
    writer.append(line(1))
    writer.check()
    assert numbers(writer.folder) == ([0, 1], 0)


def test_a_folder_that_was_moved_away_is_made_again(writer, isolated):
    writer.append(line(0))
    writer.folder.rename(isolated / "moved")
    writer.append(line(1))
    writer.check()
    assert numbers(writer.folder) == ([0, 1], 0)


def test_after_closing_the_next_line_opens_a_file_of_its_own(writer):
    writer.append(line(0))
    writer.close()
    writer.append(line(1))
    assert len(lines.line_files(writer.folder)) == 2


@pytest.fixture
def tiny_disk(isolated):
    """A disk of 16 kB, mounted at `run`."""
    folder = isolated / "run"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(folder)]
    try:
        done = subprocess.run(mount, capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount here")
    if done.returncode:
        pytest.skip("only root may mount a disk")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_on_a_full_disk_nothing_that_was_written_is_damaged(tiny_disk):
    writer = LineWriter(tiny_disk)
    kept, failed = [], []
    for number in range(100):
        try:
            writer.append(line(number, length=300))
            kept.append(number)
        except OSError as error:
            failed.append(error.errno)
    assert kept
    assert set(failed) == {errno.ENOSPC}
    assert numbers(tiny_disk)[0] == kept
    writer.close()


def test_when_there_is_space_again_the_next_line_is_whole(tiny_disk):
    writer = LineWriter(tiny_disk)
    (tiny_disk / "ballast").write_bytes(b"x" * 8192)
    kept = []
    for number in range(60):
        if number == 50:
            (tiny_disk / "ballast").unlink()
        try:
            writer.append(line(number, length=300))
            kept.append(number)
        except OSError:
            assert number < 50
    found, broken = numbers(tiny_disk)
    assert found == kept
    assert set(range(50, 60)) <= set(kept)
    assert broken <= 1
    writer.close()
