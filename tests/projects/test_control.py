"""What a caller can do with a run: look before, name and tag it, let it go on, and stop it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import gittrack as package
from gittrack.errors import RunStateError, ToolError, UsageError
from gittrack.projects import running
from gittrack.runs.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_dry_run_shows_all_and_makes_nothing(echo: Path, isolated: Path, gittrack: Any) -> None:
    (echo / "python_env.yaml").write_text("python: '3.4'\n")

    done = gittrack(
        "run", str(echo), "-e", "free", "-P", "text=a b", "--dry-run", "--env-manager", "local"
    )

    shown = dict(line.split(maxsplit=1) for line in done.stdout.splitlines() if line[0] != "p")
    assert done.returncode == 0
    assert shown["command"] == "python echo.py 'a b'"
    assert shown["folder"] == str(echo)
    assert shown["environment"].startswith("the current environment (Python 3.")
    assert "param text   a b" in done.stdout
    assert list(isolated.iterdir()) == []


def test_parameters_come_from_a_file_too(
    echo: Path, isolated: Path, store: Store, gittrack: Any
) -> None:
    (isolated / "x.csv").write_text("")
    (isolated / "params.yaml").write_text("regularization: 0.25\nmore: a b\n")
    (isolated / "more.json").write_text('{"data_file": "x.csv"}')

    done = gittrack("run", str(echo), "-P", "@params.yaml", "-P", "@more.json", "-P", "z=1")

    assert done.returncode == 0, done.stderr
    (run,) = store.runs().runs
    assert run.record.params == {
        "data_file": "x.csv", "regularization": 0.25, "more": "a b", "z": "1",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "No such file"), ("- a", "no map of plain values"), ("a: [1]", "no map of plain"),
        ("a: [", "not valid YAML"), ("text: x\ntext: y", "stands there twice"),
    ],
)  # fmt: skip
def test_a_file_that_holds_no_parameters_is_refused(
    echo: Path, isolated: Path, gittrack: Any, text: str | None, words: str
) -> None:
    if text is not None:
        (isolated / "p.yaml").write_text(text)

    done = gittrack("run", str(echo), "-e", "free", "-P", "@p.yaml")

    assert done.returncode == 2
    assert words in done.stderr
    assert not (isolated / "mlruns").exists()


def test_a_parameter_is_given_once_by_option_or_file(
    echo: Path, isolated: Path, gittrack: Any
) -> None:
    (isolated / "p.yaml").write_text("text: x\n")

    done = gittrack("run", str(echo), "-e", "free", "-P", "text=y", "-P", "@p.yaml")

    assert done.returncode == 2
    assert "Repeated parameter: 'text'" in done.stderr


def test_tags_are_of_the_run_from_its_beginning(store: Store, gittrack: Any) -> None:
    gittrack("run", "--tag", "team=a", "--tag", "x=1=2", "--", "true")

    (run,) = store.runs().runs
    assert run.record.tags == {"team": "a", "x": "1=2"}


def test_a_run_in_the_background_goes_on_without_its_starter(
    isolated: Path, store: Store, gittrack: Any
) -> None:
    (isolated / "t.sh").write_text("echo begun; until [ -e go ]; do sleep 0.02; done; exit 3\n")

    done = gittrack("run", ".", "-e", "t.sh", "--background")
    run = store.find(done.stdout.strip())
    until(
        lambda: (
            (run.folder / "output.log").exists()
            and "begun" in (run.folder / "output.log").read_text()
        )
    )
    state = store.find(run.run_id).state()
    (isolated / "go").touch()
    until(lambda: store.find(run.run_id).record.status == "FAILED")

    assert done.returncode == 0
    assert state == "running"
    assert store.find(run.run_id).record.source["exit_code"] == 3
    until(lambda: not list((store.root / ".cache" / "jobs").iterdir()))


def test_a_clone_stays_as_long_as_its_run_needs_it(
    isolated: Path, tmp_path: Path, store: Store, project_git: Callable[..., Path]
) -> None:
    script = f"until [ -e {isolated}/go ]; do sleep 0.02; done; cat word\n"
    origin = project_git(tmp_path / "origin", {"t.sh": script, "word": "there\n"})

    run = package.run(origin.as_uri(), "t.sh", synchronous=False)
    (isolated / "go").touch()

    assert run.wait()
    assert (run.folder / "output.log").read_text() == "there\n"
    assert not list((store.root / ".cache" / "jobs").iterdir())


def test_a_submitted_run_is_asked_and_waited_for(isolated: Path) -> None:
    (isolated / "t.sh").write_text("until [ -e go ]; do sleep 0.02; done\n")

    run = package.run(".", "t.sh", synchronous=False)
    until(lambda: run.get_status() == "RUNNING")
    (isolated / "go").touch()

    assert run.wait() is True
    assert (run.get_status(), run.exit_code) == ("FINISHED", 0)
    run.cancel()  # it has ended already
    assert run.get_status() == "FINISHED"


def test_a_submitted_run_that_fails_says_so(isolated: Path) -> None:
    (isolated / "t.sh").write_text("exit 3\n")

    run = package.run(".", "t.sh", synchronous=False)

    assert run.wait() is False
    assert (run.status, run.exit_code) == ("FAILED", 3)


def test_a_submitted_run_is_cancelled_with_all_its_processes(isolated: Path) -> None:
    (isolated / "t.sh").write_text("bash -c 'echo $$ > pid; sleep 600'; exit 0\n")

    run = package.run(".", "t.sh", synchronous=False)
    until(lambda: (isolated / "pid").exists() and (isolated / "pid").read_text())
    run.cancel()

    assert run.get_status() == "KILLED"
    pid = (isolated / "pid").read_text().strip()
    stat = Path("/proc", pid, "stat")
    assert not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z"


def test_a_worker_that_was_killed_leaves_an_ended_run(isolated: Path) -> None:
    (isolated / "t.sh").write_text("touch ready; until [ -e stop ]; do sleep 0.1; done\n")
    run = package.run(".", "t.sh", synchronous=False)
    until((isolated / "ready").exists)

    run.handle.process.kill()  # type: ignore[union-attr]

    assert run.wait() is False
    assert run.get_status() == "KILLED"
    (isolated / "stop").touch()


def test_a_run_goes_on_in_one_that_is_there(isolated: Path, store: Store) -> None:
    (isolated / "t.py").write_text("import gittrack; gittrack.log_metric('second', 2)")
    with package.start_run() as first:
        package.log_metric("first", 1)

    done = running.run(".", "t.py", run_id=first.info.run_id, parameters={"x": 1})

    assert done.run_id == first.info.run_id
    (run,) = store.runs().runs
    assert set(run.record.metrics) == {"first", "second"}
    assert run.record.params == {"x": "1"}


def test_an_experiment_is_named_once(isolated: Path) -> None:
    (isolated / "t.sh").write_text("true\n")
    made = package.set_experiment("wine")

    done = running.run(".", "t.sh", experiment_id=made.experiment_id)

    assert done.folder.parent.name == "wine"
    with pytest.raises(RunStateError, match="only one"):
        running.run(".", "t.sh", experiment_id="0", experiment_name="x")


def test_steps_of_a_project_are_nested(isolated: Path, store: Store, gittrack: Any) -> None:
    steps = (
        "import gittrack, sys\n"
        "with gittrack.start_run():\n"
        "    for name in ('load', 'train'):\n"
        "        gittrack.run('.', name)\n"
    )
    (isolated / "steps.py").write_text(steps)
    (isolated / "step.py").write_text("import gittrack; gittrack.log_metric('n', 1)")
    (isolated / "MLproject").write_text(
        "entry_points:\n  main: {command: python steps.py}\n"
        "  load: {command: python step.py}\n  train: {command: python step.py}\n"
    )

    done = gittrack("run")

    assert done.returncode == 0, done.stderr
    runs = {run.record.source["project"]["entry_point"]: run for run in store.runs().runs}
    assert set(runs) == {"main", "load", "train"}
    parents = {name: run.record.parent for name, run in runs.items()}
    assert parents == {"main": None, "load": runs["main"].run_id, "train": runs["main"].run_id}
    assert all(run.record.status == "FINISHED" for run in runs.values())


def test_settings_of_a_backend_are_a_map_a_text_or_a_file(isolated: Path) -> None:
    (isolated / "config.json").write_text('{"time": "1:00"}')

    for given in ({"time": "1:00"}, '{"time": "1:00"}', "config.json", isolated / "config.json"):
        assert running.read_config(given) == {"time": "1:00"}
    for wrong in ("gone.json", "{", "[1]", '{"a": '):
        with pytest.raises(UsageError):
            running.read_config(wrong)


def test_the_error_of_a_failing_step_names_its_command(isolated: Path) -> None:
    (isolated / "t.sh").write_text("exit 4\n")

    with pytest.raises(ToolError, match=r"t\.sh exited with code 4"):
        running.run(".", "t.sh")


def test_a_long_output_is_kept_from_both_ends(isolated: Path, store: Store, gittrack: Any) -> None:
    script = "import sys\nfor i in range(300_000): print(f'line {i:060}')\n"
    (isolated / "t.py").write_text(script)

    done = gittrack("run", ".", "-e", "t.py")

    assert done.stdout.count("\n") == 300_000
    (run,) = store.runs().runs
    log = (run.folder / "output.log").read_bytes()
    assert 10 * 1024 * 1024 < len(log) < 11 * 1024 * 1024
    assert log.startswith(b"line 0")
    assert log.endswith(f"line {299_999:060}\n".encode())
    assert b"bytes are left out here" in log


def test_the_record_of_a_run_fits_its_schema(store: Store, gittrack: Any) -> None:
    from gittrack import schema

    assert gittrack("run", "--", "python", "-c", "pass", "--x", "1").returncode == 0

    (run,) = store.runs().runs
    assert schema.check("run", json.loads((run.folder / "run.json").read_text())) == []
