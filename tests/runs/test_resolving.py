"""A run that two clones went on with becomes one, and a record with markers hides no other."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gittrack.health import checking
from gittrack.health.repairing import Mender
from gittrack.runs import resolving
from gittrack.runs.record import to_bytes
from gittrack.runs.store import Store
from tests.conftest import git, make_repository, python
from tests.making import record, write_run

RESUME = """
import sys, gittrack
with gittrack.start_run(run_id=sys.argv[1]) as run:
    gittrack.log_param(sys.argv[2], 1)
    gittrack.set_tag("by", sys.argv[2])
    gittrack.log_metric("acc", float(sys.argv[3]), step=int(sys.argv[4]))
"""
FIRST = "import gittrack\nwith gittrack.start_run() as r: gittrack.log_metric('acc', 0.1, step=0)"


@pytest.fixture
def resumed(isolated: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A clone in the middle of a merge: both sides went on with the same run."""
    make_repository(isolated / "ana", {"x.py": ""})
    monkeypatch.chdir(isolated / "ana")
    python(FIRST)
    write_run(Store.open(), "othr")
    git("add", "-A")
    git("commit", "-q", "-m", "a run")
    git("clone", "-q", str(isolated / "ana"), str(isolated / "ben"))
    run_id = next(run.run_id for run in Store.open().runs().runs if run.run_id != "othr")
    for name, acc, step in (("ana", "0.5", "1"), ("ben", "0.7", "2")):
        python(RESUME, run_id, name, acc, step, cwd=isolated / name)
        git("add", "-A", cwd=isolated / name)
        git("commit", "-q", "-m", name, cwd=isolated / name)
    monkeypatch.chdir(isolated / "ben")
    pulled = subprocess.run(
        ["git", "pull", "-q", "--no-rebase", "--no-edit", "origin", "main"],
        check=False, capture_output=True,
    )  # fmt: skip
    assert pulled.returncode == 1
    return Store.open()


def mend(store: Store) -> None:
    Mender(store).mend(checking.check(store))


@pytest.mark.parametrize("committed", [False, True])
def test_a_run_resumed_in_two_clones_is_folded_into_one(resumed: Store, committed: bool) -> None:
    listing = resumed.runs()
    assert [run.run_id for run in listing.runs] == ["othr"]
    (problem,) = listing.problems
    assert "conflict markers" in problem.message
    assert "gittrack fsck --repair" in problem.hint
    if committed:  # by somebody who did not look
        git("add", "-A")
        git("commit", "-q", "-m", "merge")
    mend(resumed)
    run = next(run for run in resumed.runs().runs if run.run_id != "othr")
    assert {"ana", "ben"} <= set(run.record.params)
    assert run.record.metrics["acc"].last == 0.7
    assert run.record.metrics["acc"].count == 3
    assert run.record.tags["by"] in ("ana", "ben")
    assert not checking.check(resumed).faults
    if not committed:
        assert "UU" not in git("status", "--porcelain")
        git("commit", "-q", "--no-edit")


def test_records_of_two_runs_are_never_one() -> None:
    with pytest.raises(ValueError, match="of run aaaa and of run bbbb"):
        resolving.resolve(to_bytes(record("aaaa")), to_bytes(record("bbbb")))


@pytest.mark.parametrize(
    "text", ["", "x\n", "<<<<<<< a\nx\n", ">>>>>>> b\n", "=======\n<<<<<<< a\n"]
)
def test_markers_in_no_order_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="conflict markers"):
        resolving.sides(text.encode())


@pytest.mark.parametrize("style", ["merge", "diff3", "zdiff3"])
def test_both_sides_are_taken_from_what_git_wrote(style: str) -> None:
    for name, status in (("base", "RUNNING"), ("ours", "FINISHED"), ("theirs", "FAILED")):
        Path(name).write_bytes(to_bytes(record("aaaa", status=status, tags={name: "x"})))
    merged = subprocess.run(
        ["git", "-c", f"merge.conflictStyle={style}", "merge-file", "-p", "ours", "base", "theirs"],
        check=False, capture_output=True,
    ).stdout  # fmt: skip
    ours, theirs = resolving.sides(merged)
    assert json.loads(ours)["status"] == "FINISHED"
    assert json.loads(theirs)["status"] == "FAILED"


@given(st.sampled_from(["FINISHED", "FAILED", "KILLED"]), st.integers(0, 10), st.integers(0, 10))
def test_which_side_is_ours_makes_no_difference(status: str, first: int, second: int) -> None:
    one = to_bytes(record("aaaa", end_time=10**12 + first, params={"x": 1}))
    other = to_bytes(record("aaaa", end_time=10**12 + second, status=status, params={"y": 2}))
    assert resolving.resolve(one, other) == resolving.resolve(other, one)
