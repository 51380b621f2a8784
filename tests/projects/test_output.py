"""output.log: what a terminal showed, without secrets, up to a limit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gittrack.projects.output import TAIL, OutputLog

if TYPE_CHECKING:
    from pathlib import Path

TOKEN = "ghp_" + "a" * 36


def logged(path: Path, *pieces: bytes, limit: int = 1000) -> str:
    log = OutputLog(path, limit=limit)
    for piece in pieces:
        log.feed("stdout", piece)
    log.close()
    assert log.problem == ""
    return path.read_text()


def test_lines_are_kept_whole_whatever_the_pieces(tmp_path: Path) -> None:
    assert logged(tmp_path / "o", b"on", b"e\ntwo\nthr", b"ee") == "one\ntwo\nthree\n"


def test_of_a_progress_bar_the_last_state_is_kept(tmp_path: Path) -> None:
    assert logged(tmp_path / "o", b" 10%\r 50%\r", b"100%\r\nnext\r\n") == "100%\nnext\n"


def test_a_progress_bar_of_any_length_takes_no_room(tmp_path: Path) -> None:
    assert logged(tmp_path / "o", *[b"\r%d" % number * 100 for number in range(9000)]) == "8999\n"


def test_secrets_are_left_out_also_where_they_come_in_pieces(tmp_path: Path) -> None:
    text = logged(tmp_path / "o", f"token {TOKEN[:9]}".encode(), f"{TOKEN[9:]}!\n".encode())

    assert text == "token [github token left out]!\n"


def test_no_line_of_a_private_key_is_kept(tmp_path: Path) -> None:
    key = b"-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nabcd\n-----END RSA PRIVATE KEY-----\nafter\n"

    assert logged(tmp_path / "o", key) == "[private key left out]\nafter\n"


def test_bytes_that_are_no_text_are_shown_as_such(tmp_path: Path) -> None:
    assert logged(tmp_path / "o", b"a\xffb\n") == "a\N{REPLACEMENT CHARACTER}b\n"


def test_of_too_much_the_beginning_and_the_end_are_kept(tmp_path: Path) -> None:
    lines = [f"line {number:06}\n".encode() for number in range(20_000)]

    text = logged(tmp_path / "o", *lines, limit=2400)

    kept = text.splitlines()
    assert kept[:200] == [f"line {number:06}" for number in range(200)]
    assert kept[200].startswith("[gittrack: ")
    assert kept[200].endswith(" bytes are left out here, the log is full]")
    assert kept[-1] == "line 019999"
    assert len(text) < 2400 + TAIL + 100


def test_both_streams_come_line_by_line(tmp_path: Path) -> None:
    log = OutputLog(tmp_path / "o")
    log.feed("stdout", b"out ")
    log.feed("stderr", b"error\n")
    log.feed("stdout", b"put\n")
    log.close()

    assert (tmp_path / "o").read_text() == "error\nout put\n"


def test_a_log_that_is_removed_meanwhile_is_put_back(tmp_path: Path) -> None:
    path = tmp_path / "run" / "o"
    path.parent.mkdir()
    log = OutputLog(path)
    log.feed("stdout", b"one\n")
    path.unlink()
    path.parent.rmdir()
    log.feed("stdout", b"two\n")
    log.close()

    assert path.read_text() == "one\ntwo\n"


def test_a_log_that_cannot_be_written_harms_nothing(tmp_path: Path) -> None:
    log = OutputLog(tmp_path / "gone" / "o")
    log.feed("stdout", b"one\n")
    log.close()

    assert "the output is not kept" in log.problem
