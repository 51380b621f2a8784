"""search_runs, as a DataFrame and as a list."""

from __future__ import annotations

import math

import pytest

import gittrack as mlflow
from gittrack.errors import FilterError, InvalidValueError, NotFoundError, TrackingWarning
from gittrack.runs import edits
from gittrack.runs.edits import Edit
from tests.conftest import python
from tests.making import START, write_run


@pytest.fixture
def runs(store):
    """Two runs of wine, a deleted one, and one of beer."""
    write_run(store, "a1", start_time=START, metrics={"acc": 0.5}, params={"alpha": 0.1})
    write_run(
        store, "a2", start_time=START + 1, metrics={"acc": 0.9, "loss": 1}, tags={"team": "x"}
    )
    gone = write_run(store, "a3", start_time=START + 2)
    edits.write(gone.folder, Edit(deleted=True))
    write_run(store, "b1", start_time=START + 3, experiment="beer", status="RUNNING", end_time=None)
    mlflow.set_experiment("wine")


def ids(**given):
    return [run.info.run_id for run in mlflow.search_runs(output_format="list", **given)]


@pytest.mark.usefixtures("runs")
class TestList:
    def test_the_chosen_experiment_newest_first(self):
        assert ids() == ["a2", "a1"]

    def test_experiments_by_id_and_by_name(self):
        assert ids(experiment_ids=["beer"]) == ["b1"]
        assert ids(experiment_names=["beer", "wine"]) == ["b1", "a2", "a1"]

    def test_all_experiments(self):
        assert ids(search_all_experiments=True) == ["b1", "a2", "a1"]

    def test_a_filter_an_order_and_a_limit(self):
        assert ids(filter_string="metrics.acc > 0.6") == ["a2"]
        assert ids(order_by=["metrics.acc ASC"]) == ["a1", "a2"]
        assert ids(max_results=1) == ["a2"]
        assert ids(max_results=0) == []

    def test_deleted_runs_only_when_asked_for(self):
        assert ids(run_view_type=mlflow.ViewType.DELETED_ONLY) == ["a3"]
        assert ids(run_view_type=mlflow.ViewType.ALL) == ["a3", "a2", "a1"]

    def test_a_name_that_no_experiment_has_yet_has_no_runs(self):
        with pytest.warns(TrackingWarning, match="no experiment 'nowhere'"):
            assert ids(experiment_names=["nowhere"]) == []
        with pytest.warns(TrackingWarning, match="no experiment 'nowhere'"):
            assert ids(experiment_names=["beer", "nowhere"]) == ["b1"]

    def test_what_cannot_be_is_refused(self):
        with pytest.raises(FilterError):
            ids(filter_string="metrics.acc >")
        with pytest.raises(NotFoundError):
            ids(experiment_ids=["nowhere"])
        with pytest.raises(InvalidValueError, match="not both"):
            ids(experiment_ids=["wine"], experiment_names=["beer"])
        with pytest.raises(InvalidValueError, match="max_results"):
            ids(max_results=-1)
        with pytest.raises(InvalidValueError, match="run_view_type"):
            ids(run_view_type=7)
        with pytest.raises(InvalidValueError, match="output format"):
            mlflow.search_runs(output_format="csv")

    def test_a_broken_run_hides_no_other(self, store):
        (store.find("a1").folder / "run.json").write_text("{")
        assert ids() == ["a2"]


@pytest.mark.usefixtures("runs")
class TestPandas:
    def test_a_row_a_run_and_sorted_columns(self):
        frame = mlflow.search_runs(search_all_experiments=True)
        first = ["run_id", "experiment_id", "status", "artifact_uri", "start_time", "end_time"]
        assert list(frame.columns[:6]) == first
        rest = list(frame.columns[6:])
        assert [name for name in rest if name.startswith(("metrics", "params"))] == [
            "metrics.acc",
            "metrics.loss",
            "params.alpha",
        ]
        assert rest == sorted(rest)
        assert list(frame["run_id"]) == ["b1", "a2", "a1"]

    def test_values_have_their_types_and_missing_ones_are_missing(self):
        frame = mlflow.search_runs(search_all_experiments=True).set_index("run_id")
        assert frame["metrics.acc"].dtype == "float64"
        assert frame.loc["a2", "metrics.acc"] == 0.9
        assert math.isnan(frame.loc["b1", "metrics.acc"])
        assert frame.loc["a1", "params.alpha"] == "0.1"
        assert frame.loc["a2", "params.alpha"] is None
        assert str(frame["start_time"].dt.tz) == "UTC"
        assert frame["start_time"].dt.year.tolist() == [2026] * 3
        assert frame["end_time"].isna().tolist() == [True, False, False]

    def test_nothing_found_is_an_empty_frame_with_the_same_columns(self):
        frame = mlflow.search_runs(filter_string="metrics.acc > 2")
        assert len(frame) == 0
        assert "run_id" in frame.columns


@pytest.mark.usefixtures("runs")
def test_without_pandas_the_line_that_installs_it_is_given():
    block = "import sys; sys.modules['pandas'] = None; import gittrack as g\n"
    done = python(block + "g.search_runs(search_all_experiments=True)", check=False)
    assert done.returncode == 1
    assert "MissingPackageError" in done.stderr
    assert "hint: pip install pandas" in done.stderr
    listed = python(
        block + "print(len(g.search_runs(search_all_experiments=True, output_format='list')))"
    )
    assert listed.stdout == "3\n"
