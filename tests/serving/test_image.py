"""Images of models, built by a real engine, run, and asked for predictions."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import ssl
import subprocess
import time
from pathlib import Path

import pytest
from sklearn.dummy import DummyClassifier

from gittrack.errors import UsageError
from gittrack.models.saving import save_model
from gittrack.serving import image
from tests.serving.driving import GITTRACK, post

BASE = "local/python"
NAME = "gittrack-test/constant"


def constant(folder, answer):
    model = DummyClassifier(strategy="constant", constant=answer).fit([[0], [1]], [0, answer])
    save_model(model, folder)
    return folder


def test_the_dockerfile_and_all_that_it_copies(tmp_path):
    model = constant(tmp_path / "m", 1)
    (model / "python_env.yaml").write_text('python: "3.12.4"\ndependencies: [-r requirements.txt]')
    text = image.generate(model, tmp_path / "out").read_text()
    assert text.count("FROM python:3.12-slim") == 2
    assert "USER 10001:10001" in text
    assert "HEALTHCHECK" in text
    assert "$" not in text.replace("$PATH", "")
    assert (tmp_path / "out" / "model" / "MLmodel").is_file()
    needs = (tmp_path / "out" / "requirements.txt").read_text().splitlines()
    assert any(line.startswith("scikit-learn==") for line in needs)


def test_a_folder_with_something_in_it_is_left_alone(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UsageError, match="is not empty"):
        image.generate(constant(tmp_path / "m", 1), tmp_path)


@pytest.mark.parametrize("base", ["python\nRUN touch /x", "python AS build", "--platform=a", ""])
def test_a_base_image_that_would_be_more_than_a_name(tmp_path, base):
    with pytest.raises(UsageError, match="is no name of an image"):
        image.generate(constant(tmp_path / "m", 1), tmp_path / "out", base=base)
    assert not (tmp_path / "out").exists()


@pytest.mark.needs("docker")
@pytest.mark.parametrize("name", ["UPPER", "a b", "a:", "", "-a", "a\n"])
def test_a_name_that_no_image_can_have(tmp_path, name):
    with pytest.raises(UsageError, match="is no name for an image"):
        image.build(constant(tmp_path / "m", 1), name, base="no/such:image")


def test_the_command_writes_it(tmp_path, isolated):
    model = constant(tmp_path / "m", 1)
    command = [*GITTRACK, "models", "generate-dockerfile", "-m", str(model), "-d", "out"]
    done = subprocess.run([*command, "--base-image", BASE], capture_output=True, check=True)
    assert b"docker build -t NAME out" in done.stderr
    assert (isolated / "out" / "Dockerfile").read_text().count(f"FROM {BASE}") == 2


def docker(*arguments):
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@contextlib.contextmanager
def container(*arguments):
    name = docker("run", "-d", "--pull=never", "-p", "127.0.0.1:0:8080", *arguments)
    try:
        port = int(docker("port", name, "8080").rpartition(":")[2])
        until = time.monotonic() + 120
        while not is_ready(port):
            assert time.monotonic() < until, docker("logs", name)
            time.sleep(0.1)
        yield name, port
    finally:
        docker("rm", "-f", name)


def is_ready(port):
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as asked:
        try:
            asked.request("GET", "/ping")
            return asked.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False


@pytest.mark.slow
@pytest.mark.needs("docker")
@pytest.mark.xdist_group("image of a model")
def test_an_image_is_built_run_and_asked(tmp_path, monkeypatch):
    monkeypatch.setenv("GITTRACK_DOCKER_PULL", "never")
    trusted = tmp_path / "trusted.pem"
    system = Path(os.environ.get("PIP_CERT") or ssl.get_default_verify_paths().cafile)
    trusted.write_text(f"{system.read_text()}\n# only ours\n")
    monkeypatch.setenv("PIP_CERT", str(trusted))
    monkeypatch.setenv("PIP_TRUSTED_HOST", "secret.example")
    model = constant(tmp_path / "m", 1)
    command = [*GITTRACK, "models", "build-docker", "--model-uri", str(model), "--name", NAME]
    built = subprocess.run(
        [*command, "--base-image", BASE], capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr
    try:
        assert built.stdout.strip() == docker("image", "inspect", NAME, "--format", "{{.Id}}")
        with container(NAME) as (name, port):
            assert post(port, [[1], [2]]) == {"predictions": [1, 1]}
            assert docker("exec", name, "id", "-u") == "10001"
            # What this machine's pip was told is not left in the image.
            assert "secret" not in docker("history", "--no-trunc", NAME) + docker("inspect", NAME)
            find = "find / -xdev -name certificates.pem 2>/dev/null | wc -l"
            assert docker("exec", name, "sh", "-c", find) == "0"
            assert docker("exec", name, "python3", "-m", "gittrack", "--version")
            docker("stop", "-t", "60", name)
            assert docker("inspect", name, "--format", "{{.State.ExitCode}}") == "0"
        # As SageMaker calls it, with a model of its own mounted.
        other = constant(tmp_path / "other", 7)
        Path(other).chmod(0o755)
        with container("-v", f"{other}:/opt/ml/model:ro", NAME, "serve") as (_, port):
            assert post(port, [[1]]) == {"predictions": [7]}
        with container("--read-only", "--tmpfs", "/tmp", NAME, "serve", "--workers", "2") as (
            name,
            port,
        ):
            with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port)) as asked:
                asked.request("GET", "/metrics")
                assert b"gittrack_workers 2\n" in asked.getresponse().read()
            test = json.loads(docker("inspect", name, "--format", "{{json .Config.Healthcheck}}"))
            assert docker("exec", name, *test["Test"][1:]) == ""
    finally:
        docker("rmi", "-f", NAME)


@pytest.mark.needs("docker")
def test_a_base_image_that_is_not_there(tmp_path, monkeypatch):
    monkeypatch.setenv("GITTRACK_DOCKER_PULL", "never")
    model = constant(tmp_path / "m", 1)
    command = [*GITTRACK, "models", "build-docker", str(model), "-n", NAME]
    done = subprocess.run(
        [*command, "--base-image", "no/such:image"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 3
    assert "there is no image 'no/such:image' here" in done.stderr
