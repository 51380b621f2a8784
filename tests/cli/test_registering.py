"""The registry from the terminal, each command a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import gittrack as mlflow
from gittrack.registry import Registry


def gittrack(*args, code=0):
    done = subprocess.run(
        [sys.executable, "-m", "gittrack", *args], check=False, capture_output=True, text=True
    )
    assert done.returncode == code, done.stderr
    return done


@pytest.fixture
def run():
    with mlflow.start_run() as run:
        mlflow.log_text("flavors: {a: {}}\n", "model/MLmodel")
    return run.info.run_id


def test_from_the_registration_to_the_removal(run, store):
    done = gittrack("models", "register", "runs:/@/model", "wine", "-a", "best", "--note", "ok")
    assert done.stdout == "models:/wine/1\n"
    assert done.stderr == f"version 1 of wine, best: runs:/{run}/model\n"
    gittrack("models", "register", "models:/wine/best", "wine", "-t", "team=a")
    assert gittrack("models", "alias", "wine/2", "best").stderr == (
        "wine@best is version 2, before 1\n"
    )
    assert gittrack("models", "ls", "--csv").stdout == (
        "model,versions,latest,aliases,note\nwine,2,2,best 2,\n"
    )
    assert "ok" in gittrack("models", "show", "wine").stdout
    shown = json.loads(gittrack("models", "show", "wine@best", "--json").stdout)
    assert (shown["kind"], shown["data"]["version"]) == ("model_version", 2)
    assert (shown["data"]["flavors"], shown["data"]["tags"]) == (["a"], {"team": "a"})
    refused = gittrack("models", "rm", "wine/2", code=2)
    assert "rm --force wine/2" in refused.stderr
    gittrack("models", "rm", "models:/wine/2", "--force")
    gittrack("models", "alias", "wine/1", "other")
    gittrack("models", "alias", "wine@other", "other", "--remove")
    registry = Registry(store)
    assert registry.model("wine").aliases == {}
    assert [one.number for one in registry.versions("wine").versions] == [1]
    assert "is version 1 of the registered model wine" in gittrack("rm", "@", code=2).stderr


@pytest.mark.usefixtures("run")
def test_a_version_is_given_another_number(store):
    gittrack("models", "register", "runs:/@/model", "wine", "-a", "best")
    done = gittrack("models", "renumber", "wine/1")
    assert done.stdout == "models:/wine/2\n"
    assert "is version 2 now, with best\n" in done.stderr
    assert Registry(store).model("wine").aliases == {"best": 2}
    assert "has no version 1" in gittrack("models", "renumber", "wine/1", code=3).stderr
    assert "Invalid version: 'best'" in gittrack("models", "renumber", "wine@best", code=2).stderr


@pytest.mark.parametrize(
    ("command", "code", "says"),
    [
        (["register", "runs:/@/model", "a/b"], 2, "Invalid model name"),
        (["register", "runs:/@/none", "a"], 3, "has no artifact 'none'"),
        (["register", "runs:/@/model", "a", "-t", "x"], 2, "'x' is no NAME=VALUE"),
        (["alias", "wine", "best"], 2, "names no version of a model"),
        (["alias", "wine/1", "best"], 3, "no registered model 'wine'"),
        (["show", "wine"], 3, "no registered model 'wine'"),
        (["rm", "wine/1"], 3, "no registered model 'wine'"),
    ],
)
@pytest.mark.usefixtures("run")
def test_what_is_refused(command, code, says):
    assert says in gittrack("models", *command, code=code).stderr


@pytest.mark.usefixtures("run")
def test_an_empty_registry_says_how_to_fill_it():
    done = gittrack("models", "ls")
    assert done.stdout == ""
    assert "gittrack models register" in done.stderr


@pytest.mark.parametrize("alias", ["latest", "3", "../x"])
def test_an_alias_that_is_none_leaves_no_version_behind(run, store, alias):
    gittrack("models", "register", f"runs:/{run}/model", "wine", "-a", "good", "-a", alias, code=2)
    assert Registry(store).models() == []
