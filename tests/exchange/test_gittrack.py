"""Runs of another tree: taken whole, once, and never mixed with another run of their id."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from gittrack.errors import RunStateError
from gittrack.exchange import importers, taking
from gittrack.exchange.incoming import Left
from gittrack.exchange.taking import Taken
from gittrack.runs import edits, live
from gittrack.runs.edits import Edit
from gittrack.runs.record import RUNNING
from gittrack.runs.store import Store
from tests.making import write_run

LINES = '{"step":0,"time":1,"metrics":{"loss":1.0}}\n{"step":1,"time":2,"metrics":{"loss":0.5}}\n'


@pytest.fixture
def job(isolated: Path) -> Store:
    """Another tree, such as a CI job's."""
    return Store(isolated / "job" / "mlruns")


def bring_in(store: Store, path: Path) -> Taken:
    left = Left()
    source = importers.choose(None, path).read(path, left, folders=())
    return taking.take(store, source, left)


def tree(root: Path) -> dict[str, bytes]:
    files = (path for path in root.rglob("*") if path.is_file() and ".cache" not in path.parts)
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in files}


def test_all_of_a_tree_comes_byte_for_byte_and_once(store: Store, job: Store) -> None:
    run = write_run(job, "aaa", files={"metrics.jsonl": LINES, "artifacts/a/model": b"\0\1"})
    write_run(job, "bbb", experiment="Größe")
    edits.write(run.folder, Edit(tags={"checked": "yes"}))
    edits.write(run.folder.parent, Edit(note="about wines"))
    taken = bring_in(store, job.root.parent)
    assert (taken.runs, taken.known, taken.problems) == (2, 0, [])
    assert tree(store.root) == tree(job.root)
    again = bring_in(store, job.root)
    assert (again.runs, again.renewed, again.known) == (0, 0, 2)
    assert tree(store.root) == tree(job.root)


def test_what_is_added_to_a_run_later_is_added_here(store: Store, job: Store) -> None:
    run = write_run(job, "aaa", status=RUNNING, end_time=None, files={"metrics.jsonl": LINES[:43]})
    bring_in(store, job.root)
    edits.write(store.find("aaa").folder, Edit(note="mine"))
    shutil.rmtree(run.folder)
    run = write_run(job, "aaa", files={"metrics.jsonl": LINES, "artifacts/late": "x"})
    edits.write(run.folder, Edit(tags={"theirs": "yes"}))
    taken = bring_in(store, job.root)
    assert (taken.runs, taken.renewed, taken.problems) == (0, 1, [])
    found = store.find("aaa")
    assert (found.note, found.record.tags) == ("mine", {"theirs": "yes"})
    assert found.record.status == "FINISHED"
    assert [point.value for point in found.history("loss")] == [1.0, 0.5]
    assert (found.artifacts / "late").is_file()


def test_an_older_copy_of_a_run_takes_nothing_back(store: Store, job: Store) -> None:
    write_run(store, "aaa", files={"metrics.jsonl": LINES})
    write_run(job, "aaa", status=RUNNING, end_time=None, files={"metrics.jsonl": LINES[:43]})
    before = tree(store.root)
    assert bring_in(store, job.root).known == 1
    assert tree(store.root) == before


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"params": {"alpha": 2}}, "run.json differs"),
        ({"files": {"metrics.jsonl": LINES.replace("0.5", "0.4")}}, "metrics.jsonl differs"),
        ({"files": {"artifacts/model": "other"}}, "model differs"),
        ({"experiment": "beer"}, "it is wine/"),
        ({"start_time": 1_795_411_999_000}, "it is wine/"),
    ],
)
def test_another_run_of_the_same_id_is_refused(
    store: Store, job: Store, other: dict[str, object], reason: str
) -> None:
    write_run(store, "aaa", files={"metrics.jsonl": LINES, "artifacts/model": "mine!"})
    write_run(job, "aaa", **{"files": {}, **other})  # type: ignore[arg-type]
    before = tree(store.root)
    taken = bring_in(store, job.root)
    assert tree(store.root) == before
    assert "another run has that id, and is kept: " + reason in taken.problems[0].message


def test_a_link_in_a_run_is_not_taken(store: Store, job: Store, isolated: Path) -> None:
    run = write_run(job, "aaa", files={"artifacts/plain": "x"})
    (isolated / "secret").write_text("mine")
    (run.artifacts / "link").symlink_to(isolated / "secret")
    taken = bring_in(store, job.root)
    assert [path.name for path in store.find("aaa").artifacts.iterdir()] == ["plain"]
    assert "link" in str(taken.problems[0])
    assert bring_in(store, job.root).renewed == 0


def test_two_imports_do_not_meet(store: Store, job: Store) -> None:
    write_run(job, "aaa")
    store.prepare()
    mark = live.take(store.root, ".import")
    assert mark is not None
    with pytest.raises(RunStateError, match="another import"):
        bring_in(store, job.root)
    mark.release()
    assert bring_in(store, job.root).runs == 1
