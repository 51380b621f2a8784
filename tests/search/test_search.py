from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest

from gittrack import search
from gittrack.errors import FilterError, InvalidValueError, NotFoundError
from gittrack.runs import edits
from gittrack.runs.edits import Edit
from tests.making import START, write_run

if TYPE_CHECKING:
    from gittrack.runs.store import Store


def ids(store: Store, **options: Any) -> str:
    return "".join(run.run_id for run in search.runs(store, **options).runs)


def test_runs_come_newest_first_then_by_id(store: Store) -> None:
    for run_id, start in (("b", 1000), ("a", 1000), ("c", 2000)):
        write_run(store, run_id, start_time=START + start)
    assert ids(store) == "cab"
    assert ids(store, max_results=2) == "ca"
    assert ids(store, max_results=0) == ""


def test_an_empty_store_has_no_runs(store: Store) -> None:
    assert search.runs(store, filter_string="metrics.acc > 1").runs == []
    assert not store.root.exists()


def test_filter_and_order(store: Store) -> None:
    for run_id, acc, alpha in (("a", 0.9, 0.1), ("b", 0.7, 10), ("c", 0.8, 2)):
        write_run(store, run_id, metrics={"acc": acc}, params={"alpha": alpha})
    assert ids(store, filter_string="metrics.acc > 0.75", order_by=["metrics.acc"]) == "ca"
    assert ids(store, order_by=["params.alpha DESC"]) == "bca"
    assert ids(store, order_by=["attributes.run_id desc"]) == "cba"


def test_missing_and_nan_come_last_in_both_directions(store: Store) -> None:
    for run_id, metrics in (("a", {}), ("b", {"x": 1}), ("c", {"x": math.nan}), ("d", {"x": 2})):
        write_run(store, run_id, metrics=metrics)
    assert ids(store, order_by=["metrics.x asc"]) == "bdca"
    assert ids(store, order_by=["metrics.x desc"]) == "dbca"


def test_numbers_come_before_text_in_params(store: Store) -> None:
    for run_id, value in (("a", "abc"), ("b", 10), ("c", "9"), ("d", None), ("e", True)):
        write_run(store, run_id, params={"x": value})
    assert ids(store, order_by=["params.x"]) == "cbead"
    assert ids(store, order_by=["params.x desc"]) == "aebcd"


def test_later_clauses_order_what_earlier_ones_leave_equal(store: Store) -> None:
    for run_id, team, acc in (("a", "x", 1), ("b", "y", 2), ("c", "x", 3)):
        write_run(store, run_id, tags={"team": team}, metrics={"acc": acc})
    assert ids(store, order_by=["tags.team desc", "metrics.acc desc"]) == "bca"
    assert ids(store, order_by=["tags.team, metrics.acc desc"]) == "cab"


def test_experiments_are_named_or_given_by_id(store: Store) -> None:
    write_run(store, "a", experiment="wine")
    write_run(store, "b", experiment="Big Test")
    assert ids(store, experiments=["Big Test"]) == "b"
    assert ids(store, experiments=["wine", "wine", "Big Test"]) == "ab"
    assert ids(store, experiments=[]) == ""
    with pytest.raises(NotFoundError, match="no experiment 'wein'"):
        search.runs(store, experiments=["wein"])


def test_deleted_runs_are_seen_by_those_who_ask(store: Store) -> None:
    write_run(store, "a")
    edits.write(write_run(store, "b").folder, Edit(deleted=True))
    assert ids(store) == "a"
    assert ids(store, view="DELETED_ONLY") == "b"
    assert ids(store, view="ALL") == "ab"


def test_a_broken_run_is_a_problem_and_hides_no_other(store: Store) -> None:
    write_run(store, "a")
    broken = write_run(store, "b").folder
    (broken / "run.json").write_text("{")
    listing = search.runs(store)
    assert [run.run_id for run in listing.runs] == ["a"]
    assert [problem.path for problem in listing.problems] == [broken]


def test_wrong_orders_and_limits_are_refused(store: Store) -> None:
    with pytest.raises(FilterError, match="expected asc, desc, a comma or the end"):
        search.runs(store, order_by=["metrics.acc down"])
    with pytest.raises(FilterError, match="datasets give no order"):
        search.runs(store, order_by=["datasets.name"])
    with pytest.raises(FilterError, match="expected a key"):
        search.runs(store, order_by=[""])
    with pytest.raises(FilterError, match="^sort key, character 1: runs have no 'accuracy'") as no:
        search.runs(store, order_by=["accuracy"])
    assert no.value.hint == "write metrics.accuracy or params.accuracy"
    with pytest.raises(FilterError, match="^sort key, character 9: the quote ` is not closed"):
        search.runs(store, order_by=["metrics.`a"])
    with pytest.raises(InvalidValueError, match="max_results is -1"):
        search.runs(store, max_results=-1)


def test_names_that_no_run_has_are_told_with_the_nearest(store: Store) -> None:
    write_run(store, "a", metrics={"accuracy": 1}, tags={"team": "x"})
    known = search.known_keys(store)
    node = search.parse_filter(
        "metrics.acuracy > 1 or params.q = '1' or tags.team = 'x' or tags.mlflow.user = 'y'"
    )
    assert search.unknown_keys(node, known) == [
        "no run has a metric 'acuracy'; did you mean 'accuracy'?",
        "no run has a param 'q'",
    ]
    orders = search.parse_order(["metrics.acuracy desc, metrics.accuracy, start_time"])
    assert search.unknown_keys(search.parse_filter(""), known, orders) == [
        "no run has a metric 'acuracy'; did you mean 'accuracy'?"
    ]
