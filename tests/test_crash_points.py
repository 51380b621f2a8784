"""Each system call that a run makes on its way: the process dies before it, or the disk fails it.

`strace` counts the calls of the main thread and strikes at the first, the second, and so on, until
there are no more.
"""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gittrack.runs.store import Store
from tests.conftest import git

pytestmark = [pytest.mark.slow, pytest.mark.needs("program:strace")]

STEPS = 5
# What is acknowledged is noted by another call than those that are struck.
SCRIPT = f"""
import os
import gittrack
noted = os.open("acknowledged", os.O_RDWR | os.O_CREAT)
gittrack.start_run(run_name="struck")
gittrack.log_params({{"alpha": 1}})
for step in range({STEPS}):
    gittrack.log_metric("n", step, step=step)
    os.pwrite(noted, b"%d" % (step + 1), 0)
gittrack.end_run()
os.pwrite(noted, b"ended", 0)
"""


def strike(call: str, what: str) -> subprocess.CompletedProcess[str]:
    """Run the script with one of its system calls struck, where it comes to it."""
    command = ["strace", "-qq", "-o", "trace", "-e", f"trace={call}", "-e", f"inject={call}:{what}"]
    return subprocess.run(
        [*command, sys.executable, "script.py"], capture_output=True, text=True, check=False
    )


@pytest.fixture(autouse=True)
def script(isolated):
    (isolated / "script.py").write_text(SCRIPT)
    git("init", "-q")


def fresh(folder: Path) -> None:
    """Take away what the last strike left."""
    subprocess.run(["rm", "-rf", "mlruns", "acknowledged", "trace"], check=True, cwd=folder)


@pytest.mark.parametrize("call", ["write", "fsync", "rename", "link", "unlink", "mkdir", "flock"])
def test_a_process_that_dies_before_any_call_leaves_all_that_was_acknowledged(isolated, call):
    for number in itertools.count(1):
        fresh(isolated)
        done = strike(call, f"signal=KILL:when={number}")
        if done.returncode == 0:
            break
        store = Store.open()
        noted = Path("acknowledged")
        acknowledged = noted.read_text() if noted.exists() else ""
        listing = store.runs()
        # A folder without a record is named: the process died while it made the run.
        assert all("has no run.json" in problem.message for problem in listing.problems)
        if not acknowledged:
            continue
        (run,) = listing.runs
        steps = [point.step for point in run.history("n")]
        ended = acknowledged == "ended"
        assert steps == list(range(len(steps)))
        assert len(steps) >= (STEPS if ended else int(acknowledged)), number
        assert run.record.metrics["n"].count == len(steps)
        assert run.record.params == {"alpha": 1}
        if ended:
            assert run.record.status == "FINISHED"
    assert number > 1


@pytest.mark.parametrize(
    ("call", "error"),
    [
        ("write", "EIO"),
        ("write", "ENOSPC"),
        ("fsync", "EIO"),
        ("rename", "EACCES"),
        ("link", "EPERM"),
        ("unlink", "EROFS"),
        ("mkdir", "ENOSPC"),
        ("pwrite64", "ENOSPC"),
        ("flock", "ENOLCK"),
    ],
)
def test_whichever_call_the_system_refuses_the_script_ends_well(isolated, call, error):
    text = SCRIPT.replace("os.pwrite", "(lambda *_: None)")
    filed = 'gittrack.log_text("x", "a.txt")\ngittrack.end_run()'
    (isolated / "script.py").write_text(text.replace("gittrack.end_run()", filed))
    for number in itertools.count(1):
        fresh(isolated)
        done = strike(call, f"error={error}:when={number}")
        assert done.returncode == 0, done.stderr
        if "(INJECTED)" not in Path("trace").read_text():
            break
        elsewhere = re.search(r"this run is kept in (\S+),", done.stderr)
        store = Store(Path(elsewhere[1])) if elsewhere else Store.open()
        (run,) = store.runs().runs
        record = run.record
        lost = {item.rpartition(": ")[0] for item in record.left_out}
        lines = sum(int(what.split()[0]) for what in lost if what.endswith(" lines"))
        written = record.metrics["n"].count if record.metrics else 0
        assert not run.problems
        assert written + lines == STEPS, (number, done.stderr)
        assert ("params.alpha" in lost) != ("alpha" in record.params)
        # A folder that was not flushed may hold the file all the same.
        assert "artifacts/a.txt" in lost or (run.artifacts / "a.txt").read_text() == "x"
        if lost:
            assert "could not be written" in done.stderr
        if elsewhere:
            subprocess.run(["rm", "-rf", str(store.root.parent)], check=True)
    assert number > 1
