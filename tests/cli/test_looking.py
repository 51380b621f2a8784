from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gittrack import schema
from gittrack.cli.main import main
from gittrack.runs import edits
from gittrack.runs.edits import Edit
from gittrack.runs.record import MetricSummary
from gittrack.runs.store import Store
from tests.making import START, shut, without_rights, write_run

if TYPE_CHECKING:
    from collections.abc import Iterator

MLMODEL = "flavors:\n  sklearn: {pickled_model: model.pkl}\n  python_function: {loader_module: m}\n"
EVIL = "=cmd()[red]\x1b[31m\n|"


def call(capsys: pytest.CaptureFixture[str], *args: str, code: int = 0) -> tuple[str, str]:
    with pytest.raises(SystemExit) as caught:
        main(args)
    out, err = capsys.readouterr()
    assert (caught.value.code or 0) == code, err
    return out, err


def data_of(capsys: pytest.CaptureFixture[str], *args: str, code: int = 0) -> Any:
    """Run a command with --json, check what it says against the schema, and return its data."""
    out, _ = call(capsys, *args, "--json", code=code)
    envelope = json.loads(out)
    assert schema.check("output", envelope) == []
    return envelope["data"]


@pytest.fixture
def two(store: Store) -> Store:
    """Two runs of the wine project."""
    for index, run_id in enumerate(("k3v9x2mq7d", "a9q0t3m4xz")):
        alpha = (0.5, 0.1)[index]
        write_run(
            store,
            run_id,
            start_time=START + index * 1000,
            name=("brave-otter", "calm-fox")[index],
            params={"alpha": alpha, "solver": "saga"},
            metrics={
                "rmse": MetricSummary(0.78 - 0.08 * index, 19, 0.7, 1.3, 20),
                "acc": MetricSummary(0.9, 0, 0.9, 0.9, 1),
            },
            tags={"team": "a"},
            user="Ana",
            python="3.11.7",
            platform="Linux-x86_64",
            source={
                "type": "PROJECT",
                "command": f"python train.py --alpha {alpha}",
                "project": {"uri": "examples/wine", "entry_point": "main"},
                "git": {"commit": f"{index}" * 40, "branch": "main", "dirty": bool(index)},
            },
            inputs=({"name": "wine.csv", "digest": "sha256:1", "context": "training"},),
            files={
                "requirements.txt": f"numpy=={1 + index}.0\nscipy==1.0\n",
                "artifacts/roc.png": b"x" * 1234,
                "artifacts/model/MLmodel": MLMODEL,
                "artifacts/model/model.pkl": b"x" * (100 + index),
            },
        )
    return store


# -- ls


@pytest.mark.usefixtures("two")
def test_ls_as_a_process() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "gittrack", "ls"], check=True, capture_output=True, text=True
    )
    header, *rows = done.stdout.splitlines()
    assert header.split() == [
        "run",
        "name",
        "started",
        "took",
        "rmse",
        "alpha",
    ]
    assert [row.split()[:2] for row in rows] == [
        ["a9q0t3m4xz", "calm-fox"],
        ["k3v9x2mq7d", "brave-otter"],
    ]
    assert rows[0].endswith("1 min 01 s   0.7    0.1")
    assert done.stderr == ""


def test_ls_of_one_run_shows_all_it_has(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    write_run(store, "k3v9x2mq7d", params={"alpha": 0.5}, metrics={"acc": 0.9})
    out, _ = call(capsys, "ls")
    assert out.splitlines()[0].split()[-2:] == ["acc", "alpha"]


@pytest.mark.usefixtures("two")
def test_ls_filters_sorts_and_limits(capsys: pytest.CaptureFixture[str]) -> None:
    assert [run["run_id"] for run in data_of(capsys, "ls", "-s", "params.alpha desc")] == [
        "k3v9x2mq7d",
        "a9q0t3m4xz",
    ]
    assert len(data_of(capsys, "ls", "-f", "params.alpha < 0.2")) == 1
    assert len(data_of(capsys, "ls", "-e", "wine", "-e", "Default")) == 2
    out, err = call(capsys, "ls", "-n", "1")
    assert "calm-fox" in out
    assert "brave-otter" not in out
    assert err == "1 of 2 runs; -n 0 shows all\n"


@pytest.mark.usefixtures("two")
def test_what_is_filtered_by_is_shown_even_where_it_does_not_vary(
    capsys: pytest.CaptureFixture[str],
) -> None:
    out, _ = call(capsys, "ls", "-f", "metrics.acc > 0.5", "-s", "params.solver")
    assert out.splitlines()[0].split()[-4:] == ["acc", "rmse", "solver", "alpha"]


@pytest.mark.usefixtures("two")
def test_ls_data(capsys: pytest.CaptureFixture[str]) -> None:
    newest, _ = data_of(capsys, "ls")
    assert newest["run_id"] == "a9q0t3m4xz"
    assert newest["params"] == {"alpha": 0.1, "solver": "saga"}
    assert newest["metrics"]["rmse"]["count"] == 20
    assert newest["start_time"] == "2026-11-23T05:25:11.252Z"


@pytest.mark.usefixtures("two")
def test_ls_csv_has_every_column_in_full(capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = call(capsys, "ls", "--csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert rows[1]["metrics.acc"] == "0.9"
    assert rows[1]["params.solver"] == "saga"
    assert rows[1]["tags.team"] == "a"
    assert rows[1]["end_time"] == "2026-11-23T05:26:11.585Z"


@pytest.mark.usefixtures("two")
def test_ls_markdown(capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = call(capsys, "ls", "--md")
    assert out.splitlines()[1].count("|") == 7
    assert "| k3v9x2mq7d | brave-otter | " in out


@pytest.mark.parametrize("columns", ["40", "80", "140"])
def test_ls_keeps_within_the_terminal(
    store: Store,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    columns: str,
) -> None:
    for run_id in ("k3v9x2mq7d", "a9q0t3m4xz"):
        many = {f"metric_number_{index}": hash((run_id, index)) % 97 / 7 for index in range(30)}
        write_run(store, run_id, metrics=many, name="日本" * 30)
    monkeypatch.setenv("COLUMNS", columns)
    out, _ = call(capsys, "ls")
    assert max(map(len, out.splitlines())) <= int(columns)
    assert "more in a wider window" in out


def test_an_empty_store_says_what_to_type(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    out, err = call(capsys, "ls")
    assert out == ""
    assert f"no runs in {store.root} yet" in err
    assert "hint: gittrack run PROJECT" in err
    assert data_of(capsys, "ls") == []
    assert not store.root.exists()


@pytest.mark.usefixtures("two")
def test_a_filter_that_fits_nothing_says_what_is_misspelt(
    capsys: pytest.CaptureFixture[str],
) -> None:
    out, err = call(capsys, "ls", "-f", "metrics.rsme < 1")
    assert out == ""
    assert "none of the 2 runs" in err
    assert "hint: no run has a metric 'rsme'; did you mean 'rmse'?" in err


@pytest.mark.usefixtures("two")
def test_a_sort_key_that_no_run_has_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    out, err = call(capsys, "ls", "-s", "metrics.rsme desc")
    assert "brave-otter" in out
    assert err == "warning: sort key: no run has a metric 'rsme'; did you mean 'rmse'?\n"
    assert call(capsys, "ls", "-s", "metrics.rmse")[1] == ""
    _, err = call(capsys, "ls", "-s", "rmse", code=2)
    assert err.startswith("error: sort key, character 1: runs have no 'rmse'")
    assert "metrics.rmse" in err


def test_a_sort_key_that_only_other_runs_have_is_fine(
    two: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run(two, "b000000000", metrics={"f1": 1})
    filtered = ("ls", "-f", "metrics.acc > 0", "-s", "metrics.f1")
    assert call(capsys, *filtered)[1] == ""


def test_a_narrow_window_keeps_the_name_and_drops_what_most_runs_lack_first(
    store: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for index in range(4):
        metrics = {f"a_rarely_measured_{number}": index for number in range(3) if not index}
        metrics |= {"val_accuracy_top_1": index / 7, "val_accuracy_top_5": index / 9}
        params = {"learning_rate": index / 3} | ({"a_rare_param": 1} if index == 1 else {})
        write_run(
            store,
            f"a{index:09}",
            name=f"a-rather-long-name-{index}",
            metrics=metrics,
            params=params,
        )
    monkeypatch.setenv("COLUMNS", "104")
    header, *rows, note = call(capsys, "ls")[0].splitlines()
    assert header.split()[:2] == ["run", "name"]
    assert header.split()[-3:] == ["val_accuracy_top_1", "val_accuracy_top_5", "learning_rate"]
    assert "a_rarely_measured_0" in note
    assert "a_rare_p" in note
    assert all("a-rather-long-name-" in row for row in rows)
    for columns in ("40", "80"):
        monkeypatch.setenv("COLUMNS", columns)
        assert "a-rather-long-name-2" in call(capsys, "ls")[0]


@pytest.mark.parametrize("words", ["ls", "show @", "diff @ @~1", "tag @ a=1", "restore @"])
def test_a_named_store_that_is_none_is_an_error(
    words: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GITTRACK_DIR", "")  # which --store sets, to be put back behind the test
    (tmp_path / "README.md").write_text("text")
    out, err = call(capsys, "--store", str(tmp_path / "README.md"), *words.split(), code=5)
    assert out == ""
    assert err.startswith(f"error: {tmp_path}/README.md is a file, not a folder\nhint: ")
    out, err = call(capsys, "--store", str(tmp_path / "none"), *words.split(), code=3)
    assert out == ""
    assert err.startswith(f"error: there is no folder {tmp_path}/none\nhint: name a folder")
    assert not (tmp_path / "none").exists()


def test_a_broken_run_is_one_line_of_warning(
    two: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = write_run(two, "b000000000").folder
    (broken / "run.json").write_text("<<<<<<< HEAD\n")
    out, err = call(capsys, "ls")
    assert "calm-fox" in out
    assert err.count("\n") == 1
    assert err.startswith("warning: mlruns/wine/20261123-052510-b000000000/run.json holds the conf")
    out, _ = call(capsys, "ls", "--json")
    assert [problem["path"] for problem in json.loads(out)["problems"]] == [str(broken)]


def test_deleted_runs_are_listed_with_all(two: Store, capsys: pytest.CaptureFixture[str]) -> None:
    edits.write(two.find("calm-fox").folder, Edit(deleted=True))
    assert "calm-fox" not in call(capsys, "ls")[0]
    out, _ = call(capsys, "ls", "--all")
    assert [row.split()[:3] for row in out.splitlines()] == [
        ["run", "name", "state"],
        ["a9q0t3m4xz", "calm-fox", "deleted"],
        ["k3v9x2mq7d", "brave-otter", "finished"],
    ]


def test_state_and_experiment_are_columns_where_they_say_something(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run(store, "k3v9x2mq7d", status="FAILED")
    assert call(capsys, "ls")[0].splitlines()[0].split() == [
        "run",
        "name",
        "state",
        "started",
        "took",
    ]
    write_run(store, "a9q0t3m4xz", experiment="beer", params={"state": "x", "experiment": 1})
    out, _ = call(capsys, "ls", "-f", "params.state = 'x'")
    assert out.splitlines()[0].split()[2:] == ["started", "took", "state", "experiment"]
    assert call(capsys, "ls")[0].splitlines()[0].split()[2:4] == ["experiment", "state"]
    assert "experiment,status" in call(capsys, "ls", "-e", "beer", "--csv")[0]


def test_long_names_and_params_are_cut_in_the_listing_only(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run(store, "k3v9x2mq7d", name="n" * 30, params={"text": "t" * 30})
    row = call(capsys, "ls")[0].splitlines()[1]
    assert "n" * 23 + "…  " in row
    assert row.endswith("  " + "t" * 23 + "…")
    assert "t" * 30 in call(capsys, "ls", "--csv")[0]


def test_a_metric_and_a_param_of_one_name_are_told_apart(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run(store, "k3v9x2mq7d", params={"x": 1}, metrics={"x": 2})
    assert call(capsys, "ls")[0].splitlines()[0].split()[-2:] == ["metrics.x", "params.x"]


def test_names_with_numbers_are_sorted_as_people_do(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run(store, "k3v9x2mq7d", metrics={"m10": 1, "m9": 1, "m1": 1})
    assert call(capsys, "ls")[0].splitlines()[0].split()[-3:] == ["m1", "m9", "m10"]
    assert call(capsys, "ls", "-s", "metrics.m10")[0].splitlines()[0].split()[-3] == "m10"


# -- show


@pytest.mark.usefixtures("two")
def test_show_as_a_process() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "gittrack", "show", "k3"], check=True, capture_output=True, text=True
    )
    first, rest = done.stdout.split("\n", 1)
    assert first == "brave-otter  k3v9x2mq7d"
    for line in (
        "state       finished",
        "took        1 min 01 s",
        "project     examples/wine, main",
        "commit      0000000000 on main",
        "packages    2 in requirements.txt",
        "data        wine.csv (training)",
        "params\n  alpha   0.5\n  solver  saga",
        "metrics  last  step  min  max  count\n  acc     0.9     0  0.9  0.9      1",
        "  rmse   0.78    19  0.7  1.3     20",
        "models\n  runs:/k3v9x2mq7d/model  sklearn, python_function",
        "artifacts (3 files, 1.4 kB)\n  model/\n    MLmodel      85 B\n    model.pkl   100 B",
        "  roc.png      1.2 kB",
    ):
        assert line in rest


def test_show_data(two: Store, capsys: pytest.CaptureFixture[str]) -> None:
    edits.write(two.find("k3").folder, Edit(note="the good one", tags={"team": "b"}))
    run = data_of(capsys, "show", "k3")
    assert run["note"] == "the good one"
    assert run["tags"] == {"team": "b"}
    assert run["models"] == [
        {"uri": "runs:/k3v9x2mq7d/model", "flavors": ["sklearn", "python_function"]}
    ]
    assert {"path": "roc.png", "size": 1234} in run["artifacts"]
    assert run["source"]["project"]["uri"] == "examples/wine"
    out, _ = call(capsys, "show", "k3", "--csv")
    assert "metric,rmse.last,0.78" in out.splitlines()
    assert "### params" in call(capsys, "show", "k3", "--md")[0]


def test_show_cuts_very_long_text_but_not_in_json(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "x" * 100_000
    write_run(store, "k3v9x2mq7d", params={"text": text, "short": "y" * 400}, tags={"t": text})
    out, _ = call(capsys, "show", "k3")
    assert out.count("… (100,000 characters)") == 2
    assert "y" * 400 in out
    assert "x" * 401 not in out
    assert "x" * 401 not in call(capsys, "show", "k3", "--md")[0]
    shown = data_of(capsys, "show", "k3")
    assert shown["params"]["text"] == shown["tags"]["t"] == text
    assert text in call(capsys, "show", "k3", "--csv")[0]


def test_show_survives_a_broken_model_and_a_run_with_nothing(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run(store, "k3v9x2mq7d", files={"artifacts/m/MLmodel": "{"})
    write_run(store, "a9q0t3m4xz", end_time=None)
    assert "runs:/k3v9x2mq7d/m" in call(capsys, "show", "k3")[0]
    out, _ = call(capsys, "show", "a9")
    assert out.splitlines()[-1].startswith("folder")
    data_of(capsys, "show", "a9")


# -- diff


@pytest.mark.usefixtures("two")
def test_diff_as_a_process() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "gittrack", "diff", "k3", "a9"],
        check=True,
        capture_output=True,
        text=True,
    )
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    # What follows is a time, and from the next day on a date.
    assert lines[1].startswith("k3v9x2mq7d brave-otter finished ")
    assert lines[2].startswith("a9q0t3m4xz calm-fox finished ")
    for line in (
        "params k3v9x2mq7d a9q0t3m4xz",
        "alpha 0.5 0.1",
        "rmse 0.78 0.7 -0.08 (-10.3 %, better)",
        "commit 0000000000 1111111111",
        "uncommitted no yes",
        "numpy 1.0 2.0",
        "model/model.pkl 100 B 101 B +1 -1 lines",
    ):
        assert line in lines
    assert not any(
        word in done.stdout for word in ("solver", "acc ", "team", "scipy", "roc.png", "wine.csv")
    )
    assert "which files differ is not known" in done.stderr


@pytest.mark.usefixtures("two")
def test_diff_data_and_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    difference = data_of(capsys, "diff", "k3", "a9", "--exit-code", code=1)
    assert difference["different"] is True
    assert difference["params"] == [{"name": "alpha", "first": 0.5, "second": 0.1}]
    assert difference["metrics"][0]["relative"] == pytest.approx(-0.08 / 0.78)
    assert difference["environment"]["packages"][0]["name"] == "numpy"
    assert data_of(capsys, "diff", "k3", "k3", "--exit-code")["different"] is False


@pytest.mark.usefixtures("two")
def test_diff_of_equal_runs_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    out, err = call(capsys, "diff", "@", "a9", "--exit-code")
    assert out == ""
    assert (
        "are the same in params, metrics, tags, code, environment, datasets, models and artifacts"
        in err
    )


@pytest.mark.usefixtures("two")
def test_diff_csv_and_markdown(capsys: pytest.CaptureFixture[str]) -> None:
    rows = list(csv.reader(io.StringIO(call(capsys, "diff", "k3", "a9", "--csv")[0])))
    assert rows[0] == ["section", "name", "k3v9x2mq7d", "a9q0t3m4xz", "change"]
    assert ["params", "alpha", "0.5", "0.1", ""] in rows
    assert ["code", "commit", "0" * 40, "1" * 40, ""] in rows
    assert "| params | alpha | 0.5 | 0.1 |  |" in call(capsys, "diff", "k3", "a9", "--md")[0]


def test_diff_lays_out_each_section_on_its_own(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    for run_id, text in (("k3v9x2mq7d", "a" * 70), ("a9q0t3m4xz", "b" * 70)):
        inputs = ({"name": text[:20], "digest": f"sha256:{text}"},)
        write_run(store, run_id, metrics={"acc": len(text[:1]) / ord(text[0])}, tags={"x": text})
        write_run(store, f"{run_id[:9]}2", params={"on": text > "b"}, inputs=inputs)
    out, _ = call(capsys, "diff", "k3v9x2mq7d", "a9q0t3m4xz")
    assert "  acc      0.010309    0.010204  -0.000105 (-1.02 %, worse)" in out.splitlines()
    out, _ = call(capsys, "diff", "k3v9x2mq72", "a9q0t3m4x2")
    params, datasets = out.split("\n\n")[1:]
    assert params == "params  k3v9x2mq72  a9q0t3m4x2\n  on    False       True"
    assert datasets.splitlines() == [
        "datasets                k3v9x2mq72         a9q0t3m4x2",
        f"  {'a' * 20}  sha256:{'a' * 10}  -",
        f"  {'b' * 20}  -                  sha256:{'b' * 10}",
    ]
    data_of(capsys, "diff", "k3v9x2mq72", "a9q0t3m4x2")


# -- hostile text


def test_text_from_files_is_harmless_everywhere(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    for run_id in ("k3v9x2mq7d", "a9q0t3m4xz"):
        write_run(
            store,
            run_id,
            name=EVIL,
            params={EVIL: EVIL + run_id},
            metrics={EVIL: len(run_id)},
            tags={EVIL: EVIL},
            source={"command": EVIL, "git": {"commit": EVIL, "branch": EVIL}},
            files={"artifacts/=x[red].txt": run_id},
        )
    commands = (["ls"], ["show", "k3"], ["diff", "k3", "a9"])
    for command in commands:
        for form in ([], ["--csv"], ["--md"], ["--json"]):
            out, err = call(capsys, *command, *form)
            assert "\x1b" not in out + err
            assert "[red]" in out.replace("\\", "")
        data_of(capsys, *command)
    rows = csv.reader(io.StringIO(call(capsys, "ls", "--csv")[0]))
    assert not any(cell.startswith("=") for row in rows for cell in row)


# -- hostile files


@pytest.fixture
def times(two: Store) -> Store:
    """Two runs, one of which began in the year one."""
    path = two.find("k3").folder / "run.json"
    path.write_text(path.read_text().replace("2026-11-23T05:25:10", "0001-01-01T00:00:00"))
    return two


@pytest.mark.usefixtures("times")
@pytest.mark.parametrize("words", ["ls", "show k3", "diff k3 a9"])
def test_a_run_of_the_year_one_is_shown(
    words: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Etc/GMT+2")
    time.tzset()
    try:
        for form in ([], ["--csv"], ["--md"], ["--json"]):
            assert "k3v9x2mq7d" in call(capsys, *words.split(), *form)[0]
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_record_nested_deeply_is_shown(two: Store, capsys: pytest.CaptureFixture[str]) -> None:
    path = two.find("k3").folder / "run.json"
    deep = "[" * 600 + "]" * 600
    record = json.loads(path.read_text())
    record["source"] = {"command": "DEEP", "git": {"commit": "DEEP"}}
    record["inputs"] = [{"name": "DEEP"}]
    path.write_text(json.dumps(record).replace('"DEEP"', deep))
    for words in (["show", "k3"], ["diff", "k3", "a9"]):
        for form in ([], ["--csv"], ["--md"]):
            call(capsys, *words, *form)
    assert "nested too deeply" in json.dumps(data_of(capsys, "show", "k3"))
    data_of(capsys, "diff", "k3", "a9")


def test_links_and_pipes_are_not_followed(two: Store, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = (two.find(run_id) for run_id in ("k3", "a9"))
    for run in (first, second):
        (run.folder / "requirements.txt").unlink()
    (first.folder / "requirements.txt").symlink_to("/etc/passwd")
    os.mkfifo(second.folder / "requirements.txt")
    (first.artifacts / "model" / "MLmodel").unlink()
    os.mkfifo(first.artifacts / "model" / "MLmodel")
    second.artifacts.rename(second.folder / "moved")
    second.artifacts.symlink_to("/etc")
    shown = [
        call(capsys, *words) for words in (["show", "k3"], ["show", "a9"], ["diff", "k3", "a9"])
    ]
    text = "".join(out + err for out, err in shown)
    assert "root:" not in text
    assert "hostname" not in text
    assert "artifacts: is no folder, and links are not followed" in shown[1][1]
    assert "requirements.txt: is a link" in shown[2][1]


def test_what_a_killed_process_left_half_written_is_not_listed(
    two: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    left = two.find("k3").artifacts / "model.abcdefgh.gittrack-tmp"
    left.mkdir()
    (left / "MLmodel").write_text(MLMODEL)
    assert "gittrack-tmp" not in call(capsys, "show", "k3")[0]
    assert "gittrack-tmp" not in call(capsys, "diff", "k3", "a9")[0]


@pytest.fixture
def shared() -> Iterator[Store]:
    """A store that every user can reach, but for parts of it."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        store = Store.open(Path(folder) / "mlruns")
        for run_id in ("b000000000", "c000000000"):
            run = write_run(store, run_id, files={"artifacts/x": run_id, "artifacts/shut/y": "2"})
            (run.artifacts / "x").chmod(0)
            (run.artifacts / "shut").chmod(0)
        yield store


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only root can become another")
def test_what_may_not_be_read_is_a_warning_and_never_a_pass(
    shared: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    shut = shared.find("b0").artifacts / "shut"
    words = ("--store", str(shared.root))
    call(capsys, *words, "show", "b0")  # what it imports may not be readable to others
    call(capsys, *words, "diff", "b0", "b0")
    os.seteuid(65534)
    try:
        _, err = call(capsys, *words, "diff", "b0", "c0", "--exit-code", code=4)
        shown = call(capsys, *words, "show", "b0")[1]
        named = call(capsys, *words, "show", f"{shut}/y", code=5)[1]
    finally:
        os.seteuid(0)
    assert "artifacts/x: Permission denied" in err
    assert "artifacts/shut: Permission denied" in err
    assert "as far as they could be read" in err
    assert "artifacts/shut: Permission denied" in shown
    assert f"cannot read {shut}/y: Permission denied" in named


@pytest.mark.needs("program:setpriv")
def test_an_experiment_that_may_not_be_searched_is_a_warning_beside_the_others(
    two: Store,
) -> None:
    write_run(two, "other00000", experiment="other")
    for mode in (0, 0o600):
        with shut(two.root / "wine", mode):
            listed = without_rights("ls", "-q")
            named = without_rights("show", "k3v9x2mq7d")
        assert listed.stdout == "other00000\n"
        assert "warning: cannot read mlruns/wine: Permission denied" in listed.stderr
        assert (named.returncode, "no run 'k3v9x2mq7d'" in named.stderr) == (3, True)


# -- what a listing shows


@pytest.fixture
def nested(store: Store) -> Store:
    """A parent with two children, one of which has a child of its own, and two that go round."""
    course = "".join(
        f'{{"step":{step},"time":{step},"metrics":{{"loss":{8 - step}.0}}}}\n' for step in range(8)
    )
    for at, (run_id, parent) in enumerate(
        [("top", None), ("left", "top"), ("right", "top"), ("deep", "left"), ("elsewhere", "gone")]
    ):
        files = {"metrics.jsonl": course} if run_id == "deep" else {}
        write_run(store, run_id, name=run_id, parent=parent, start_time=START + at, files=files)
    return store


@pytest.mark.usefixtures("nested")
def test_ls_as_a_tree_puts_runs_below_their_parents(capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = call(capsys, "ls", "--tree", "-c", "name")
    assert out.splitlines() == ["name", "elsewhere", "top", "└ right", "└ left", "  └ deep"]


def test_runs_that_are_each_others_parents_are_listed_all_the_same(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run(store, "a", parent="b")
    write_run(store, "b", parent="a")
    assert sorted(call(capsys, "ls", "--tree", "-q")[0].split()) == ["a", "b"]


@pytest.mark.usefixtures("nested")
def test_ls_draws_the_course_of_a_metric(capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = call(capsys, "ls", "--spark", "loss", "-c", "run_id")
    assert "deep       █▇▆▅▄▃▂▁" in out.splitlines()
    _, err = call(capsys, "ls", "--spark", "lss")
    assert err == "warning: course: no run has a metric 'lss'; did you mean 'loss'?\n"


@pytest.mark.usefixtures("nested")
def test_ls_quiet_is_ids_for_other_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(capsys, "ls", "-q", "-n", "2")[0] == "elsewhere\ndeep\n"
    assert call(capsys, "ls", "-q", "-f", "name = 'none'")[0] == ""
    _, err = call(capsys, "ls", "-q", "--json", code=2)
    assert "--json and --quiet exclude each other" in err


@pytest.mark.usefixtures("two")
def test_ls_shows_the_columns_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    keys = "run_id, status, metrics.rmse, params.alpha, tags.team, commit, datasets.name"
    out, _ = call(capsys, "ls", "-c", keys, "-c", "user_id", "--csv")
    rows = list(csv.reader(io.StringIO(out)))
    assert rows[0] == ["run", "state", "rmse", "alpha", "team", "commit", "name", "user"]
    assert rows[2] == ["k3v9x2mq7d", "finished", "0.78", "0.5", "a", "0" * 40, "wine.csv", "Ana"]
    _, err = call(capsys, "ls", "-c", "metrics.acc, nme", code=2)
    assert "error: column, character 14: runs have no 'nme'" in err
    assert "hint: did you mean name?" in err


def test_a_note_of_several_lines_is_shown_in_lines(
    two: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    edits.write(two.find("k3").folder, Edit(note="one\ntwo \x1b[31m\r\n\n[red]three\n"))
    lines = call(capsys, "show", "k3")[0].splitlines()
    at = next(at for at, line in enumerate(lines) if line.startswith("note"))
    assert [line[12:] for line in lines[at : at + 4]] == [
        "one",
        "two \\x1b[31m\\r",
        "",
        "[red]three",
    ]
    assert "one<br>two" in call(capsys, "show", "k3", "--md")[0]


@pytest.mark.usefixtures("nested")
def test_show_draws_each_metric_that_has_a_course(capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = call(capsys, "show", "deep")
    lines = out.splitlines()
    chart = lines[lines.index("loss") + 1 :]
    assert chart[0].startswith("8.0┤⠉")
    assert chart[5].startswith("1.0┤")
    assert "┤" not in call(capsys, "show", "deep", "--md")[0]
    assert "┤" not in call(capsys, "show", "top")[0]
