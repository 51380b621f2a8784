"""The main job as a person does it: real processes, a real repository, real HTTP requests."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conftest import SOURCE, git, python

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLES = SOURCE / "examples"
USUAL_GITIGNORE = "*.log\n*.pkl\nbuild/\nlib/\nmodels/\ndata/\n__pycache__/\n"
OLD_BODY = '{"columns":[0],"index":[0,1],"data":[[1],[-1]]}'
NEW_BODY = '{"dataframe_split": {"columns": [0], "data": [[1], [-1]]}}'


def gittrack(*args: str, cwd: Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gittrack", *args]
    return subprocess.run(command, cwd=cwd, check=check, capture_output=True, text=True)


def answer(*args: str, cwd: Path) -> object:
    return json.loads(gittrack(*args, "--json", cwd=cwd).stdout)["data"]


@contextmanager
def serving(uri: str, *, cwd: Path) -> Iterator[str]:
    """Serve a model by the command, and give the address that it says it is ready at."""
    command = [sys.executable, "-m", "gittrack", "serve", uri, "--port", "0"]
    with subprocess.Popen(command, cwd=cwd, stderr=subprocess.PIPE, text=True) as server:
        try:
            for line in server.stderr:
                if found := re.search(r"http://[\d.]+:\d+", line):
                    yield found[0]
                    break
            else:
                pytest.fail("the server ended before it was ready")
        finally:
            server.send_signal(signal.SIGTERM)
            server.communicate(timeout=120)
    assert server.returncode == 0


def curl(url: str, body: str) -> object:
    command = ["curl", "-sS", "-d", body, "-H", "Content-Type: application/json"]
    done = subprocess.run(
        [*command, f"{url}/invocations"], check=True, capture_output=True, text=True
    )
    return json.loads(done.stdout)


def test_from_nothing_to_a_served_model_that_travels_with_git(isolated: Path) -> None:
    repository = isolated / "repository"
    shutil.copytree(EXAMPLES / "wine", repository / "wine")
    (repository / ".gitignore").write_text(USUAL_GITIGNORE)
    git("init", "-q", cwd=repository)
    git("add", "-A", cwd=repository)
    git("commit", "-q", "-m", "the project", cwd=repository)

    gittrack("run", "wine", "-P", "alpha=10", "--name", "worse", cwd=repository)
    gittrack("run", "wine", "-P", "alpha=0.001", "--name", "better", cwd=repository)

    listed = answer("ls", cwd=repository)
    assert [run["name"] for run in listed] == ["better", "worse"]
    assert [run["status"] for run in listed] == ["FINISHED", "FINISHED"]
    assert [run["params"]["alpha"] for run in listed] == [0.001, 10]

    difference = answer("diff", "worse", "better", cwd=repository)
    assert [entry["name"] for entry in difference["params"]] == ["alpha"]
    changes = {entry["name"]: entry["change"] for entry in difference["metrics"]}
    assert changes["accuracy"] > 0

    shown = answer("show", "best:accuracy", cwd=repository)
    assert shown["name"] == "better"
    assert shown["source"]["git"]["commit"] == git("rev-parse", "HEAD", cwd=repository)
    assert shown["source"]["git"]["dirty"] is False

    example = next((repository / "mlruns").glob("*/*/artifacts/model/input_example.json"))
    body = example.read_text()
    with serving("runs:/best:accuracy/model", cwd=repository) as url:
        predicted = curl(url, body)
    assert len(predicted) == len(json.loads(body)["data"])

    git("add", "-A", cwd=repository)
    git("commit", "-q", "-m", "two runs", cwd=repository)
    written = {
        path.relative_to(repository).as_posix()
        for path in (repository / "mlruns").rglob("*")
        if path.is_file() and ".cache" not in path.parts
    }
    committed = set(
        git("ls-tree", "-r", "--name-only", "-z", "HEAD", "mlruns", cwd=repository).split("\0")
    )
    assert written == committed - {""}

    clone = isolated / "elsewhere" / "clone"
    git("clone", "-q", str(repository), str(clone))
    assert answer("ls", cwd=clone) == [
        {**run, "folder": run["folder"].replace(str(repository), str(clone))} for run in listed
    ]
    script = (
        "import json, sys, pandas, gittrack.pyfunc\n"
        "body = json.loads(sys.argv[1])\n"
        "frame = pandas.DataFrame(body['data'], columns=body['columns'])\n"
        "model = gittrack.pyfunc.load_model('runs:/better/model')\n"
        "print(model.predict(frame).tolist())\n"
    )
    assert json.loads(python(script, body, cwd=clone).stdout) == predicted
    with serving("runs:/better/model", cwd=clone) as url:
        assert curl(url, body) == predicted


def test_the_script_of_the_readme_leaves_the_tree(isolated: Path) -> None:
    script = """
import gittrack as mlflow
mlflow.log_param("num_dimensions", 8)
mlflow.log_param("regularization", 0.1)
mlflow.log_metric("accuracy", 0.1)
mlflow.log_metric("accuracy", 0.45)
mlflow.log_artifact("roc.png")
mlflow.log_artifact("model.pkl")
"""
    (isolated / "roc.png").write_bytes(b"a picture")
    (isolated / "model.pkl").write_bytes(b"a model")
    python(script, cwd=isolated)
    (folder,) = (isolated / "mlruns" / "default").iterdir()
    record = json.loads((folder / "run.json").read_text())
    assert record["status"] == "FINISHED"
    assert record["params"] == {"num_dimensions": 8, "regularization": 0.1}
    assert record["metrics"]["accuracy"] == {
        "last": 0.45,
        "step": 0,
        "min": 0.1,
        "max": 0.45,
        "count": 2,
    }
    assert (folder / "artifacts" / "roc.png").read_bytes() == b"a picture"
    assert (folder / "artifacts" / "model.pkl").read_bytes() == b"a model"


def test_the_first_example_is_trained_served_and_scored_in_both_protocols(isolated: Path) -> None:
    shutil.copy(EXAMPLES / "sklearn_logistic_regression" / "train.py", isolated)
    printed = python(Path("train.py"), cwd=isolated).stdout
    assert re.search(r"^Score: 0\.666", printed, re.MULTILINE)
    run_id = re.search(r"^Model saved in run (\w+)$", printed, re.MULTILINE)[1]
    with serving(f"runs:/{run_id}/model", cwd=isolated) as url:
        assert curl(url, OLD_BODY) == [1, 0]
        assert curl(url, NEW_BODY) == {"predictions": [1, 0]}


def test_both_entry_points_of_the_wine_project_run_from_a_git_url(isolated: Path) -> None:
    origin = isolated / "origin"
    shutil.copytree(EXAMPLES / "wine", origin)
    git("init", "-q", cwd=origin)
    git("add", "-A", cwd=origin)
    git("commit", "-q", "-m", "the project", cwd=origin)
    bare = isolated / "wine.git"
    git("clone", "-q", "--bare", str(origin), str(bare))
    work = isolated / "somewhere"
    work.mkdir()

    gittrack("run", bare.as_uri(), "-P", "alpha=0.5", "--name", "trained", cwd=work)
    gittrack("run", bare.as_uri(), "-e", "validate", "-P", "model=runs:/trained/model", cwd=work)

    validated, trained = answer("ls", cwd=work)
    assert trained["params"]["alpha"] == 0.5
    assert validated["metrics"]
    for run in (validated, trained):
        assert run["status"] == "FINISHED"
        recorded = answer("show", run["run_id"], cwd=work)["source"]["git"]["commit"]
        assert recorded == git("rev-parse", "HEAD", cwd=origin)
    assert (work / "mlruns").is_dir()


def test_a_failing_project_passes_its_exit_code_through(isolated: Path) -> None:
    project = isolated / "project"
    project.mkdir()
    (project / "MLproject").write_text("entry_points:\n  main: {command: python fail.py}\n")
    (project / "fail.py").write_text(
        "import gittrack; gittrack.log_metric('a', 1); raise SystemExit(7)"
    )
    done = gittrack("run", "project", cwd=isolated, check=False)
    assert done.returncode == 7
    (run,) = answer("ls", cwd=isolated)
    assert run["status"] == "FAILED"
    assert run["metrics"]["a"]["last"] == 1


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (["run", "project", "-P", "beta=1"], 2, "alpha"),
        (["run", "project", "-P", "alpha=x"], 2, "alpha"),
        (["run", "project", "-e", "nothing", "-P", "alpha=1"], 2, "nothing"),
        (["run", "broken"], 2, "MLproject"),
        (["run", "odd"], 2, "complex"),
        (["show", "nothing"], 3, "nothing"),
        (["diff", "nothing", "nothing"], 3, "nothing"),
        (["ls", "-f", "metrics.a >"], 2, "^"),
        (["serve", "runs:/nothing/model"], 3, "nothing"),
    ],
)
def test_bad_input_gets_one_clear_error_and_leaves_nothing(
    isolated: Path, args: list[str], code: int, words: str
) -> None:
    for name, text in {
        "project": "entry_points:\n  main: {parameters: {alpha: float}, command: 'echo {alpha}'}\n",
        "broken": "entry_points: [\n",
        "odd": "entry_points:\n  main:\n    parameters: {a: complex}\n    command: echo {a}\n",
    }.items():
        (isolated / name).mkdir()
        (isolated / name / "MLproject").write_text(text)
    done = gittrack(*args, cwd=isolated, check=False)
    assert done.returncode == code
    assert words in done.stderr
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr
    assert not (isolated / "mlruns").exists()


def test_a_prefix_that_fits_several_runs_lists_them(isolated: Path) -> None:
    script = (
        "import gittrack\nfor _ in range(2):\n    with gittrack.start_run(run_name='twin'): pass\n"
    )
    python(script, cwd=isolated)
    ids = {run["run_id"] for run in answer("ls", cwd=isolated)}
    done = gittrack("show", "twin", cwd=isolated, check=False)
    assert done.returncode == 3
    assert all(run_id in done.stderr for run_id in ids)
