"""Child processes: shown live, handed on, and stopped as a whole tree."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gittrack import process
from gittrack.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Callable


def run(script: str, **options: object) -> process.Outcome:
    return process.run(["bash", "-c", script], cwd=Path.cwd(), env=dict(os.environ), **options)  # type: ignore[arg-type]


def test_output_is_shown_and_handed_on(capfd: pytest.CaptureFixture[str]) -> None:
    pieces: list[tuple[str, bytes]] = []

    outcome = run("echo out; echo err >&2; exit 3", sink=lambda *piece: pieces.append(piece))

    assert outcome == process.Outcome(3)
    assert capfd.readouterr() == ("out\n", "err\n")
    assert sorted(pieces) == [("stderr", b"err\n"), ("stdout", b"out\n")]


def test_output_comes_while_the_command_runs(isolated: Path) -> None:
    def go_on(_: str, piece: bytes) -> None:
        if b"ready" in piece:
            (isolated / "go").touch()

    assert run("echo ready; until [ -e go ]; do sleep 0.01; done", sink=go_on).exit_code == 0


def test_a_stream_of_text_only_is_served_too(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Notebook:
        """What a notebook has for a standard output."""

        text = ""

        def write(self, text: str) -> None:
            self.text += text

        def flush(self) -> None:
            pass

    notebook = Notebook()
    monkeypatch.setattr(sys, "stdout", notebook)

    run("printf 'h\\xc3'; sleep 0.05; printf '\\xa9!\\n'")

    assert notebook.text == "hé!\n"
    assert capsys.readouterr().err == ""


def test_a_signal_that_ends_the_command_is_128_and_its_number() -> None:
    assert run("kill -9 $$") == process.Outcome(128 + 9)


def test_a_command_that_cannot_be_started_is_an_error() -> None:
    with pytest.raises(ToolError, match="cannot start 'no-such-program'"):
        process.run(["no-such-program"], cwd=Path.cwd(), env={"PATH": "/usr/bin"})


def test_a_folder_that_is_not_there_is_an_error(isolated: Path) -> None:
    with pytest.raises(ToolError, match="cannot start"):
        process.run(["true"], cwd=isolated / "gone", env=dict(os.environ))


def test_what_is_left_in_the_background_is_not_waited_for_and_not_killed(isolated: Path) -> None:
    assert run("sleep 600 & echo $! > pid").exit_code == 0

    pid = int((isolated / "pid").read_text())
    os.kill(pid, signal.SIGKILL)  # raises where it is gone


WRAPPER = """\
import os, pathlib, sys
from gittrack import process
here, env = pathlib.Path.cwd(), dict(os.environ)
done = process.run(["bash", "-c", sys.argv[1]], cwd=here, env=env, grace=float(sys.argv[2]))
print(done.exit_code, done.signal)
"""


def signalled(
    script: str, number: int, *, again: bool = False, grace: float = 300
) -> tuple[str, Callable[[str], bool]]:
    """Signal the wrapper once its script has made a file `ready`; return its last word.

    Args:
        again: signal it once more when its script has made a file `told`.
    """
    wrapper = subprocess.Popen(
        [sys.executable, "-c", WRAPPER, script, str(grace)], stdout=subprocess.PIPE, text=True
    )
    wait_for(lambda: Path("ready").exists())
    wrapper.send_signal(number)
    if again:
        wait_for(lambda: Path("told").exists())
        wrapper.send_signal(number)
    output, _ = wrapper.communicate(timeout=240)

    def lives(name: str) -> bool:
        try:
            state = Path("/proc", Path(name).read_text().strip(), "stat").read_text()
        except OSError:
            return False
        return state.rpartition(")")[2].split()[0] != "Z"

    return output.splitlines()[-1], lives


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_reaches_the_whole_tree(number: int) -> None:
    script = "trap : INT; (trap - INT; sh -c 'echo $$ > pid; touch ready; exec sleep 600'); exit 0"

    word, lives = signalled(script, number)

    assert word == f"{128 + number} {int(number)}"
    assert not lives("pid")


SAVER = """\
trap 'sleep 0.5; echo saved > result; exit 0' TERM
touch ready
while :; do sleep 0.1; done
"""


def test_a_stopped_tree_has_time_to_save_its_work(isolated: Path) -> None:
    (isolated / "saver.sh").write_text(SAVER)

    signalled("bash saver.sh > /dev/null 2>&1 & wait", signal.SIGTERM)

    assert (isolated / "result").read_text() == "saved\n"


STUBBORN = "trap 'touch told' TERM INT; echo $$ > pid; touch ready; while :; do sleep 0.1; done"


def test_after_its_time_it_is_killed() -> None:
    word, lives = signalled(STUBBORN, signal.SIGTERM, grace=0.3)

    assert word == f"{128 + 15} 15"
    assert not lives("pid")


def test_a_second_signal_kills_at_once() -> None:
    word, lives = signalled(STUBBORN, signal.SIGINT, again=True)

    assert word == f"{128 + 2} 2"
    assert not lives("pid")


def test_handlers_are_put_back() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]

    run("true")

    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_it_works_outside_the_main_thread() -> None:
    outcomes: list[process.Outcome] = []

    thread = threading.Thread(target=lambda: outcomes.append(run("exit 4")))
    thread.start()
    thread.join()

    assert outcomes == [process.Outcome(4)]


def test_the_command_reads_our_standard_input_where_it_is_no_terminal() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WRAPPER, "read line; echo got $line", "1"],
        input="words\n", capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert done.stdout.splitlines() == ["got words", "0 None"]


def test_a_reader_that_leaves_does_not_stop_the_command(isolated: Path) -> None:
    script = "for i in 1 2 3 4 5; do echo $i; sleep 0.05; done; touch finished"
    wrapper = subprocess.Popen(
        [sys.executable, "-c", WRAPPER, script, "1"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert wrapper.stdout is not None
    wrapper.stdout.readline()
    wrapper.stdout.close()
    wrapper.wait(timeout=120)

    assert (isolated / "finished").exists()
