from __future__ import annotations

import importlib
import inspect
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gittrack.cli import looking
from gittrack.cli.main import COMMANDS, Command, main
from gittrack.version import VERSION
from tests.making import write_run

if TYPE_CHECKING:
    from gittrack.runs.store import Store


def gittrack(*args: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "gittrack", *args],
        check=False,
        capture_output=True,
        text=True,
        **options,  # type: ignore[call-overload]
    )


def code_of(*args: str) -> int | str | None:
    with pytest.raises(SystemExit) as caught:
        main(args)
    return caught.value.code


def test_version_and_help() -> None:
    assert gittrack("--version").stdout == f"gittrack {VERSION}\n"
    done = gittrack("--help")
    assert done.returncode == 0
    assert all(name in done.stdout for name in ("run", "ls", "show", "diff", "serve", "--store"))
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("args", "message", "hint"),
    [
        (["bogus"], "no such command 'bogus'", "gittrack --help"),
        (["ls", "--foo"], "no such option: --foo", "gittrack ls --help"),
        (["show"], "missing argument 'RUN'", "gittrack show --help"),
        (["ls", "-n", "many"], "invalid value for '-n' / '--max'", "gittrack ls --help"),
        (["ls", "-n", "-1"], "-n -1 is less than nothing", "-n 0 shows all"),
        (["ls", "--json", "--csv"], "--json and --csv exclude each other", "give one"),
        (["ls", "--store", "x"], "no such option: --store", "gittrack --store PATH ls"),
        (["ls", "-f", "metrics.a >"], "filter, character 12: expected a number", "  metrics.a >"),
        (["--store", "http://x", "ls"], "is not a folder", "name a folder"),
        (["show", ""], "the run's name is empty", "gittrack ls"),
    ],
)
def test_wrong_usage_is_one_line_and_a_hint(
    args: list[str], message: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert code_of(*args) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert message in err.splitlines()[0]
    assert hint in err.split("\n", 1)[1]


def test_a_run_that_fits_nothing_or_several_exits_with_3(store: Store) -> None:
    write_run(store, "k3v9x2mq7d")
    write_run(store, "k3aaaaaaaa")
    done = gittrack("show", "zz")
    assert done.returncode == 3
    assert "no run 'zz' in" in done.stderr
    done = gittrack("show", "k3")
    assert done.returncode == 3
    assert "'k3' fits 2 runs" in done.stderr
    assert "k3v9x2mq7d" in done.stderr
    assert "k3aaaaaaaa" in done.stderr


def test_the_store_can_be_named(store: Store, tmp_path: Path) -> None:
    write_run(store, "k3v9x2mq7d")
    done = gittrack("--store", str(store.root), "ls", "--csv", cwd=tmp_path)
    assert "k3v9x2mq7d" in done.stdout


def test_a_reader_that_leaves_ends_the_command_quietly(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)  # Python hides a closed pipe then
    for index in range(50):
        write_run(store, f"a{index:09}", params={"x": "y" * 4000})
    command = f"{sys.executable} -m gittrack ls --json; echo $? >code"
    done = subprocess.run(
        ["bash", "-c", f"({command}) | head -c 1"], check=True, capture_output=True, text=True
    )
    assert done.stdout == "{"
    assert done.stderr == ""
    assert Path("code").read_text() == "141\n"


def test_a_fault_of_ours_leaves_a_report(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def broken() -> int:
        raise RuntimeError("boom")

    monkeypatch.setattr(looking, "_now", broken)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert code_of("ls", "-e", "Default") == 70
    err = capsys.readouterr().err
    assert "a fault of gittrack's own: RuntimeError: boom" in err
    (report,) = tmp_path.glob("gittrack-*.txt")
    assert str(report) in err
    text = report.read_text()
    assert f"gittrack {VERSION}" in text
    assert "['ls', '-e', 'Default']" in text
    assert 'raise RuntimeError("boom")' in text
    if os.name != "nt":
        assert report.stat().st_mode & 0o077 == 0


def test_an_interrupt_exits_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(looking, "_now", interrupted)
    assert code_of("ls") == 130


def commands() -> list[tuple[list[str], Command]]:
    found = []
    for name, entry in COMMANDS.items():
        if isinstance(entry, Command):
            found.append(([name], entry))
        else:
            found += [([name, inner], command) for inner, command in entry.commands.items()]
    return found


@pytest.mark.parametrize(("words", "command"), commands())
def test_a_command_is_listed_with_the_first_line_of_its_docstring(
    words: list[str], command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    module = importlib.import_module(f"gittrack.cli.{command.module}")
    assert inspect.getdoc(getattr(module, command.function)).splitlines()[0] == command.help
    assert code_of(*words[:-1], "--help") == 0
    listed = " ".join(capsys.readouterr().out.split())
    assert f"{words[-1]} {command.help}" in listed
    assert code_of(*words, "--help") == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"Usage: gittrack {' '.join(words)} ")
    assert command.help in " ".join(shown.split())


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("di", "diff"),
        ("models se", "serve"),
        ("ls --fil", "--filter"),
        ("models serve --p", "--port"),
    ],
)
def test_commands_and_their_options_are_completed(words: str, completed: str) -> None:
    variables = {
        "_GITTRACK_COMPLETE": "complete_bash",
        "COMP_WORDS": f"gittrack {words}",
        "COMP_CWORD": str(len(words.split())),
    }
    assert gittrack(env={**os.environ, **variables}).stdout == f"{completed}\n"


def test_a_misspelt_command_is_told_the_nearest() -> None:
    assert "no such command 'shw'. Did you mean 'show'?" in gittrack("shw").stderr
    assert "Did you mean 'serve'?" in gittrack("models", "srve").stderr


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_no_command_is_imported_to_start(option: str) -> None:
    script = (
        "import sys; from gittrack.cli.main import main\n"
        f"try: main(['{option}'])\n"
        "except SystemExit: print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    loaded = set(done.stderr.split())
    own = ("projects", "serving", "models", "search", "tracking", "cli.looking", "cli.models")
    assert not {f"gittrack.{name}" for name in own} & loaded
    heavy = {"rich", "yaml", "numpy", "pandas", "sklearn", "git", "jsonschema", "waitress"}
    assert not heavy & loaded


STREAMS = [
    ("ls >&-", 0),
    ("ls >&- 2>&-", 0),
    ("ls <&- >&- 2>&-", 0),
    ("show zz 2>&-", 3),
    ("--help >&-", 0),
    ("ls >/dev/full", 5),
    ("ls >/dev/full 2>/dev/full", 5),
    ("--help >/dev/full", 5),
    ("models >/dev/full", 5),
]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
@pytest.mark.parametrize(("words", "code"), STREAMS)
def test_an_output_that_is_closed_or_full_is_no_fault_of_ours(
    store: Store, words: str, code: int
) -> None:
    write_run(store, "k3v9x2mq7d")
    command = f"{sys.executable} -m gittrack {words}"
    done = subprocess.run(["bash", "-c", command], check=False, capture_output=True, text=True)
    assert done.returncode == code, done.stderr
    assert "fault" not in done.stderr
    if code == 5 and "2>" not in words:
        assert "No space left on device" in done.stderr


def test_help_whose_reader_leaves_ends_quietly() -> None:
    command = f"({sys.executable} -m gittrack --help; echo $? >code) | true"
    done = subprocess.run(["bash", "-c", command], check=True, capture_output=True, text=True)
    assert done.stderr == ""
    assert Path("code").read_text() == "141\n"


def test_what_the_system_refuses_is_no_fault_of_ours(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused() -> int:
        raise PermissionError(13, "Permission denied", "mlruns/wine")

    monkeypatch.setattr(looking, "_now", refused)
    assert code_of("ls") == 5
    assert "error: cannot read or write mlruns/wine: Permission denied" in capsys.readouterr().err
