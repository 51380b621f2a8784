"""The runs of two revisions are compared without a checkout; and many runs in one table."""

from __future__ import annotations

from pathlib import Path

import pytest

from gittrack.compare.branches import compare_revisions
from gittrack.compare.changes import ABSENT
from gittrack.compare.many import compare_many
from gittrack.runs import edits
from gittrack.runs.edits import Edit
from gittrack.runs.store import Store
from tests.conftest import git, make_repository
from tests.making import write_run


def commit() -> None:
    git("add", "-A")
    git("commit", "-q", "-m", "runs")


@pytest.fixture
def branched(isolated: Path, store: Store) -> Store:
    make_repository(isolated)
    for run_id, acc in (("aaaa", 0.7), ("bbbb", 0.8)):
        write_run(store, run_id, metrics={"acc": acc, "odd": 1, "loss": float("nan")})
    commit()
    git("checkout", "-q", "-b", "feature")
    write_run(store, "cccc", metrics={"acc": 0.9, "loss": 0.1})
    edits.write(store.find("aaaa").folder, Edit(tags={"seen": "yes"}))
    git("rm", "-q", "-r", str(store.find("bbbb").folder))
    commit()
    git("checkout", "-q", "main")
    return store


def test_new_gone_and_changed_runs_and_the_best_of_each(branched: Store) -> None:
    found = compare_revisions(branched, "main", "feature")
    assert [run.run_id for run in found.new] == ["cccc"]
    assert [run.run_id for run in found.gone] == ["bbbb"]
    assert [run.run_id for run in found.changed] == ["aaaa"]
    acc, loss = found.best
    assert (acc.metric, acc.first.run_id, acc.second.run_id) == ("acc", "bbbb", "cccc")
    assert acc.change.better is True
    assert (loss.first, loss.second.run_id) == (None, "cccc")
    assert found.undirected == ("odd",)
    assert not compare_revisions(branched, "main", "main")


def test_a_revision_and_the_store_on_disk(branched: Store) -> None:
    write_run(branched, "dddd")
    assert [run.run_id for run in compare_revisions(branched, "main", "").new] == ["dddd"]


def test_many_runs_in_one_table(store: Store) -> None:
    runs = [
        write_run(store, f"run{n}", params={"same": 1, "lr": n, **({"x": 1} if n else {})},
                  metrics={"acc": n / 10, "nan": float("nan")}, tags={"t": str(n % 2)})
        for n in range(3)
    ]  # fmt: skip
    found = compare_many(runs)
    assert [(row.part, row.name) for row in found.rows] == [
        ("params", "lr"), ("params", "x"), ("metrics", "acc"), ("tags", "t")
    ]  # fmt: skip
    assert found.rows[1].values == (ABSENT, 1, 1)
    assert {row.part for row in compare_many(runs, parts=["tags"]).rows} == {"tags"}
    assert "same" in {row.name for row in compare_many(runs, everything=True).rows}
