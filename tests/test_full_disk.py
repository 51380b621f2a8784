"""A disk that is full, rights that are missing, handles that are used up: the work goes on."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

import gittrack
from gittrack import paths
from gittrack.runs.store import Store
from tests.conftest import python

pytestmark = pytest.mark.slow


@pytest.fixture
def small(isolated):
    """A disk of a quarter of a megabyte."""
    folder = isolated / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)],
        check=False,
        capture_output=True,
    )
    if mounted.returncode:
        pytest.skip("a disk can be mounted by root only")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


FULL = """
import json, os, warnings
import gittrack

lost = 0
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    with open("ballast", "wb") as ballast:
        ballast.write(bytes(120_000))
    run = gittrack.start_run()
    for step in range(8_000):
        gittrack.log_metric("loss", 1 / (step + 1), step=step)
    gittrack.log_text("x" * 100_000, "too large.txt")
    os.unlink("ballast")  # somebody makes room
    for step in range(8_000, 8_100):
        gittrack.log_metric("loss", 1 / (step + 1), step=step)
    gittrack.log_param("after", "room")
    gittrack.end_run()
print(json.dumps([str(each.message) for each in said]))
"""


def test_a_full_disk_loses_what_is_said_and_nothing_else(small):
    done = python(FULL, cwd=small)
    said = json.loads(done.stdout)
    run = Store.open(small / "mlruns").find("@")
    record = run.record
    lost = sum(int(found[1]) for item in record.left_out if (found := re.match(r"(\d+) l", item)))
    steps = [point.step for point in run.history("loss")]
    assert 0 < lost < 8_000
    assert len(steps) + lost == 8_100
    # What came before the disk was full, and after there was room again, is all there.
    assert steps[:500] == list(range(500))
    assert steps[-100:] == list(range(8_000, 8_100))
    assert record.metrics["loss"].count == len(steps)
    assert record.params == {"after": "room"}
    assert record.status == "FINISHED"
    assert sum("metrics could not be written" in words for words in said) == 1
    # The line that was cut by the end of the disk was taken back.
    assert run.problems == ()


def test_a_disk_that_stays_full_ends_no_training(small):
    script = FULL.replace('os.unlink("ballast")', "pass")
    done = python(script, cwd=small)
    assert any("could not be written" in words for words in json.loads(done.stdout))
    (run,) = Store.open(small / "mlruns").runs().runs
    steps = [point.step for point in run.history("loss")]
    assert steps == list(range(len(steps)))
    assert run.record.metrics["loss"].count == len(steps) > 500
    assert run.record.status == "RUNNING" or run.record.left_out


KINDS = {
    "params.alpha": "log_param('alpha', 'a' * 900)",
    "params.beta": "log_params({'beta': 'b' * 900})",
    "tags.team": "set_tag('team', 't' * 900)",
    "inputs.data.csv": "log_input('data.csv', context='c' * 900)",
    "artifacts/a.txt": "log_text('x' * 9000, 'a.txt')",
    "artifacts/a.json": "log_dict({'x': 'x' * 9000}, 'a.json')",
    "artifacts/stream": "log_stream(io.BytesIO(bytes(9000)), 'stream')",
    "artifacts/data.csv": "log_artifact('data.csv')",
    "artifacts/plots/folder/one": "log_artifact('folder', 'plots')",
    "artifacts/two": "log_artifacts('folder')",
    "artifacts/image.png": "log_image(numpy.zeros((9, 9, 3)), 'image.png')",
    "artifacts/figure.svg": "log_figure(matplotlib.figure.Figure(), 'figure.svg')",
    "artifacts/table.json": "log_table({'a': [1, 2]}, 'table.json')",
    "artifacts/model": "sklearn.log_model(LinearRegression().fit([[1], [2]], [1, 2]), 'model')",
}
BEGUN = """
import io, json, os, warnings
import matplotlib.figure, numpy, pandas
from sklearn.linear_model import LinearRegression
import gittrack, gittrack.sklearn
if not os.path.exists("folder"):
    os.mkdir("folder")
    for name in ("data.csv", "folder/one", "folder/two"):
        open(name, "w").write("1,2,3\\n" * 2000)
gittrack.start_run(RUN)
ballast = open("ballast", "wb", buffering=0)
try:
    while True:
        ballast.write(bytes(1000))
except OSError:
    ballast.close()
"""


@pytest.mark.parametrize("joined", [False, True], ids=["owned", "joined"])
def test_whatever_is_lost_on_a_full_disk_is_warned_of_and_named(small, joined):
    if joined:  # another process owns the run, and writes its record
        owner = gittrack.MlflowClient(str(small / "mlruns")).create_run("0")
    begun = BEGUN.replace("RUN", repr(owner.info.run_id) if joined else "")
    calls = [*KINDS.values(), "log_metric('after', 1)", "end_run()"]
    lines = [*begun.splitlines(), *(f"gittrack.{call}" for call in calls)]
    lines.insert(-2, "os.unlink('ballast')")
    (small / "script.py").write_text("\n".join(lines))
    done = python(Path("script.py"), cwd=small)
    if joined:
        gittrack.MlflowClient(str(small / "mlruns")).set_terminated(owner.info.run_id)
    run = Store.open(small / "mlruns").find("@")
    named = dict(item.rsplit(": ", 1) for item in run.record.left_out)
    folders = {"artifacts/plots/folder/two", "artifacts/one"}
    assert named == dict.fromkeys({*KINDS, *folders}, "No space left on device")
    # Each is warned of once, at the line that tried to log it.
    for number, line in enumerate(lines, 1):
        if line.removeprefix("gittrack.") in KINDS.values():
            assert f"script.py:{number}: TrackingWarning" in done.stderr, line
    for what in named:
        assert done.stderr.count(f"{what} could not be written") == 1
    assert (run.record.metrics["after"].last, run.record.status) == (1, "FINISHED")
    assert [path.name for path in run.folder.rglob("*") if paths.TEMPORARY in path.name] == []
    checked = [sys.executable, "-m", "gittrack", "fsck"]
    subprocess.run(checked, cwd=small, check=True, capture_output=True)


def test_a_run_begun_on_a_full_disk_is_kept_elsewhere(small):
    (small / "ballast").write_bytes(bytes(256 * 1024 - 4096))
    done = python(
        "import gittrack\nwith gittrack.start_run(): gittrack.log_metric('a', 1)", cwd=small
    )
    kept = re.search(r"this run is kept in (\S+),", done.stderr)
    assert kept, done.stderr
    store = Store.open(kept[1])
    assert store.find("@").record.metrics["a"].last == 1
    subprocess.run(["rm", "-rf", str(store.root.parent)], check=True)


@pytest.fixture
def public():
    """A folder that every user may reach and write."""
    folder = Path(tempfile.mkdtemp(prefix="gittrack-public-"))
    folder.chmod(0o777)
    yield folder
    subprocess.run(["rm", "-rf", str(folder)], check=True)


# A root may do everything; a first run brings in all modules, which another user may not read.
AS_NOBODY = """
import os
import gittrack
gittrack.set_tracking_uri("first")
with gittrack.start_run():
    gittrack.log_metric("a", 0)
    gittrack.log_text("x", "a.txt")
gittrack.set_tracking_uri("")
if os.getuid() == 0:
    os.setuid(65534)
"""


@pytest.mark.parametrize("folder", ["mlruns", "mlruns/default", "mlruns/.cache/live"])
def test_a_folder_without_rights_ends_no_training(public, folder):
    (public / folder).mkdir(parents=True)
    (public / folder).chmod(0o555)
    script = "with gittrack.start_run(): gittrack.log_metric('a', 1)\nprint('done')"
    done = python(AS_NOBODY + script, cwd=public)
    assert done.stdout == "done\n"
    kept = re.search(r"Permission denied; this run is kept in (\S+),", done.stderr)
    assert kept, done.stderr
    assert Store.open(kept[1]).find("@").record.metrics["a"].last == 1
    subprocess.run(["rm", "-rf", str(Path(kept[1]).parent)], check=True)


def test_rights_that_are_taken_during_a_run_and_given_back_lose_no_line(public):
    script = """
with gittrack.start_run() as run:
    gittrack.log_metric("a", 0)
    folder = run.writer.folder
    folder.chmod(0o555)
    gittrack.log_metric("a", 1)
    gittrack.log_text("x", "a.txt")
    folder.chmod(0o755)
print("done")
"""
    done = python(AS_NOBODY + script, cwd=public)
    assert done.stdout == "done\n"
    assert "artifacts/a.txt could not be written" in done.stderr
    run = Store.open(public / "mlruns").find("@")
    assert (run.record.metrics["a"].count, run.record.status) == (2, "FINISHED")
    assert run.record.left_out == ("artifacts/a.txt: Permission denied",)


HANDLES = """
import os, resource
import gittrack
with gittrack.start_run(run_name="before"):  # brings in all modules
    gittrack.log_text("x", "a.txt")
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
taken = []
def take():
    try:
        while True:
            taken.append(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        pass
def give():
    while taken:
        os.close(taken.pop())
"""


def test_without_handles_the_work_goes_on_and_what_is_lost_is_said(store):
    script = HANDLES + (
        "take()\n"
        "gittrack.start_run(run_name='none')\n"
        "gittrack.log_metric('a', 1)\n"
        "gittrack.end_run()\n"
        "give()\n"
        "with gittrack.start_run(run_name='after'): gittrack.log_metric('a', 2)\n"
        "print('done')\n"
    )
    done = python(script)
    assert done.stdout == "done\n"
    assert "Too many open files" in done.stderr
    assert [run.record.name for run in store.runs().runs] == ["after", "before"]


def test_handles_that_run_out_during_a_run_stop_no_line(store):
    script = HANDLES + (
        "gittrack.start_run(run_name='during')\n"
        "gittrack.log_metric('a', 0, step=0)\n"
        "take()\n"
        "for step in range(1, 100): gittrack.log_metric('a', step, step=step)\n"
        "gittrack.log_text('x', 'a.txt')\n"
        "give()\n"
        "gittrack.end_run()\n"
    )
    done = python(script)
    assert "artifacts/a.txt could not be written" in done.stderr
    run = store.find("during")
    assert run.record.left_out == ("artifacts/a.txt: Too many open files",)
    assert run.record.metrics["a"].count == 100
    assert run.record.status == "FINISHED"


def test_a_terminal_that_hung_up_ends_no_training(store):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", "import gittrack\nwith gittrack.start_run(): pass"],
            stderr=full,
            check=False,
        )
    # Python itself exits with 120 where it cannot flush its streams.
    assert done.returncode in (0, 120)
    assert store.find("@").record.status == "FINISHED"
