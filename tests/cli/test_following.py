from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.cli.test_looking import call, data_of
from tests.making import write_run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gittrack.runs.store import Store

RUN = """
import gittrack, sys
with gittrack.start_run(run_name=sys.argv[1]) as run:
    gittrack.log_metric("loss", 0.75)
    print(run.info.run_id, flush=True)
    for line in sys.stdin:
        gittrack.log_metric("loss", float(line))
        print("logged", flush=True)
"""


class Running:
    """A process with an open run, which logs a loss when it is told to."""

    def __init__(self, name: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", RUN, name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.run_id = self.process.stdout.readline().strip()

    def log(self, loss: float) -> None:
        self.process.stdin.write(f"{loss}\n")
        self.process.stdin.flush()
        self.process.stdout.readline()

    def end(self) -> None:
        self.process.communicate(timeout=60)


@pytest.fixture
def running() -> Iterator[Running]:
    started = Running("first")
    yield started
    if started.process.poll() is None:
        started.process.kill()
    started.process.communicate()


def command(*words: str, **options: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "gittrack", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,  # type: ignore[call-overload]
    )


def rest(process: subprocess.Popen[str]) -> tuple[str, str]:
    """Return what a process that ends has still to say, also what was read ahead of a line."""
    said = process.stdout.read(), process.stderr.read()
    process.communicate(timeout=60)
    return said


# -- watch


def test_watch_shows_a_run_until_it_has_ended(running: Running, store: Store) -> None:
    write_run(store, "ended")
    watch = command("watch", "-i", "0.05", "--spark", "loss")
    seen = ""
    while "0.75" not in seen:
        seen += watch.stdout.readline()
    assert "running" in seen
    running.log(0.25)
    while "0.25" not in seen:
        seen += watch.stdout.readline()
    running.end()
    out, err = rest(watch)
    assert watch.returncode == 0
    assert err == ""
    assert out.splitlines()[-1].split()[:2] == [running.run_id, "first"]
    assert "running" not in out.splitlines()[-1]
    assert "ended" not in seen + out


def test_watch_as_data_is_one_look(running: Running, capsys: pytest.CaptureFixture[str]) -> None:
    assert [run["state"] for run in data_of(capsys, "watch")] == ["running"]
    assert call(capsys, "watch", "--csv", "-f", "name = 'first'")[0].count("\n") == 2
    assert data_of(capsys, "watch", "-f", "name = 'other'") == []
    assert running.process.poll() is None


def test_watch_says_where_nothing_runs(capsys: pytest.CaptureFixture[str]) -> None:
    out, err = call(capsys, "watch")
    assert out == ""
    assert "no run is running" in err
    assert "is no time to wait" in call(capsys, "watch", "-i", "0", code=2)[1]


def test_watch_waits_for_runs_that_start_later() -> None:
    watch = command("watch", "-i", "0.05", "--wait")
    later = Running("later")
    assert "run" in watch.stdout.readline()
    assert later.run_id in watch.stdout.readline()
    later.end()
    watch.send_signal(2)
    rest(watch)
    assert watch.returncode == 130


def test_watch_redraws_its_table_on_a_terminal(running: Running) -> None:
    main, side = pty.openpty()
    watch = subprocess.Popen(
        [sys.executable, "-m", "gittrack", "watch", "-i", "0.05"],
        stdout=side,
        stderr=side,
        env={**os.environ, "TERM": "xterm", "NO_COLOR": "1", "COLUMNS": "100", "LINES": "20"},
    )
    os.close(side)
    seen = read_until(main, "0.75")
    running.log(0.5)
    seen = read_until(main, " 0.5\r", seen)
    running.end()
    seen = read_until(main, None, seen)
    assert watch.wait(timeout=60) == 0
    assert "\x1b[2F\x1b[J" in seen
    os.close(main)


def read_until(descriptor: int, text: str | None, seen: str = "") -> str:
    """Read from a terminal until a text comes, or to its end."""
    end = time.monotonic() + 60
    while text is None or text not in seen:
        assert time.monotonic() < end, seen
        if select.select([descriptor], [], [], 1)[0]:
            try:
                seen += os.read(descriptor, 4096).decode()
            except OSError:  # the other side is closed
                break
    return seen


# -- logs


def test_logs_are_what_was_printed(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    text = "one\n\x1b[31mtwo\x1b[0m\n[red]three"
    write_run(store, "a", files={"output.log": text})
    assert call(capsys, "logs", "a")[0] == text
    assert call(capsys, "logs", "a", "-n", "2")[0] == text[4:]
    assert call(capsys, "logs", "a", "-n", "0")[0] == ""
    assert call(capsys, "logs", "a", "-n", "9")[0] == text
    assert data_of(capsys, "logs", "a") == {"run_id": "a", "lines": text.split("\n")}
    assert call(capsys, "logs", "a", "--csv")[0].splitlines()[2] == "2,\\x1b[31mtwo\\x1b[0m"
    assert call(capsys, "logs", "a", "-f")[0] == text


def test_the_last_lines_of_a_long_log(
    store: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gittrack.cli.following._BLOCK", 7)
    text = "".join(f"line {number}\n" for number in range(30))
    write_run(store, "a", files={"output.log": text})
    for count in (1, 2, 29, 30, 31):
        expected = "".join(text.splitlines(keepends=True)[-count:])
        assert call(capsys, "logs", "a", "-n", str(count))[0] == expected


def test_logs_of_a_run_that_kept_none(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    write_run(store, "a")
    _, err = call(capsys, "logs", "a", code=3)
    assert "run a has no output.log" in err
    assert "-n -1 is less than nothing" in call(capsys, "logs", "a", "-n", "-1", code=2)[1]


def test_on_a_terminal_a_log_cannot_act(store: Store) -> None:
    write_run(store, "a", files={"output.log": "\x1b]0;title\x07\x1b[2Jgone\n"})
    main, side = pty.openpty()
    subprocess.run([sys.executable, "-m", "gittrack", "logs", "a"], stdout=side, check=True)
    os.close(side)
    assert read_until(main, None).strip() == "\\x1b]0;title\\x07\\x1b[2Jgone"
    os.close(main)


def test_logs_follow_a_run_until_it_has_ended(running: Running, store: Store) -> None:
    follow = command("logs", running.run_id, "-f")
    path = store.folder_of(running.run_id) / "output.log"
    path.write_text("one\n")
    assert follow.stdout.readline() == "one\n"
    with path.open("a") as file:
        file.write("two\n")
    assert follow.stdout.readline() == "two\n"
    running.end()
    assert rest(follow) == ("", "")
    assert follow.returncode == 0
