"""Slurm: a real cluster of one node runs, fails and stops jobs."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import gittrack as package
from gittrack.errors import ToolError, UsageError
from gittrack.projects.backends import slurm
from gittrack.runs.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable

# One after the other: the cluster has one node.
pytestmark = pytest.mark.xdist_group("slurm")
needs_slurm = pytest.mark.needs("slurm")


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


@needs_slurm
@pytest.mark.parametrize("code", [0, 3])
def test_a_run_is_queued_run_and_waited_for(
    isolated: Path, store: Store, gittrack: Any, code: int
) -> None:
    (isolated / "t.py").write_text(
        "import os, sys, mlflow\nprint('job', os.environ['SLURM_JOB_ID'])\n"
        f"mlflow.log_metric('x', 1)\nsys.exit({code})\n"
    )
    command = ("run", ".", "-e", "t.py", "--backend", "slurm", "--backend-config")

    refused = gittrack(*command, '{"wrap": "touch pwned"}')
    done = gittrack(*command, '{"time": "5:00"}')

    assert refused.returncode == 2
    assert done.returncode == code, done.stderr
    (run,) = store.runs().runs
    assert run.record.status == ("FAILED" if code else "FINISHED")
    assert run.record.source["project"]["backend"] == "slurm"
    assert run.record.metrics["x"].last == 1
    assert (run.folder / "output.log").read_text().startswith("job ")
    assert not list((store.root / ".cache" / "jobs").iterdir())


@needs_slurm
def test_a_waiting_run_is_scheduled_and_can_be_cancelled(isolated: Path, store: Store) -> None:
    (isolated / "t.sh").write_text("true\n")

    run = package.run(
        ".", "t.sh", backend="slurm", backend_config={"begin": "now+1hour"}, synchronous=False
    )
    state = store.find(run.run_id).state()
    run.cancel()

    assert state == "scheduled"
    assert run.get_status() == "KILLED"
    assert not list((store.root / ".cache" / "jobs").iterdir())


@needs_slurm
def test_a_running_job_is_cancelled_with_its_run(isolated: Path, store: Store) -> None:
    (isolated / "t.sh").write_text("touch ready; sleep 600\n")

    run = package.run(".", "t.sh", backend="slurm", synchronous=False)
    until((isolated / "ready").exists)
    state = store.find(run.run_id).state()
    run.cancel()

    assert state == "running"
    assert run.get_status() == "KILLED"


@needs_slurm
def test_what_slurm_refuses_is_said_and_ends_the_run(isolated: Path, store: Store) -> None:
    (isolated / "t.sh").write_text("true\n")

    with pytest.raises(ToolError, match="sbatch failed"):
        package.run(".", "t.sh", backend="slurm", backend_config={"partition": "gone"})

    (run,) = store.runs().runs
    assert run.record.status == "KILLED"


@pytest.mark.parametrize("name", ["wrap", "output", "--x", "a b", "X", "export", ""])
def test_a_setting_is_a_plain_option_of_sbatch(name: str) -> None:
    with pytest.raises(UsageError, match="no setting"):
        slurm.check({name: "x"})


def test_without_slurm_it_is_said(
    isolated: Path, monkeypatch: pytest.MonkeyPatch, store: Store
) -> None:
    monkeypatch.setenv("PATH", str(isolated))
    (isolated / "t.sh").write_text("true\n")

    with pytest.raises(ToolError, match="no sbatch"):
        package.run(".", "t.sh", backend="slurm")

    assert not store.root.exists()
