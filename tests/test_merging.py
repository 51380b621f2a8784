"""Branches merge with Git's default merge: no conflict, nothing lost."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import gittrack as mlflow
from gittrack.runs import edits
from gittrack.runs.edits import Edit
from gittrack.runs.store import Store
from tests.conftest import git, make_repository


def log_run(name: str, experiment: str) -> None:
    mlflow.set_experiment(experiment)
    with mlflow.start_run(run_name=name):
        mlflow.log_param("by", name)
        mlflow.log_metric("acc", 0.5)


def python(*args: str) -> None:
    subprocess.run([sys.executable, *args], check=True, capture_output=True)


def commit(message: str) -> None:
    git("add", "-A")
    git("commit", "-q", "-m", message)


@pytest.fixture
def clones(isolated, monkeypatch):
    """Two clones of a repository that holds one run."""
    make_repository(isolated / "origin", {"train.py": "x = 1\n"})
    monkeypatch.chdir(isolated / "origin")
    log_run("old", "wine")
    commit("a run")
    for name in ("ana", "ben"):
        git("clone", "-q", str(isolated / "origin"), str(isolated / name))
    return isolated / "ana", isolated / "ben"


def test_two_clones_that_add_runs_and_tag_the_same_run_merge_without_a_conflict(
    clones, monkeypatch
):
    for clone in clones:
        monkeypatch.chdir(clone)
        log_run(f"{clone.name}-1", "wine")
        log_run(f"{clone.name}-2", "A new one")
        log_run(f"{clone.name}-3", "Default")
        old = Store.open().find("old")
        edits.write(old.folder, Edit(user=clone.name, tags={clone.name: "seen", "by": clone.name}))
        edits.write(
            Store.open().root / Store.open().experiment("A new one").experiment_id,
            Edit(tags={clone.name: "here"}),
        )
        commit(clone.name)
    git("pull", "-q", "--no-rebase", "--no-edit", str(clones[0]), "main")
    assert git("status", "--porcelain") == ""

    store = Store.open()
    listing = store.runs()
    assert not listing.problems
    assert {run.record.name for run in listing.runs} == {
        "old", "ana-1", "ana-2", "ana-3", "ben-1", "ben-2", "ben-3"
    }  # fmt: skip
    assert {each.name for each in store.experiments()} == {"Default", "wine", "A new one"}
    assert store.experiment("A new one").tags == {"ana": "here", "ben": "here"}
    tags = store.find("old").record.tags
    assert (tags["ana"], tags["ben"], tags["by"]) == ("seen", "seen", "ben")
    assert all(run.record.metrics["acc"].last == 0.5 for run in listing.runs)


def test_two_clones_that_tag_note_and_delete_the_same_run_by_command_merge(clones, monkeypatch):
    for clone in clones:
        monkeypatch.chdir(clone)
        python("-m", "gittrack", "tag", "old", f"{clone.name}=seen", f"by={clone.name}")
        python("-m", "gittrack", "note", "old", f"{clone.name} saw it")
        python("-m", "gittrack", "rm", "old")
        python("-m", "gittrack", "restore", "old")
        commit(clone.name)
    git("pull", "-q", "--no-rebase", "--no-edit", str(clones[0]), "main")
    assert git("status", "--porcelain") == ""

    listing = Store.open().runs()
    assert not listing.problems
    (old,) = listing.runs
    assert old.record.tags == {"ana": "seen", "ben": "seen", "by": "ben"}
    assert old.note == "ben saw it"


@pytest.mark.slow
def test_fifty_branches_merge_one_after_another(clones, monkeypatch):
    monkeypatch.chdir(clones[0])
    old = Store.open().find("old").run_id
    with mlflow.start_run(run_id=old):
        mlflow.log_text("flavors: {python_function: {loader_module: a}}\n", "model/MLmodel")
    commit("a model")
    branches = [f"branch-{number}" for number in range(50)]
    for branch in branches:
        git("checkout", "-q", "-b", branch, "main")
        log_run(branch, "wine")
        log_run(branch, f"Of {branch}")
        log_run(branch, "Made by All")
        folder = Store.open().find(old).folder
        edits.write(folder, Edit(tags={branch: "yes"}, note=branch, name=f"of-{branch}"))
        mlflow.register_model(f"runs:/{old}/model", f"model of {branch}")
        commit(branch)
    git("checkout", "-q", "main")
    for branch in branches:
        git("merge", "-q", "--no-edit", branch)
    store = Store.open()
    assert len(store.runs().runs) == 1 + 3 * len(branches)
    assert len(store.experiments()) == 3 + len(branches)
    assert git("status", "--porcelain") == ""
    assert not store.runs().problems
    found = store.find(old)
    assert set(branches) <= set(found.record.tags)
    assert (found.note, found.record.name) == (branches[-1], f"of-{branches[-1]}")
    models = mlflow.search_registered_models()
    assert sorted(model.name for model in models) == sorted(f"model of {b}" for b in branches)


def test_a_clone_lists_what_its_origin_lists_without_empty_folders_and_marks(clones, monkeypatch):
    monkeypatch.chdir(clones[0])
    assert [run.record.name for run in Store.open().runs().runs] == ["old"]
    assert not (clones[0] / "mlruns" / ".cache").exists()
    assert not any(".cache" in name for name in git("ls-files").splitlines())


def test_a_tree_that_was_moved_lists_logs_and_resumes_as_before(clones, monkeypatch, isolated):
    monkeypatch.chdir(isolated)
    clones[0].rename(isolated / "moved")
    monkeypatch.chdir(isolated / "moved")
    old = Store.open().find("old")
    with mlflow.start_run(run_id=old.run_id):
        mlflow.log_metric("acc", 0.75, step=1)
        mlflow.log_text("x", "a.txt")
    again = mlflow.get_run(old.run_id)
    assert again.data.metrics == {"acc": 0.75}
    assert again.info.artifact_uri.startswith((isolated / "moved").as_uri())
    assert mlflow.artifacts.load_text(f"runs:/{old.run_id}/a.txt") == "x"
    assert not Store.open().runs().problems


def test_a_committed_tree_says_nothing_of_the_machine(clones, isolated):
    for name in git("ls-files", "mlruns", cwd=clones[0]).splitlines():
        text = (clones[0] / name).read_text()
        assert str(isolated) not in text
        assert str(os.getpid()) not in text or len(str(os.getpid())) < 5
