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
        assert process.wait(timeout=30) == 0
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
