"""`gittrack serve`, the command itself."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests import parts

EXAMPLE = Path(__file__).parents[2] / "examples" / "sklearn_logistic_regression" / "train.py"
GITTRACK = [sys.executable, "-m", "gittrack"]
LEGACY = b'{"columns":[0],"index":[0,1],"data":[[1],[-1]]}'
TODAY = b'{"dataframe_split": {"columns":[0],"data":[[1],[-1]]}}'


def run(*arguments):
    return subprocess.run([*GITTRACK, *arguments], capture_output=True, text=True, check=False)


@pytest.fixture
def run_id():
    done = subprocess.run(
        [sys.executable, str(EXAMPLE)], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("Score: 0.666")
    return re.search(r"^Model saved in run (\S+)$", done.stdout, re.MULTILINE)[1]


@pytest.mark.parametrize(
    "command",
    [
        ["serve", "{uri}"],
        ["serve", "-m", "{uri}"],
        ["models", "serve", "--model-uri", "{uri}", "--host", "127.0.0.1"],
    ],
)
def test_the_example_is_served_by_its_run(run_id, command):
    arguments = [part.format(uri=f"runs:/{run_id[:6]}/model") for part in command]
    process = subprocess.Popen(
        [*GITTRACK, *arguments, "-p", "0"], stderr=subprocess.PIPE, text=True
    )
    try:
        url = re.search(r"http://\S+", process.stderr.readline())[0] + "/invocations"
        headers = {"Content-Type": "application/json"}
        for body, answer in ((LEGACY, [1, 0]), (TODAY, {"predictions": [1, 0]})):
            with urllib.request.urlopen(urllib.request.Request(url, body, headers)) as response:
                assert json.load(response) == answer
        process.terminate()
        assert process.wait(timeout=120) == 0
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        ([], 2, "give one model"),
        (["a", "-m", "b"], 2, "give one model"),
        (["models:/wine/3"], 3, "no registered model 'wine'"),
        (["runs:/zzz/model"], 3, "no run 'zzz'"),
        (["missing"], 3, "no such folder"),
        ([".", "-p", "none"], 2, "port"),
    ],
)
def test_what_cannot_be_served(arguments, code, says):
    done = run("serve", "-p", "0", *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert says in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture
def without_pandas(tmp_path, monkeypatch):
    """A process started in the test finds no pandas."""
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    line = "raise ModuleNotFoundError(\"No module named 'pandas'\", name='pandas')\n"
    (hidden / "pandas.py").write_text(line)
    monkeypatch.setenv("PYTHONPATH", f"{hidden}{os.pathsep}{os.environ['PYTHONPATH']}")


@pytest.mark.usefixtures("without_pandas")
def test_without_pandas_it_refuses_at_the_start(tmp_path):
    (tmp_path / "MLmodel").write_text("flavors: {}\n")
    done = run("serve", "-p", "0", str(tmp_path))
    assert done.returncode == 6
    assert "need pandas, which is not installed" in done.stderr
    assert "hint: pip install pandas" in done.stderr


def test_h_is_help_here_too():
    done = run("serve", "-h")
    assert done.returncode == 0
    assert "--host" in done.stdout


@pytest.mark.parametrize("switched", ["option", "variable"])
@pytest.mark.parametrize("command", ["serve", "predict"])
def test_safe_refuses_a_pickle_before_it_is_read(run_id, tmp_path, monkeypatch, command, switched):
    rows = tmp_path / "rows.csv"
    rows.write_text("0\n1\n")
    if switched == "variable":
        monkeypatch.setenv("GITTRACK_SAFE", "1")
    arguments = {
        "serve": ["-p", "0"],
        "predict": ["-i", str(rows), "-o", str(tmp_path / "out.csv")],
    }
    safe = ["--safe"] if switched == "option" else []
    done = run(command, f"runs:/{run_id}/model", *arguments[command], *safe)
    assert done.returncode == 2
    assert "loading that may run any code" in done.stderr
    assert not (tmp_path / "out.csv").exists()


SKOPS = """
import gittrack
from sklearn.linear_model import LogisticRegression
fitted = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
gittrack.sklearn.save_model(fitted, "model", serialization_format="skops")
"""


@pytest.mark.slow
@pytest.mark.needs("env:flavors")
def test_safe_takes_a_format_that_runs_no_code(isolated):
    python = str(parts.environment("flavors"))
    subprocess.run([python, "-c", SKOPS], check=True)
    (isolated / "rows.csv").write_text("0\n0\n1\n")
    done = subprocess.run(
        [python, "-m", "gittrack", "predict", "--safe", "model", "-i", "rows.csv"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-2:] == ["0", "1"]
