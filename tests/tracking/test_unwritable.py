"""A record never harms the work: where nothing can be written, the script still ends well."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import gittrack
from gittrack.errors import TrackingWarning
from gittrack.runs.store import Store
from tests.conftest import python

SCRIPT = """
import gittrack
for step in range(3):
    gittrack.log_metric("loss", 1 / (step + 1), step=step)
print("the work is done")
"""


def spare_store(words: str) -> Store:
    found = re.search(r"this run is kept in (\S+),", words)
    assert found is not None, words
    return Store(Path(found[1]))


@pytest.fixture
def read_only(isolated):
    """A folder on a file system that takes no writes."""
    folder = isolated / "read-only"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "ro,size=64k", "tmpfs", str(folder)], check=False
    )
    if mounted.returncode:
        pytest.skip("a file system can be mounted by root only")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_in_a_folder_that_cannot_be_written_the_run_is_kept_elsewhere(read_only):
    done = python(SCRIPT, cwd=read_only)
    assert done.stdout == "the work is done\n"
    store = spare_store(done.stderr)
    (run,) = store.runs().runs
    assert run.record.metrics["loss"].count == 3
    assert run.record.status == "FINISHED"
    shutil.rmtree(store.root.parent)


def test_a_file_in_the_way_of_the_store_does_not_stop_the_work(isolated):
    (isolated / "mlruns").write_text("in the way")
    done = python(SCRIPT, cwd=isolated)
    assert done.stdout == "the work is done\n"
    store = spare_store(done.stderr)
    (run,) = store.runs().runs
    assert run.record.metrics["loss"].count == 3
    shutil.rmtree(store.root.parent)


def test_where_nothing_at_all_can_be_written_each_loss_is_said_once(isolated):
    (isolated / "mlruns").write_text("in the way")
    script = f"import os, tempfile; tempfile.tempdir = {str(isolated / 'mlruns')!r}\n" + SCRIPT
    done = python(script, cwd=isolated)
    assert done.stdout == "the work is done\n"
    assert done.stderr.count("metrics could not be written") == 1


def test_a_working_folder_that_was_removed_does_not_stop_the_work(isolated):
    # Python itself may fail to import in a folder that is gone, so there is a run before.
    before = "import os, gittrack\nwith gittrack.start_run(): pass\n"
    removed = "os.mkdir('gone'); os.chdir('gone'); os.rmdir('../gone')\n"
    done = python(before + removed + SCRIPT, cwd=isolated)
    assert done.stdout == "the work is done\n"
    shutil.rmtree(spare_store(done.stderr).root.parent)


def test_without_standard_error_the_work_goes_on(isolated):
    command = f"{sys.executable} -c 'import gittrack; gittrack.log_metric(\"a\", 1)' 2>&-"
    assert subprocess.run(command, shell=True, cwd=isolated, check=False).returncode == 0
    assert len(Store.open().runs().runs) == 1


def test_a_run_to_join_that_is_gone_becomes_a_run_of_its_own(monkeypatch):
    monkeypatch.setenv("GITTRACK_RUN_ID", "k3v9x2mq7d")
    with pytest.warns(TrackingWarning, match="no run 'k3v9x2mq7d'.*becomes a run of its own"):
        gittrack.log_metric("loss", 1)
    gittrack.end_run()
    (run,) = Store.open().runs().runs
    assert run.record.metrics["loss"].last == 1


def log_from_threads(count: int) -> list[BaseException]:
    barrier = threading.Barrier(count)
    errors: list[BaseException] = []

    def work(number: int) -> None:
        barrier.wait()
        try:
            for step in range(50):
                gittrack.log_metric(f"thread {number}", step, step=step)
        except BaseException as error:  # noqa: BLE001 - whatever it is, the test shows it
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


def test_threads_that_begin_at_once_log_to_one_run():
    assert log_from_threads(16) == []
    gittrack.tracking.active._state.close_all("FINISHED")
    (run,) = Store.open().runs().runs
    assert [summary.count for summary in run.record.metrics.values()] == [50] * 16


def test_threads_that_begin_at_once_join_the_run_that_was_made_for_them(monkeypatch):
    with gittrack.start_run() as made:
        pass
    monkeypatch.setenv("GITTRACK_RUN_ID", made.info.run_id)
    assert log_from_threads(16) == []
    gittrack.tracking.active._state.close_all("FINISHED")
    (run,) = Store.open().runs().runs
    assert [summary.count for summary in run.record.metrics.values()] == [50] * 16
    assert run.record.status == "FINISHED"


def test_a_link_in_the_store_leads_no_writer_outside(isolated):
    outside = isolated / "outside"
    outside.mkdir()
    store = Store.open()
    store.prepare()
    (store.root / "default").symlink_to(outside)
    with pytest.warns(TrackingWarning, match="is a link"):
        gittrack.log_metric("loss", 1)
    shutil.rmtree(gittrack.tracking.active.current().store.root.parent)
    assert list(outside.iterdir()) == []


def test_a_link_in_place_of_a_mark_is_not_written_through(isolated):
    with gittrack.start_run() as run:
        pass
    victim = isolated / "victim"
    victim.write_text("precious")
    mark = Store.open().root / ".cache" / "live" / run.info.run_id
    mark.parent.mkdir(parents=True, exist_ok=True)
    mark.symlink_to(victim)
    with pytest.raises(gittrack.GittrackError, match="cannot mark run"):
        gittrack.start_run(run_id=run.info.run_id)
    assert victim.read_text() == "precious"
