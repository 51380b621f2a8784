"""What is here as others read it: MLflow of both ages, spreadsheets, pandas, JSON."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gittrack import yamlfile
from gittrack.cli.main import main
from gittrack.errors import AlreadyExistsError, StoreError
from gittrack.exchange import importers, taking
from gittrack.exchange.exporters import mlflow, tables
from gittrack.exchange.incoming import Left
from gittrack.registry import Registry
from gittrack.runs import edits
from gittrack.runs.edits import Edit
from gittrack.runs.record import to_bytes
from gittrack.runs.store import Store
from tests.exchange.conftest import AGES, Made, read_by_mlflow
from tests.making import shut, without_rights, write_run

LINES = '{"step":0,"time":1,"metrics":{"loss":1.0}}\n{"step":1,"time":2,"metrics":{"loss":"NaN"}}\n'


def bring_in(store: Store, path: Path) -> Left:
    left = Left()
    taking.take(store, importers.choose(None, path).read(path, left, folders=()), left)
    return left


def export(store: Store, target: Path) -> Left:
    left = Left()
    every = [item.experiment_id for item in store.experiments(deleted=True)]
    mlflow.export(store, target, list(store.run_folders(every)), left)
    return left


def command(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["--store", "mlruns", "export", *arguments])
    return int(str(ended.value.code))


def make(store: Store, run_id: str = "aaa", **given: Any):
    run = write_run(store, run_id, files={"metrics.jsonl": LINES}, **given)
    (run.folder / "run.json").write_bytes(to_bytes(run.record))
    return run


def tree(root: Path) -> dict[str, bytes]:
    files = (path for path in root.rglob("*") if path.is_file() and ".cache" not in path.parts)
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in files}


def normal(experiments: dict[str, Any]) -> dict[str, Any]:
    """Return what both MLflows tell of the same runs, less what the elder does not know."""
    text = json.dumps(experiments).replace("1.7976931348623157e+308", "inf")
    found = json.loads(text)
    for experiment in found.values():
        for run in experiment["runs"].values():
            del run["inputs"], run["artifacts"]
            if experiment["stage"] == "deleted":
                del run["stage"]  # MLflow 1 leaves its runs as they are, MLflow 3 deletes them too
            run["user"] = {"unknown": "", None: ""}.get(run["user"], run["user"])
            run["metrics"] = {name: sorted(points) for name, points in run["metrics"].items()}
    return found


@pytest.mark.slow
@pytest.mark.xdist_group("mlflow-stores")
@pytest.mark.needs("env:mlflow-1.30", "env:mlflow-3.17")
@pytest.mark.parametrize(("age", "kind"), [("mlflow-1.30", "database"), ("mlflow-3.17", "files")])
def test_both_mlflows_read_back_every_value(
    store: Store, isolated: Path, made: Made, age: str, kind: str
) -> None:
    path, original = made.store(age, kind)
    bring_in(store, path)
    out = isolated / "out" / "mlruns"
    assert export(store, out).problems == []
    wanted = normal(original)
    for reader in AGES:
        read = read_by_mlflow(reader, out.as_uri(), isolated)
        read.setdefault("Default", original.get("Default"))
        found = normal(read)
        for name, experiment in wanted.items():
            for run_id, run in experiment["runs"].items():
                theirs = found[name]["runs"][run_id]
                if run["name"] is None:  # a run of MLflow 1 may have none
                    run["name"] = run["tags"]["mlflow.runName"] = theirs["name"]
                assert theirs == run, (reader, run_id)
            assert found[name]["stage"] == experiment["stage"]
            assert found[name]["tags"] == experiment["tags"]
        if reader == "mlflow-3.17":
            for name, experiment in original.items():
                for run_id, run in experiment["runs"].items():
                    theirs = read[name]["runs"][run_id]
                    assert theirs["inputs"] == run["inputs"]
                    assert set(run["artifacts"]) <= set(theirs["artifacts"])


def test_a_store_comes_back_from_mlflows_form_as_it_was(store: Store, isolated: Path) -> None:
    run = make(
        store,
        experiment="Größe",
        params={"a": "0.50", "b/c": "two\nlines", "quote": '"\\é😀'},
        tags={"team": "a"},
        source={"type": "LOCAL", "command": "train.py"},
        inputs=({"name": "w", "digest": "1", "source": "w.csv", "source_type": "local"},),
    )
    (run.folder / "artifacts" / "model").mkdir(parents=True)
    (run.folder / "artifacts" / "model" / "MLmodel").write_text(
        "flavors: {python_function: {loader_module: x}}\n"
    )
    make(store, "bbb", parent="aaa")
    registry = Registry(store)
    registry.register("wine", run_id="aaa", path="model", digest="sha256:0")
    registry.set_alias("wine", "champion", 1)
    edits.write(store.root / run.experiment_id, Edit(note="about sizes"))
    export(store, isolated / "out")
    back = Store(isolated / "back" / "mlruns")
    assert bring_in(back, isolated / "out").problems == []
    assert store.find("aaa").record == back.find("aaa").record
    assert back.find("bbb").record.parent == "aaa"
    assert back.experiment("Größe").description == "about sizes"
    assert Registry(back).model("wine").aliases == {"champion": 1}


def test_a_metric_whose_history_is_not_here_has_its_last_value(store: Store, isolated) -> None:
    run = write_run(store, "aaa", metrics={"loss": 0.25}, start_time=5, end_time=7)
    export(store, isolated / "out")
    assert next((isolated / "out").glob("*/aaa/metrics/loss")).read_text() == (
        f"7 0.25 {run.record.metrics['loss'].step}\n"
    )


def test_a_second_export_adds_only_what_is_new(store: Store, isolated: Path) -> None:
    make(store)
    export(store, isolated / "out")
    before = tree(isolated / "out")
    make(store, "bbb")
    export(store, isolated / "out")
    after = tree(isolated / "out")
    assert {name for name in after if name not in before and "bbb" not in name} == set()
    assert any("bbb" in name for name in after)


def test_a_run_that_another_export_writes_meanwhile_is_known(
    store: Store, isolated: Path, monkeypatch
) -> None:
    run = make(store)
    real = mlflow._Writer._fill

    def meanwhile(*given: Any) -> None:
        monkeypatch.setattr(mlflow._Writer, "_fill", real)
        export(store, isolated / "out")
        real(*given)

    monkeypatch.setattr(mlflow._Writer, "_fill", meanwhile)
    exported = mlflow.export(store, isolated / "out", [run.folder], Left())
    assert exported == (0, 1)
    assert not list((isolated / "out").glob("*.gittrack-tmp"))


def test_a_folder_of_something_else_is_left_alone(store: Store, isolated: Path) -> None:
    make(store)
    (isolated / "out").mkdir()
    (isolated / "out" / "precious").write_text("x")
    with pytest.raises(AlreadyExistsError, match="holds something else"):
        export(store, isolated / "out")
    with pytest.raises(StoreError):
        export(store, isolated / "out" / "precious" / "below")


def test_names_that_mlflow_takes_not_are_left_and_named(store: Store, isolated: Path) -> None:
    make(store, params={"a": "1", "a/b": "2", "../up": "3", "weird?": "4", "x" * 251: "5"})
    left = export(store, isolated / "out")
    assert len(left.problems) == 4
    assert not (isolated / "out" / "up").exists()
    names = {path.name for path in (isolated / "out").rglob("params/*")}
    assert names == {"a"}


@settings(max_examples=200)
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_every_text_stands_in_yaml_as_it_is(text: str) -> None:
    document = mlflow._yaml({"name": text, "more": {"a": [text, 1, None]}})
    assert yamlfile.load(document.encode()) == {"name": text, "more": {"a": [text, 1, None]}}


# -- tables


def test_runs_as_csv_have_a_column_for_everything(store: Store, capfdbinary) -> None:
    make(store, "aaa", params={"lr": 0.1, "f": "=cmd()"}, tags={"team": "a"})
    make(store, "bbb", params={"lr": "-1"}, start_time=1_795_411_600_000)
    assert command("csv") == 0
    text = capfdbinary.readouterr().out.decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["run_id"] for row in rows] == ["bbb", "aaa"]
    assert (rows[1]["params.lr"], rows[1]["params.f"], rows[1]["tags.team"]) == (
        "0.1",
        "'=cmd()",
        "a",
    )
    assert (rows[0]["params.lr"], rows[0]["params.f"]) == ("-1", "")
    assert rows[1]["metrics.loss"] == "NaN"
    assert rows[1]["start_time"] == "2026-11-23T05:25:10.252Z"


def test_histories_have_a_row_for_every_value(store: Store, isolated: Path) -> None:
    make(store, "aaa")
    make(store, "bbb")
    assert command("csv", "aaa", "--history", "-o", "out.csv") == 0
    assert (isolated / "out.csv").read_text() == (
        "run_id,metric,step,time,value\n"
        "aaa,loss,0,1970-01-01T00:00:00.001Z,1.0\n"
        "aaa,loss,1,1970-01-01T00:00:00.002Z,NaN\n"
    )
    assert command("json", "--history", "-f", "metrics.loss != 5", "-o", "out.json") == 0
    points = json.loads((isolated / "out.json").read_text())
    assert len(points) == 4
    assert points[1]["value"] == "NaN"


def test_json_keeps_the_kind_of_a_param_and_leaves_out_what_is_not_there(
    store: Store, isolated: Path
) -> None:
    make(store, params={"lr": 0.1, "on": True, "n": "7"})
    assert command("json", "-o", "out.json") == 0
    (run,) = json.loads((isolated / "out.json").read_text())
    assert (run["params.lr"], run["params.on"], run["params.n"]) == (0.1, True, "7")
    assert "note" not in run
    command("json", "-f", "metrics.loss > 5", "-o", "out.json")
    assert json.loads((isolated / "out.json").read_text()) == []


def test_parquet_has_times_numbers_and_texts(store: Store, isolated: Path) -> None:
    from pyarrow import parquet

    make(store, params={"lr": 0.1})
    assert command("parquet", "-o", "out.parquet") == 0
    (row,) = parquet.read_table(isolated / "out.parquet").to_pylist()
    assert row["params.lr"] == "0.1"
    assert math.isnan(row["metrics.loss"])
    assert row["start_time"].isoformat() == "2026-11-23T05:25:10.252000+00:00"
    assert command("parquet", "--history", "-o", "out.parquet") == 0
    rows = parquet.read_table(isolated / "out.parquet").to_pylist()
    assert (rows[0]["step"], rows[0]["value"]) == (0, 1.0)


def test_a_file_is_written_whole_or_not_at_all(store: Store, isolated: Path, monkeypatch) -> None:
    make(store)
    (isolated / "out.csv").write_text("before")

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tables.csv, "writer", fail)
    assert command("csv", "-o", "out.csv") == 5
    assert (isolated / "out.csv").read_text() == "before"
    assert [path.name for path in isolated.glob("*.gittrack-tmp")] == []


def test_what_makes_no_sense_is_refused(store: Store) -> None:
    make(store)
    assert command("parquet") == 2
    assert command("csv", "aaa", "-f", "metrics.loss > 5") == 2
    assert command("csv", "zzz") == 3
    assert command("csv", "-o", "no/such/folder/x.csv") == 5


@pytest.mark.skipif(os.name == "nt", reason="Windows has no pseudo-terminals")
@pytest.mark.parametrize("form", ["csv", "json"])
def test_a_terminal_gets_escapes_and_a_pipe_the_bytes(store: Store, form: str) -> None:
    write_run(store, "aaa", name="red\x1b[31m", params={"p": "\x1b]0;title\x07"})
    command = [sys.executable, "-m", "gittrack", "export", form]
    piped = subprocess.run(command, check=True, capture_output=True).stdout
    ours, theirs = os.openpty()
    subprocess.run(command, check=True, stdout=theirs)
    os.close(theirs)
    shown = b""
    with suppress(OSError):  # the end of a terminal that nobody holds any more
        while piece := os.read(ours, 1 << 16):
            shown += piece
    os.close(ours)
    assert b"\x1b" not in shown
    assert b"aaa" in shown
    assert b"\x1b[31m" in piped or form == "json"


@pytest.mark.needs("program:setpriv")
@pytest.mark.parametrize(
    "command", [("export", "mlflow", "out"), ("export", "csv"), ("archive", "a.tar", "--before=0d")]
)
def test_what_may_not_be_read_is_said_and_the_rest_goes_out(
    store: Store, command: tuple[str, ...]
) -> None:
    write_run(store, "aaa", experiment="other")
    write_run(store, "bbb")
    with shut(store.root / "wine"):
        done = without_rights(*command)
    assert done.returncode == 0, done.stderr
    assert "warning: cannot read mlruns/wine: Permission denied" in done.stderr
    assert "1 run" in done.stderr or "aaa" in done.stdout
