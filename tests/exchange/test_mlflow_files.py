"""MLflow's file stores of two ages, as they lie on disk, and what strangers made of them."""

from __future__ import annotations

import math
import os
import shutil
from pathlib import Path

import pytest

from gittrack.exchange import importers, taking
from gittrack.exchange.incoming import Left
from gittrack.exchange.taking import Taken
from gittrack.runs.store import Store
from tests.making import put

SAMPLES = Path(__file__).parent / "samples"
PARENT = {
    "mlflow-1.30": "0c15a83097fe41a6a98c3c2b3419553a",
    "mlflow-3.17": "1adb91b521164c2ea18f69ef5c39b19f",
}
LOGREG = {
    "mlflow-1.30": "033baea533a24f01aeb19c3466c864bf",
    "mlflow-3.17": "95201131d16f4cb7996836c1ace08fd9",
}
META = """\
artifact_uri: file:///home/ana/mlruns/1/{run}/artifacts
end_time: 1795414664724
experiment_id: '1'
lifecycle_stage: active
run_id: {run}
run_name: {run}
source_type: 4
start_time: 1795414664673
status: 3
user_id: ana
"""


def bring_in(store: Store, path: Path) -> Taken:
    left = Left()
    source = importers.choose(None, path).read(path, left, folders=())
    return taking.take(store, source, left)


def said(taken: Taken) -> list[str]:
    return [f"{problem.path.name}: {problem.message}" for problem in taken.problems]


def make_store(root: Path, *runs: str, **values: bytes | str) -> Path:
    """Make a file store with an experiment; `values` are files of its first run, `__` for `/`."""
    put(root / "1" / "meta.yaml", "experiment_id: '1'\nname: wine\nlifecycle_stage: active\n")
    for run in runs or ("a" * 32,):
        put(root / "1" / run / "meta.yaml", META.format(run=run))
    for name, content in values.items():
        put(root / "1" / (runs or ("a" * 32,))[0] / name.replace("__", "/"), content)
    return root


def tree(root: Path) -> dict[str, bytes]:
    files = (path for path in root.rglob("*") if path.is_file() and ".cache" not in path.parts)
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in files}


@pytest.mark.parametrize("age", PARENT)
def test_every_run_comes_with_its_id_and_a_second_import_adds_nothing(
    store: Store, age: str
) -> None:
    taken = bring_in(store, SAMPLES / age)
    assert (taken.runs, taken.known, taken.problems) == (7, 0, [])
    before = tree(store.root)
    again = bring_in(store, SAMPLES / age)
    assert (again.runs, again.known, again.problems) == (0, 7, [])
    assert tree(store.root) == before


@pytest.mark.parametrize("age", PARENT)
def test_values_are_what_they_were(store: Store, age: str) -> None:
    bring_in(store, SAMPLES / age)
    run = store.find(PARENT[age])
    record = run.record
    assert (record.name, record.experiment, record.status) == ("parent", "wine quality", "FINISHED")
    assert record.params == {
        "alpha": "0.5",
        "l1_ratio": "0.1",
        "note": "two\nlines",
        "solver": "saga",
    }
    assert math.isnan(record.metrics["weird"].last)
    assert record.metrics["big"].last == math.inf
    assert record.metrics["small"].last == -math.inf
    history = run.history("train/loss")
    assert [point.value for point in history] == [1 / (step + 1) for step in range(20)]
    assert [point.step for point in history] == list(range(20))
    assert run.note.startswith("# first")
    assert record.tags == {"team": "a"}
    assert (record.user, record.source["command"]) == ("ana", "../mk.py")
    assert (run.artifacts / "plots" / "roc.txt").read_text() == "0 0\n1 1\n"


@pytest.mark.parametrize("age", PARENT)
def test_children_failed_and_deleted_runs_stay_what_they_are(store: Store, age: str) -> None:
    bring_in(store, SAMPLES / age)
    runs = {run.record.name: run for run in store.runs(deleted=True).runs}
    assert [runs[f"child-{n}"].record.parent for n in range(3)] == [PARENT[age]] * 3
    assert runs["crashed"].record.status == "FAILED"
    assert runs["gone"].deleted
    assert not runs["parent"].deleted
    assert "empty" in {experiment.name for experiment in store.experiments()}


@pytest.mark.parametrize("age", LOGREG)
def test_a_model_lies_with_its_run_wherever_mlflow_kept_it(store: Store, age: str) -> None:
    bring_in(store, SAMPLES / age)
    assert (store.find(LOGREG[age]).artifacts / "model" / "MLmodel").is_file()


def test_the_latest_of_several_models_of_a_name_has_it(store: Store, isolated: Path) -> None:
    root = make_store(isolated / "old")
    for model, time in (("m-1", 20), ("m-2", 10)):
        folder = root / "1" / "models" / model
        put(
            folder / "meta.yaml",
            f"name: model\nsource_run_id: {'a' * 32}\ncreation_timestamp: {time}\n",
        )
        put(folder / "artifacts" / "MLmodel", model)
    bring_in(store, root)
    artifacts = store.find("a" * 32).artifacts
    assert (artifacts / "model" / "MLmodel").read_text() == "m-1"
    assert (artifacts / "model-m-2" / "MLmodel").read_text() == "m-2"


def test_lines_of_every_age_are_read(store: Store, isolated: Path) -> None:
    lines = "100 0.5\n101 0.25 7\n102 1e-320 -2 wine 2981c147\n103 nan 9 m-1\n"
    bring_in(store, make_store(isolated / "old", metrics__loss=lines))
    history = store.find("a" * 32).history("loss")
    assert [(point.step, point.time) for point in history] == [
        (-2, 102),
        (0, 100),
        (7, 101),
        (9, 103),
    ]
    assert [point.value for point in history[:3]] == [1e-320, 0.5, 0.25]


def test_a_run_that_went_on_after_the_first_import_is_renewed(store: Store, isolated: Path) -> None:
    root = make_store(isolated / "old", metrics__loss="100 0.5 0\n")
    meta = root / "1" / ("a" * 32) / "meta.yaml"
    ended = meta.read_text()
    meta.write_text(ended.replace("status: 3", "status: 1").replace("1795414664724", "null"))
    bring_in(store, root)
    assert store.find("a" * 32).state() == "elsewhere"
    meta.write_text(ended)
    put(root / "1" / ("a" * 32) / "metrics" / "loss", "100 0.5 0\n101 0.25 1\n")
    taken = bring_in(store, root)
    assert (taken.runs, taken.renewed) == (0, 1)
    run = store.find("a" * 32)
    assert run.record.status == "FINISHED"
    assert run.record.metrics["loss"].last == 0.25


def test_runs_of_a_deleted_experiment_come_back_with_it(store: Store, isolated: Path) -> None:
    root = make_store(isolated / "old")
    put(root / "0" / "meta.yaml", "experiment_id: '0'\nname: Default\n")
    shutil.move(root / "1", root / ".trash" / "1")
    bring_in(store, root)
    experiment = store.experiment("wine")
    assert experiment.deleted
    assert [run.run_id for run in store.runs(["wine"], deleted=True).runs] == ["a" * 32]


def test_what_looks_like_a_secret_is_left_out_and_named(store: Store, isolated: Path) -> None:
    token = "ghp_" + "a1" * 18
    bring_in(store, make_store(isolated / "old", params__key=token, tags__note=f"see {token}"))
    record = store.find("a" * 32).record
    assert token not in str(record)
    assert record.left_out == ("params.key", "tags.note")


# -- what strangers made


def test_a_broken_run_is_named_and_hides_no_other(store: Store, isolated: Path) -> None:
    runs = ("a" * 32, "b" * 32, "c" * 32, "d" * 32, "e" * 32, "f" * 32)
    root = make_store(isolated / "old", *runs)
    (root / "1" / runs[0] / "meta.yaml").unlink()
    put(root / "1" / runs[1] / "meta.yaml", META.format(run="../../../escape"))
    put(root / "1" / runs[2] / "meta.yaml", b"name: \xff\xfe")
    put(
        root / "1" / runs[3] / "meta.yaml",
        "a: &a [x]\n"
        + "".join(
            f"a{n + 1}: &a{n + 1} [{', '.join([f'*a{n or chr(0)}'.replace(chr(0), '')] * 9)}]\n"
            for n in range(9)
        ),
    )
    put(
        root / "1" / runs[4] / "meta.yaml",
        META.format(run=runs[4]).replace("status: 3", "status: x"),
    )
    taken = bring_in(store, root)
    assert taken.runs == 1
    assert [run.run_id for run in store.runs().runs] == [runs[5]]
    assert len(taken.problems) == 5
    assert not (isolated / "escape").exists()


def test_links_and_pipes_are_not_followed(store: Store, isolated: Path) -> None:
    put(isolated / "outside" / "secret.txt", "mine")
    root = make_store(isolated / "old", artifacts__kept="yes", params__plain="1")
    run = root / "1" / ("a" * 32)
    (run / "artifacts" / "link.txt").symlink_to(isolated / "outside" / "secret.txt")
    (run / "artifacts" / "folder").symlink_to(isolated / "outside")
    (run / "params" / "linked").symlink_to(isolated / "outside" / "secret.txt")
    os.mkfifo(run / "artifacts" / "pipe")
    (root / "1" / ("b" * 32)).symlink_to(run)
    (root / "2").symlink_to(isolated / "outside")
    taken = bring_in(store, root)
    assert set(tree(store.find("a" * 32).folder)) == {"run.json", "artifacts/kept"}
    assert store.find("a" * 32).record.params == {"plain": "1"}
    assert len(taken.problems) == 5


def test_a_store_cannot_name_files_of_the_machine_as_artifacts(
    store: Store, isolated: Path
) -> None:
    put(isolated / "outside" / "secret.txt", "mine")
    root = make_store(isolated / "old")
    meta = root / "1" / ("a" * 32) / "meta.yaml"
    uri = (isolated / "outside").as_uri()
    meta.write_text(
        meta.read_text().replace(f"file:///home/ana/mlruns/1/{'a' * 32}/artifacts", uri)
    )
    taken = bring_in(store, root)
    assert not store.find("a" * 32).artifacts.exists()
    assert [problem.hint for problem in taken.problems] == ["name it with --artifacts"]


def test_a_metric_file_without_lines_is_left_out_however_large(
    store: Store, isolated: Path
) -> None:
    root = make_store(isolated / "old", metrics__fine="100 0.5 0\n")
    for name, size in (("huge", 10 << 30), ("zeros", 1 << 20)):
        with (root / "1" / ("a" * 32) / "metrics" / name).open("wb") as file:
            file.truncate(size)
    taken = bring_in(store, root)
    assert set(store.find("a" * 32).record.metrics) == {"fine"}
    assert said(taken) == [
        "huge: the rest is left out: no line of a metric is so long",
        "zeros: the rest is left out: no line of a metric is so long",
    ]


def test_broken_lines_of_a_metric_are_counted(store: Store, isolated: Path) -> None:
    lines = b"100 0.5 0\nnonsense\n\xff\xfe 1\n101 0.25 1\n102 0.1 99999999999999999999\n103 0.1"
    taken = bring_in(store, make_store(isolated / "old", metrics__loss=lines))
    assert [point.value for point in store.find("a" * 32).history("loss")] == [0.5, 0.1, 0.25]
    assert [(problem.line, problem.message) for problem in taken.problems] == [
        (2, "3 lines are left out: the first is no metric")
    ]


def test_text_of_another_encoding_is_kept_so_that_it_can_be_seen(
    store: Store, isolated: Path
) -> None:
    taken = bring_in(store, make_store(isolated / "old", params__name="Zoë".encode("latin-1")))
    assert store.find("a" * 32).record.params == {"name": "Zo\\xeb"}
    assert len(taken.problems) == 1


def test_names_and_registered_models_of_a_stranger_are_a_line_each(
    store: Store, isolated: Path
) -> None:
    root = make_store(isolated / "old", params__fine="1")
    run = root / "1" / ("a" * 32)
    meta = (run / "meta.yaml").read_text().replace("user_id: ana\n", "")
    (run / "meta.yaml").write_text(meta)
    put(run / "params" / "new\nline", "1")
    put(root / "2" / "meta.yaml", 'name: "we\\nird"\n')
    put(root / "models" / "evil" / "meta.yaml", "name: ../../evil\n")
    put(root / "models" / "v" / "meta.yaml", "name: v\n")
    put(root / "models" / "v" / "version-1" / "meta.yaml", "version: x\n")
    taken = bring_in(store, root)
    record = store.find("a" * 32).record
    assert (record.params, record.user) == ({"fine": "1"}, None)
    assert len(taken.problems) == 4
    assert not (store.root / "models").exists()


def test_artifacts_that_git_would_not_take_are_named(store: Store, isolated: Path) -> None:
    root = make_store(
        isolated / "old", **{"artifacts__.git__config": "x", "artifacts__.gitignore": "*"}
    )
    taken = bring_in(store, root)
    artifacts = store.find("a" * 32).artifacts
    assert [path.name for path in artifacts.iterdir()] == ["_.gitignore"]
    assert len(taken.problems) == 1
