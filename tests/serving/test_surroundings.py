"""The environment a model was made in: told where it differs, and entered where that is asked."""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
import sys
import urllib.request
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest
from sklearn.dummy import DummyClassifier

from gittrack.errors import ToolError, UsageError
from gittrack.models.saving import save_model
from gittrack.serving import surroundings, wheel
from tests.serving.driving import GITTRACK, served

HERE = "{}.{}".format(*sys.version_info)


@pytest.fixture
def model(tmp_path):
    constant = DummyClassifier(strategy="constant", constant=1).fit([[0], [1]], [0, 1])
    save_model(constant, tmp_path / "m")
    described = tmp_path / "m" / "MLmodel"  # without a digest, so that its files may be changed
    lines = [line for line in described.read_text().splitlines() if not line.startswith("digest:")]
    described.write_text("\n".join(lines))
    return tmp_path / "m"


def needs(model, *lines, python=f"{HERE}.0"):
    (model / "requirements.txt").write_text("".join(f"{line}\n" for line in lines))
    text = f'python: "{python}"\ndependencies: [-r requirements.txt]\n'
    (model / "python_env.yaml").write_text(text)


def test_where_a_model_was_made_here_nothing_differs(model):
    assert surroundings.differences(model) == []


def test_what_differs_in_what_matters_is_told(model):
    major, minor, *_ = version("scikit-learn").split(".")
    needs(
        model,
        "scikit-learn==0.24.1",
        f"numpy=={'.'.join(version('numpy').split('.')[:2])}.99",
        "no-such-package==1.0",
        "pandas>=1",
        python="3.8.13",
    )
    assert surroundings.differences(model) == [
        f"Python 3.8 was recorded, and this is {HERE}",
        f"scikit-learn 0.24.1 was recorded, and {version('scikit-learn')} is installed",
        "no-such-package 1.0 was recorded, and is not installed",
    ]
    assert (major, minor) != ("0", "24")


def test_an_environment_that_cannot_be_read_is_a_warning_and_no_more(model):
    (model / "python_env.yaml").write_text("[")
    assert "cannot be read" in surroundings.differences(model)[0]
    with served(model) as (process, port):
        assert port
        process.terminate()


def test_what_differs_is_told_where_nothing_says_what_gittrack_needs(model, tmp_path, monkeypatch):
    # As in an environment that was entered: a folder of code, without metadata.
    def requires(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(wheel, "_PACKAGE", tmp_path / "lent" / "gittrack")
    monkeypatch.setattr(importlib.metadata, "requires", requires)
    with pytest.raises(ToolError, match="is not installed"):
        wheel.requirements()
    assert surroundings.differences(model) == []


def test_a_difference_is_told_and_does_not_stop_the_work(model):
    needs(model, "scikit-learn==0.24.1")
    done = subprocess.run(
        [*GITTRACK, "predict", str(model)],
        input="a\n1\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "prediction\n1\n"), done.stderr
    assert "warning: scikit-learn 0.24.1 was recorded" in done.stderr


def test_mlflow_itself_is_not_needed_to_serve(model):
    needs(model, "mlflow==2.9.0", "mlflow-skinny[x]==2", "mlflow-export-import", "scikit-learn")
    assert surroundings.needed(model) == [
        "mlflow-export-import",
        "scikit-learn",
        "numpy",
        "pandas",
    ]


def test_a_model_without_an_environment(tmp_path):
    with pytest.raises(UsageError, match="names no environment"):
        surroundings.entered(tmp_path, "virtualenv", ["serve"], to=None)


@pytest.mark.slow
@pytest.mark.xdist_group("environment of a model")
def test_a_model_is_served_and_predicts_in_its_own_environment(model, tmp_path, monkeypatch):
    monkeypatch.setenv("GITTRACK_CACHE", str(tmp_path / "cache"))
    needs(model, f"scikit-learn=={version('scikit-learn')}", "colorama==0.4.5")
    (model / "python_env.yaml").write_text("dependencies: [-r requirements.txt]\n")
    command = [*GITTRACK, "models", "prepare-env", str(model), "--env-manager", "virtualenv"]
    prepared = subprocess.run(command, capture_output=True, text=True, check=True)
    python = prepared.stdout.strip()
    assert Path(python).is_relative_to(tmp_path / "cache")
    said = "import colorama; print(colorama.__version__)"
    asked = subprocess.run([python, "-c", said], capture_output=True, text=True, check=True)
    assert asked.stdout == "0.4.5\n"

    predicted = subprocess.run(
        [*GITTRACK, "predict", str(model), "--env-manager", "virtualenv"],
        input="a\n1\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert predicted.stdout == "prediction\n1\n", predicted.stderr
    with served(model, "--env-manager", "virtualenv") as (process, port):
        program = Path(f"/proc/{process.pid}/cmdline").read_bytes().split(b"\0")[0].decode()
        assert program == "python"
        environ = Path(f"/proc/{process.pid}/environ").read_bytes()
        assert str(Path(python).parents[1]).encode() in environ
        url = f"http://127.0.0.1:{port}/invocations"
        request = urllib.request.Request(
            url, b'{"instances": [[1]]}', {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request) as answer:
            assert json.load(answer) == {"predictions": [1]}
        process.terminate()
        assert process.wait(timeout=60) == 0


def test_the_wheel_holds_all_that_is_installed(tmp_path):
    path = wheel.pack(tmp_path)
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        names = set(archive.namelist())
    assert {"gittrack/cli/main.py", "gittrack/schemas/run.schema.json"} <= names
    assert not any("__pycache__" in name for name in names)
    (tmp_path / "again").mkdir()
    assert wheel.pack(tmp_path / "again").read_bytes() == path.read_bytes()


def test_the_wheel_installs_and_runs(tmp_path, monkeypatch):
    path = wheel.pack(tmp_path)
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index"]
    subprocess.run([*pip, "--target", tmp_path / "there", path], check=True, capture_output=True)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "there"))
    code = (
        "import gittrack; from gittrack import schema; schema.load('run'); print(gittrack.__file__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(str(tmp_path / "there"))


def test_an_installed_gittrack_needs_what_its_checkout_says(tmp_path, monkeypatch):
    monkeypatch.setattr(wheel, "_PACKAGE", tmp_path / "gittrack")
    installed = {line.split(";")[0].strip() for line in wheel.requirements()}
    monkeypatch.undo()
    names = {line.split(">")[0].split(";")[0] for line in wheel.requirements()}
    assert names == {line.split(">")[0].split("<")[0] for line in installed}
