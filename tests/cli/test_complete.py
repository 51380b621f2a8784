"""Completion, asked for by real shells."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gittrack.runs.record import MetricSummary
from tests.making import write_run

if TYPE_CHECKING:
    from gittrack.runs.store import Store

BASH = """
eval "$(_GITTRACK_COMPLETE=source_bash gittrack)"
COMP_WORDS=({words} "$1")
COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_gittrack_completion gittrack
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
EVIL = (
    "$(touch pwned)",
    "`touch pwned`",
    "\\$(touch pwned)",
    '";touch pwned;"',
    "a\nb",
    "\x1b[31m",
)


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command `gittrack` on PATH, as an installation puts it there."""
    folder = tmp_path / "bin"
    folder.mkdir()
    script = folder / "gittrack"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m gittrack "$@"\n')
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture
def three(store: Store) -> Store:
    """Three runs, and some whose names are meant to be run by a shell."""
    for run_id, name in (("k3v9x2mq7d", "brave-otter"), ("k3abcdefgh", "calm-fox"), ("zzz", "z")):
        write_run(store, run_id, name=name, metrics={"accuracy": 1, "val/loss": 2})
    for at, name in enumerate(EVIL):
        experiment = "$(touch pwned)" if at == 0 else "wine"
        write_run(store, f"evil{at}", name=name, experiment=experiment)
    return store


def bash(words: str, incomplete: str) -> list[str]:
    done = subprocess.run(
        ["bash", "--norc", "-c", BASH.format(words=words), "bash", incomplete],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout.split("\n")[:-1]


@pytest.mark.usefixtures("command", "three")
def test_bash_completes_runs_experiments_and_metrics() -> None:
    assert bash("gittrack show", "k3") == ["k3abcdefgh", "k3v9x2mq7d"]
    assert bash("gittrack diff zzz", "brave") == ["brave-otter"]
    assert bash("gittrack ls -e", "w") == ["wine"]
    assert bash("gittrack ls --spark", "acc") == ["accuracy"]
    assert bash("gittrack ls -s", "metrics.v") == ["metrics.val/loss"]
    assert bash("gittrack ls -c", "run_") == ["run_id", "run_name"]
    assert bash("gittrack", "sho") == ["show"]


@pytest.mark.usefixtures("command")
def test_what_cannot_be_read_completes_nothing() -> None:
    assert bash("gittrack show", "k3") == [""]
    Path("mlruns").write_text("in the way")
    assert bash("gittrack show", "k3") == [""]
    Path("gittrack.toml").write_text("no toml")
    Path("mlruns").unlink()
    assert bash("gittrack ls -e", "w") == [""]


@pytest.mark.usefixtures("command", "store")
def test_the_store_that_is_named_is_the_one_that_is_completed_from(three: Store) -> None:
    three.root.rename("other")
    assert bash("gittrack --store other show", "k3v") == ["k3v9x2mq7d"]


class Zsh:
    """An interactive zsh, typed into."""

    def __init__(self) -> None:
        environment = {**os.environ, "TERM": "dumb", "PS1": ""}
        self._main, side = pty.openpty()
        self._process = subprocess.Popen(
            ["zsh", "-f", "-i"], stdin=side, stdout=side, stderr=side, env=environment
        )
        os.close(side)
        self.seen = ""

    def type(self, keys: str) -> None:
        os.write(self._main, keys.encode())

    def wait_for(self, text: str) -> None:
        end = time.monotonic() + 60
        while text not in self.seen:
            assert time.monotonic() < end, self.seen
            if select.select([self._main], [], [], 1)[0]:
                self.seen += os.read(self._main, 65536).decode(errors="replace")

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._main)


@pytest.fixture
def zsh() -> Zsh:
    shell = Zsh()
    shell.type("autoload -U compinit && compinit -u && unsetopt beep && LISTMAX=0\n")
    shell.type('eval "$(_GITTRACK_COMPLETE=source_zsh gittrack)"; echo re""ady\n')
    shell.wait_for("ready")
    yield shell
    shell.close()


@pytest.mark.slow
@pytest.mark.needs("program:zsh")
@pytest.mark.usefixtures("command", "three")
def test_zsh_completes_what_is_typed(zsh: Zsh) -> None:
    zsh.type("gittrack show k3v\t")
    zsh.wait_for("k3v9x2mq7d")
    zsh.type("\x15gittrack show e\t\t")
    zsh.wait_for("evil5")
    zsh.type("\x15gittrack ls -e \t\t")
    zsh.wait_for("wine")
    zsh.type("\x15echo do''ne\n")
    zsh.wait_for("done")
    assert not Path("pwned").exists()


def test_what_is_completed_costs_a_command_nothing_to_start() -> None:
    script = "import sys, gittrack.cli.main; print('gittrack.cli.complete' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"


def test_a_course_is_completed_like_a_metric(store: Store) -> None:
    write_run(store, "a", metrics={"loss": MetricSummary(1.0, 0, 1.0, 1.0, 1)})
    from typer.testing import CliRunner

    from gittrack.cli.main import app

    environment = {
        "_GITTRACK_COMPLETE": "complete_fish",
        "_TYPER_COMPLETE_ARGS": "gittrack ls --spark ",
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }
    done = CliRunner().invoke(app, env=environment, prog_name="gittrack")
    assert done.stdout.split() == ["loss"]
