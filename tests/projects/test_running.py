"""Running a project: what it gets, what is recorded, how it ends, and what never comes to be."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import gittrack as package
from gittrack.errors import GittrackError, InvalidValueError, NotFoundError, ToolError
from gittrack.projects import running
from gittrack.runs.store import Store
from tests.conftest import make_repository

if TYPE_CHECKING:
    from collections.abc import Callable

JOIN = """\
import gittrack
gittrack.log_param("own", 1)
gittrack.log_metric("acc", 0.5)
gittrack.log_artifact(__file__)
"""


@pytest.fixture
def data(isolated: Path) -> Path:
    """A file in the caller's folder."""
    (isolated / "x.csv").write_text("1,2\n")
    return isolated / "x.csv"


def only_run(store: Store) -> Any:
    (run,) = store.runs().runs
    return run


def lives(pid: str) -> bool:
    try:
        state = Path("/proc", pid, "stat").read_text()
    except OSError:
        return False
    return state.rpartition(")")[2].split()[0] != "Z"


def record(store: Store) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((only_run(store).folder / "run.json").read_text())
    return found


def test_a_project_gets_its_values_and_its_run(
    echo: Path, data: Path, store: Store, seen: Callable[[], dict[str, Any]]
) -> None:
    done = running.run(str(echo), parameters={"data_file": "x.csv", "more": "a b"})

    got = seen()
    assert got["argv"] == ["-r", "0.1", str(data), "--more", "a b"]
    assert got["cwd"] == str(echo)
    assert Path(got["python"]).samefile(sys.executable)
    assert got["env"]["GITTRACK_RUN_ID"] == done.run_id
    assert got["env"]["GITTRACK_DIR"] == str(store.root)
    assert got["env"]["GITTRACK_EXPERIMENT_NAME"] == "Default"
    assert (done.status, done.exit_code, done.signal) == ("FINISHED", 0, None)


def test_what_ran_is_recorded(echo: Path, data: Path, store: Store) -> None:
    done = running.run(
        str(echo),
        parameters={"data_file": "x.csv", "more": "a b"},
        experiment_name="wine",
        run_name="first",
    )

    kept = record(store)
    assert kept["run_id"] == done.run_id
    assert (kept["name"], kept["experiment"], kept["status"]) == ("first", "wine", "FINISHED")
    assert kept["params"] == {"data_file": "x.csv", "more": "a b", "regularization": 0.1}
    assert kept["source"]["type"] == "PROJECT"
    assert kept["source"]["command"] == "python echo.py -r 0.1 x.csv --more 'a b'"
    assert kept["source"]["project"] == {
        "uri": str(echo), "entry_point": "main", "backend": "local", "environment": "local",
        "parameters": ["data_file", "more", "regularization"],
    }  # fmt: skip
    log = (only_run(store).folder / "output.log").read_text()
    assert log == f"echo: -r 0.1 {data} --more a b\n"


def test_no_absolute_path_is_recorded_of_a_project_inside_the_repository(
    echo: Path, data: Path, isolated: Path, project_git: Callable[..., Path]
) -> None:
    shutil.copytree(echo, isolated / "examples" / "echo")
    project_git(isolated)

    running.run(str(isolated / "examples" / "echo"), parameters={"data_file": str(data)})

    kept = record(Store.open())
    assert kept["source"]["project"]["uri"] == "examples/echo"
    assert kept["params"]["data_file"] == "x.csv"
    run_json = (only_run(Store.open()).folder / "run.json").read_text()
    assert str(isolated) not in run_json


def test_the_scripts_own_calls_join_the_run(isolated: Path, store: Store) -> None:
    (isolated / "project").mkdir()
    (isolated / "project" / "train.py").write_text(JOIN)

    running.run("project", "train.py", parameters={"alpha": 0.5})

    run = only_run(store)
    assert run.record.params == {"alpha": "0.5", "own": 1}
    assert run.record.metrics["acc"].last == 0.5
    assert (run.artifacts / "train.py").read_text() == JOIN


def test_a_clone_writes_to_the_callers_store_and_its_commit_is_recorded(
    isolated: Path, tmp_path: Path, store: Store, project_git: Callable[..., Path]
) -> None:
    origin = project_git(tmp_path / "origin", {"MLproject": "name: x", "sub/train.py": JOIN})
    bare = tmp_path / "bare.git"
    subprocess.run(["git", "clone", "-q", "--bare", origin, bare], check=True)
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=origin, check=True, capture_output=True, text=True
    ).stdout.strip()

    running.run(f"{bare.as_uri()}#sub", "train.py", version=commit[:8], parameters={"alpha": 1})

    kept = record(store)
    assert kept["metrics"]["acc"]["last"] == 0.5
    assert kept["source"]["git"]["commit"] == commit
    assert not kept["source"]["git"]["dirty"]
    assert kept["source"]["project"]["uri"] == f"{bare.as_uri()}#sub"
    assert kept["source"]["project"]["version"] == commit[:8]
    assert [path.name for path in isolated.iterdir()] == ["mlruns"]


def test_a_version_of_a_folder_leaves_the_folder_as_it_is(
    echo: Path, project_git: Callable[..., Path], seen: Callable[[], dict[str, Any]]
) -> None:
    project_git(echo)
    (echo / "MLproject").write_text("broken: [")

    running.run(str(echo), "free", version="main", parameters={"text": "hello"})

    assert seen()["argv"] == ["hello"]
    assert seen()["cwd"] != str(echo)
    assert (echo / "MLproject").read_text() == "broken: ["


def test_credentials_in_a_url_are_not_recorded() -> None:
    from gittrack.projects.locating import _recorded

    uri = "https://ana:hunter22@example.org/a.git#sub"

    assert _recorded(uri, Path("/x/mlruns")) == "https://example.org/a.git#sub"


def test_a_run_inside_a_run_is_its_child(echo: Path, store: Store) -> None:
    with package.start_run() as outer:
        done = package.run(str(echo), "free", parameters={"text": "x"})

    assert store.find(done.run_id).record.parent == outer.info.run_id


def test_a_project_that_runs_a_project_nests_it(isolated: Path, echo: Path, store: Store) -> None:
    script = f"import gittrack; gittrack.run({str(echo)!r}, 'free', parameters={{'text': 'x'}})"
    (isolated / "steps.py").write_text(script)

    done = running.run(".", "steps.py")

    children = [run for run in store.runs().runs if run.record.parent == done.run_id]
    assert len(children) == 1


def test_a_failing_command_fails_its_run(echo: Path, store: Store) -> None:
    done = running.run(str(echo), "fail", check=False)

    assert (done.status, done.exit_code) == ("FAILED", 3)
    assert record(store)["status"] == "FAILED"

    with pytest.raises(ToolError, match="exited with code 3"):
        running.run(str(echo), "fail")


def test_a_script_that_ends_its_run_as_failed_is_believed(isolated: Path) -> None:
    (isolated / "t.py").write_text(
        "import gittrack; gittrack.start_run(); gittrack.end_run('FAILED')"
    )

    done = running.run(".", "t.py")

    assert (done.status, done.exit_code) == ("FAILED", 0)


def test_no_foreign_run_is_passed_on(
    echo: Path, seen: Callable[[], dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_RUN_ID", "0123456789abcdef0123456789abcdef")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "theirs")

    running.run(str(echo), "free", parameters={"text": "x"})

    env = seen()["env"]
    assert not [name for name in env if name.startswith("MLFLOW_")]
    assert env["GITTRACK_EXPERIMENT_NAME"] == "theirs"


def test_where_no_environment_is_named_it_is_said_which_one_is_used(echo: Path) -> None:
    given = {"uri": str(echo), "entry_point": "free", "parameters": {"text": "x"}}

    assert running.run(**given).notes == (  # type: ignore[arg-type]
        "it names no environment: this runs in the current one",
    )
    assert running.run(**given, env_manager="local").notes == ()  # type: ignore[arg-type]


def test_the_same_function_stands_under_both_names() -> None:
    assert package.run is running.run
    assert package.projects.run is running.run


# -- the command


@pytest.mark.parametrize("code", [0, 3, 77])
def test_the_exit_code_is_passed_through(
    isolated: Path, gittrack: Any, store: Store, code: int
) -> None:
    (isolated / "t.sh").write_text(f"echo out; echo err >&2; exit {code}\n")

    done = gittrack("run", ".", "-e", "t.sh", "--name", "mine", "--experiment", "wine")

    assert done.returncode == code
    assert done.stdout == "out\n"
    run = only_run(store)
    assert f"run {run.run_id} (mine) in mlruns/wine/{run.folder.name}" in done.stderr
    assert run.record.status == ("FAILED" if code else "FINISHED")


MISTAKES = {
    "no equals sign": ["-P", "alpha"],
    "no name": ["-P", "=1"],
    "twice": ["-P", "text=1", "-P", "text=2"],
    "missing": [],
    "unknown entry point": ["-e", "gone"],
    "unknown option": ["--gone"],
    "unknown environment": ["-P", "text=x", "--env-manager", "pixi"],
    "hostile key": ["-P", "text=x", "-P", "a;touch pwned=1"],
    "no version without Git": ["-P", "text=x", "-v", "main"],
    "no version at all": ["-P", "text=x", "-v", "--x"],
    "bad experiment": ["-P", "text=x", "--experiment", "a\nb"],
    "missing path": ["-e", "main", "-P", "data_file=gone.csv"],
    "wrong type": ["-e", "main", "-P", "data_file=.", "-P", "regularization=much"],
    "a command in a command": ["-e", "nested", "-P", "text=$(touch pwned)"],
    "too long": ["-P", "text=" + "x" * 70_000, "-P", "more=" + "x" * 70_000],
}


@pytest.mark.parametrize("arguments", MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_makes_no_run(
    echo: Path, isolated: Path, gittrack: Any, arguments: list[str]
) -> None:
    done = gittrack("run", str(echo), "-e", "free", *arguments)

    assert done.returncode == 2
    assert done.stdout == ""
    error, hint = done.stderr.splitlines()
    assert error.startswith("error: ")
    assert hint.startswith("hint: ")
    assert list(isolated.iterdir()) == []


@pytest.mark.parametrize(
    ("uri", "code"),
    [
        ("gone", 3),
        ("x" * 5000, 3),
        ("ext::sh -c touch% pwned", 2),
        ("echo#../work", 2),
        ("echo#link", 2),
        ("echo#gone", 3),
        ("echo/echo.py", 2),
        ("file:///gone.git", 3),
        ("s3://bucket/project", 2),
        ("http://127.0.0.1:9/a.git", 6),
    ],
)
def test_a_project_that_is_not_there_makes_no_run(
    echo: Path, isolated: Path, gittrack: Any, uri: str, code: int
) -> None:
    (echo / "link").symlink_to("/tmp")

    done = gittrack("run", uri.replace("echo", str(echo), 1))

    assert done.returncode == code
    assert done.stderr.startswith("error: ")
    assert len(done.stderr.splitlines()) == 2
    assert list(isolated.iterdir()) == []


@pytest.mark.parametrize(
    "text",
    [
        "name: [",
        "entry_points: {main: {command: a, parameters: {x: number}}}",
        "entry_points: {main: {command: 'a {b}'}}",
    ],
)
def test_a_broken_mlproject_makes_no_run(isolated: Path, gittrack: Any, text: str) -> None:
    (isolated / "MLproject").write_text(text)

    done = gittrack("run")

    assert done.returncode == 2
    assert done.stderr.startswith("error: MLproject:")
    assert [path.name for path in isolated.iterdir()] == ["MLproject"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_run_is_killed_with_all_its_processes(isolated: Path, number: int) -> None:
    (isolated / "t.sh").write_text("bash -c 'echo $$ > pid; sleep 600; true'; exit 0\n")
    command = [sys.executable, "-m", "gittrack", "run", ".", "-e", "t.sh"]
    gittrack = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 120
    while not (isolated / "pid").exists() or not (isolated / "pid").read_text():
        assert time.monotonic() < until
        time.sleep(0.01)

    gittrack.send_signal(number)

    assert gittrack.wait(timeout=120) == 128 + number
    assert record(Store.open())["status"] == "KILLED"
    assert not lives((isolated / "pid").read_text().strip())


def test_an_interrupted_step_stops_the_script_that_runs_it(isolated: Path, store: Store) -> None:
    (isolated / "t.sh").write_text("touch ready; sleep 600\n")
    script = "import gittrack; gittrack.run('.', 't.sh'); open('next step', 'w')"
    steps = subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.DEVNULL)
    until = time.monotonic() + 120
    while not (isolated / "ready").exists():
        assert time.monotonic() < until
        time.sleep(0.01)

    steps.send_signal(signal.SIGINT)

    assert steps.wait(timeout=120) != 0
    assert not (isolated / "next step").exists()
    assert record(store)["status"] == "KILLED"


def test_a_store_that_cannot_be_written_stops_before_the_command(
    echo: Path, isolated: Path, seen: Callable[[], dict[str, Any]]
) -> None:
    (isolated / "mlruns").write_text("in the way")

    with pytest.raises(GittrackError):
        running.run(str(echo), "free", parameters={"text": "x"})

    with pytest.raises(FileNotFoundError):
        seen()


def test_git_stash_during_a_run_leaves_its_output(
    isolated: Path, project_git: Callable[..., Path]
) -> None:
    (isolated / "t.sh").write_text("echo before; git stash -q -u; echo after\n")
    project_git(isolated)

    done = running.run(".", "t.sh")

    assert done.status == "FINISHED"
    assert (done.folder / "output.log").read_text() == "before\nafter\n"


def test_what_no_parameter_declares_is_passed_on_with_one_note(
    echo: Path, gittrack: Any, seen: Callable[[], dict[str, Any]]
) -> None:
    arguments = ["-P", "text=a", "-P", "texd=1", "-P", "q=2"]
    done = gittrack("run", str(echo), "-e", "free", *arguments)

    assert seen()["argv"] == ["a", "--texd", "1", "--q", "2"]
    assert done.stderr.count("declares no parameter") == 1
    assert (
        "entry point 'free' declares no parameter 'texd' (is 'text' meant?), 'q': "
        "passed to its command as --texd --q" in done.stderr
    )


def test_messages_of_a_cloned_project_name_its_url_and_revision(
    tmp_path: Path, project_git: Callable[..., Path], gittrack: Any
) -> None:
    work = project_git(tmp_path / "origin", {"p/MLproject": "entry_points: {main: {}}\n"})
    url = work.as_uri()

    broken = gittrack("run", f"{url}#p", "-v", "main")
    above = gittrack("run", url)
    gone = gittrack("run", f"{url}#gone", "-v", "main")

    assert broken.stderr.startswith(f"error: p/MLproject of {url} at main: entry point 'main' has")
    assert f"there is no MLproject in {url} at " in above.stderr
    assert f"gittrack run '{url}#p'" in above.stderr
    assert f"{url} at main has no folder 'gone'" in gone.stderr
    assert "gittrack-" not in broken.stderr + above.stderr + gone.stderr


def test_what_is_not_committed_can_be_refused(isolated):
    project = make_repository(
        isolated / "project", {"MLproject": "entry_points: {main: {command: 'true'}}\n"}
    )
    command = [sys.executable, "-m", "gittrack", "run", ".", "--require-clean"]
    assert subprocess.run(command, cwd=project, check=False).returncode == 0
    (project / "new.py").write_text("x = 1\n")
    refused = subprocess.run(command, cwd=project, check=False, capture_output=True, text=True)
    assert refused.returncode == 2
    assert "has uncommitted changes" in refused.stderr
    assert len(Store.open(project / "mlruns").runs().runs) == 1


def test_parameters_are_a_map(isolated: Path) -> None:
    with pytest.raises(InvalidValueError, match="no map of names to values"):
        running.run(".", parameters=["a"])  # type: ignore[arg-type]

    assert list(isolated.iterdir()) == []


def test_a_file_of_the_web_is_there_for_the_time_of_the_run(
    echo: Path, site: str, tmp_path: Path, store: Store
) -> None:
    (tmp_path / "x.csv").write_text("1,2\n")
    (echo / "MLproject").write_text(
        "entry_points: {main: {parameters: {data: path}, command: 'cat {data}; echo {data}'}}\n"
    )

    done = running.run(str(echo), parameters={"data": f"{site}/x.csv"})

    text, path = (done.folder / "output.log").read_text().splitlines()
    assert text == "1,2"
    assert not Path(path).exists()
    assert not Path(path).parents[1].exists()
    assert store.find("@").record.params == {"data": f"{site}/x.csv"}


def test_a_file_that_the_web_has_not_makes_no_run(echo: Path, site: str, store: Store) -> None:
    with pytest.raises(NotFoundError, match=r"cannot fetch .*gone.csv"):
        running.run(str(echo), parameters={"data_file": f"{site}/gone.csv"})

    assert not store.root.exists()


def test_a_run_in_the_background_keeps_its_download_until_its_end(
    echo: Path, site: str, tmp_path: Path
) -> None:
    (tmp_path / "x.csv").write_text("1,2\n")

    done = running.run(str(echo), parameters={"data_file": f"{site}/x.csv"}, synchronous=False)

    assert done.wait()
    path = Path((done.folder / "output.log").read_text().split()[-1])
    assert path.name == "x.csv"
    assert not path.exists()


def test_large_files_that_are_not_fetched_are_said_before_anything_runs(
    tmp_path: Path,
) -> None:
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 9\n"
    files = {
        ".gitattributes": "*.bin filter=lfs -text\n",
        "MLproject": "entry_points: {main: {command: 'cat w.bin'}}\n",
        "w.bin": pointer,
    }
    source = make_repository(tmp_path / "source", files)
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("git", "bash", "cat"):
        (programs / name).symlink_to(str(shutil.which(name)))
    env = {**os.environ, "PATH": str(programs)}

    done = subprocess.run(
        [sys.executable, "-m", "gittrack", "run", source.as_uri()],
        capture_output=True,
        text=True,
        check=False,
        env=env,
    )

    note = "large files are not fetched, only pointers to them: 'w.bin' (install git-lfs)"
    assert done.returncode == 0, done.stderr
    assert note in done.stderr
    assert done.stderr.index(note) < done.stderr.index("run ")
