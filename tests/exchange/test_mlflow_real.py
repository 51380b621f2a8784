"""What real MLflow wrote, in files and in SQLite, is here what MLflow itself reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gittrack.entities import run_of
from gittrack.exchange import importers, taking
from gittrack.exchange.incoming import Left
from gittrack.exchange.taking import Taken
from gittrack.models import digest
from gittrack.registry import Registry
from gittrack.runs.store import Store
from tests.exchange.conftest import AGES, Made, run_mlflow

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("mlflow-stores"),
    pytest.mark.needs("env:mlflow-1.30", "env:mlflow-3.17"),
]
every_store = pytest.mark.parametrize(
    ("age", "kind"), [(age, kind) for age in AGES for kind in ("files", "database")]
)


def bring_in(store: Store, path: Path) -> Taken:
    left = Left()
    source = importers.choose("mlflow", path).read(path, left, folders=())
    return taking.take(store, source, left)


def as_read(store: Store, experiment: str) -> dict[str, Any]:
    """Return the runs of an experiment as `mlflow_scripts/read.py` does."""
    found = {}
    for stored in store.runs([store.experiment(experiment).experiment_id], deleted=True).runs:
        run = run_of(stored)
        names = stored.record.metrics
        found[run.info.run_id] = {
            "name": run.info.run_name,
            "status": run.info.status,
            "start": run.info.start_time,
            "end": run.info.end_time,
            "params": run.data.params,
            "tags": {key: value for key, value in run.data.tags.items() if "history" not in key},
            "latest": {name: repr(value.last) for name, value in names.items()},
            "metrics": {
                name: [[p.step, p.time, repr(p.value)] for p in stored.history(name)]
                for name in names
            },
            "inputs": [
                [
                    item.dataset.name,
                    item.dataset.digest,
                    item.dataset.source_type,
                    json.loads(item.dataset.source),
                    json.loads(item.dataset.schema or "null"),
                    json.loads(item.dataset.profile or "null"),
                    {tag.key: tag.value for tag in item.tags},
                ]
                for item in run.inputs.dataset_inputs
            ],
        }
    return found


def normal(run: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a run as both sides tell it.

    A database of MLflow's has the largest number for an infinity; a run of MLflow 1 may have no
    name; lines of one step and time have no order.
    """
    text = json.dumps(run).replace("1.7976931348623157e+308", "inf")
    run = json.loads(text)
    run["metrics"] = {key: sorted(points) for key, points in run["metrics"].items()}
    run["name"] = run["tags"]["mlflow.runName"] = run["name"] or name
    return run


@every_store
def test_every_value_is_the_one_that_mlflow_reads(
    store: Store, made: Made, age: str, kind: str
) -> None:
    path, read = made.store(age, kind)
    taken = bring_in(store, path)
    assert taken.problems == []
    assert taken.runs == sum(len(experiment["runs"]) for experiment in read.values())
    for name, experiment in read.items():
        runs = as_read(store, name)
        assert runs.keys() == experiment["runs"].keys()
        for run_id, run in runs.items():
            theirs = normal(experiment["runs"][run_id], run["name"])
            assert normal(run, "") == {key: theirs[key] for key in run}, run_id


@every_store
def test_experiments_models_and_aliases_come_too(
    store: Store, made: Made, age: str, kind: str
) -> None:
    path, _ = made.store(age, kind)
    bring_in(store, path)
    wine = store.experiment("wine quality")
    assert (wine.description, wine.tags["owner"]) == ("About wines\nmany", "ana")
    assert store.experiment("gone too").deleted
    parent = store.find("parent")
    assert (parent.artifacts / "plots" / "x.txt").read_text() == "hello"
    assert [run.record.name for run in store.runs(deleted=True).runs if run.deleted][:1] == ["gone"]
    registry = Registry(store)
    if (age, kind) == ("mlflow-1.30", "files"):
        assert registry.models() == []  # its file store had no registry yet
        return
    model = registry.model("wine model")
    assert (model.note, model.tags) == ("described", {"team": "a"})
    versions = {version.number: version for version in registry.versions("wine model").versions}
    assert set(versions) == {1, 2}
    assert (versions[1].note, versions[1].tags) == ("the first", {"checked": "yes"})
    assert model.aliases["Production"] == 2
    assert age == "mlflow-1.30" or model.aliases["champion"] == 1
    for version in versions.values():
        digest.check(store.find(version.run_id).artifacts / version.path, version.digest)


@every_store
def test_a_second_import_changes_no_byte(store: Store, made: Made, age: str, kind: str) -> None:
    path, _ = made.store(age, kind)
    bring_in(store, path)
    before = {file: file.read_bytes() for file in store.root.rglob("*") if file.is_file()}
    again = bring_in(store, path)
    assert (again.runs, again.versions, again.problems) == (0, 0, [])
    assert {file: file.read_bytes() for file in store.root.rglob("*") if file.is_file()} == before


@pytest.mark.parametrize("kind", ["files", "database"])
def test_what_mlflow_3_keeps_beside_runs_is_said(store: Store, tmp_path: Path, kind: str) -> None:
    path = tmp_path / ("old" if kind == "files" else "mlflow.db")
    uri = path.as_uri() if kind == "files" else f"sqlite:///{path}"
    run_mlflow("mlflow-3.17", "beside.py", uri, tmp_path)
    taken = bring_in(store, path)
    assert (taken.runs, set(store.find("@").record.params)) == (1, {"alpha"})
    said = " ".join(problem.message for problem in taken.problems)
    beside = (
        ["traces have no place", "no run logged this model", "params/own, tags/team"]
        if kind == "files"
        else [
            "1 traces",
            "1 models that no run logged",
            "1 params that logged models have and their runs have not",
            "1 tags of logged models",
        ]
    )
    assert [words for words in beside if words not in said] == []
    assert len(taken.problems) == len(beside)
