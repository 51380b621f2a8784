"""Running or not: what a mark tells, whoever died and whoever lived on."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor, wait

import pytest

from gittrack.runs import live
from tests.conftest import python
from tests.making import settled

HOLD = """
import sys
from pathlib import Path
from gittrack.runs import live
mark = live.take(Path(sys.argv[1]), "a1")
print("held" if mark else "taken", flush=True)
sys.stdin.read()
"""
HOLD_AND_FORK = """
import os, sys
from gittrack.runs.store import Store
from gittrack.runs.writer import RunWriter
store = Store.open("mlruns")
writer = RunWriter.create(store, store.experiment("0"))
child = os.fork()
if child == 0:
    sys.stdin.read()
    os._exit(0)
print(writer.run_id, flush=True)
os.waitpid(child, 0)
"""
HOLD_AND_START = """
import subprocess, sys
from gittrack.runs.store import Store
from gittrack.runs.writer import RunWriter
store = Store.open("mlruns")
writer = RunWriter.create(store, store.experiment("0"))
script = f"import sys; print({writer.run_id!r}, flush=True); sys.stdin.read()"
subprocess.run([sys.executable, "-c", script])
"""

FORK_BESIDE_TOUCH = """
import os, threading
from gittrack.runs import live
from gittrack.runs.store import Store
from gittrack.runs.writer import RunWriter
store = Store.open("mlruns")
writer = RunWriter.create(store, store.experiment("0"))
begun, forked = threading.Event(), threading.Event()
def touch():
    with live._toucher.lock:
        begun.set()
        forked.wait()
toucher = threading.Thread(target=touch)
toucher.start()
begun.wait()
child = os.fork()
if child == 0:
    os._exit(0)
forked.set()
print(os.waitpid(child, 0)[1])
writer.end()
"""


def start(script, *args):
    return subprocess.Popen(
        [sys.executable, "-c", script, *args],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def finish(process):
    process.stdin.close()
    process.stdout.close()
    process.wait()


@pytest.fixture
def holder(isolated):
    """Another process that holds the run `a1`."""
    process = start(HOLD, str(isolated))
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    finish(process)


def mark_file(folder):
    return folder / ".cache" / "live" / "a1"


def write_mark(folder, **given):
    here = live.take(folder, "a1")
    here.forget()
    mark = {**json.loads(mark_file(folder).read_text()), **given}
    mark_file(folder).write_text(json.dumps(mark))


@pytest.mark.usefixtures("holder")
def test_a_run_that_a_process_holds_is_running(isolated):
    assert live.state(isolated, "a1") == "running"
    assert live.take(isolated, "a1") is None


def test_a_run_of_this_process_is_running_until_it_is_released(isolated):
    mark = live.take(isolated, "a1")
    assert live.state(isolated, "a1") == "running"
    mark.release()
    assert live.state(isolated, "a1") == "elsewhere"
    assert not mark_file(isolated).exists()


def test_a_run_whose_process_was_killed_is_interrupted(holder, isolated):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert live.state(isolated, "a1") == "interrupted"


def test_an_interrupted_run_can_be_taken_over(holder, isolated):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    mark = live.take(isolated, "a1")
    assert live.state(isolated, "a1") == "running"
    mark.release()


def test_a_mark_of_an_earlier_boot_is_an_interrupted_run(isolated):
    write_mark(isolated, boot="another boot")
    assert live.state(isolated, "a1") == "interrupted"


def test_a_fresh_mark_of_another_host_is_a_running_run(isolated):
    write_mark(isolated, host="another host")
    assert live.state(isolated, "a1") == "running"


def test_an_old_mark_of_another_host_is_a_silent_run(isolated):
    write_mark(isolated, host="another host")
    age = live.SILENT_SECONDS + 10
    then = mark_file(isolated).stat().st_mtime - age
    os.utime(mark_file(isolated), (then, then))
    assert live.state(isolated, "a1") == "silent"
    assert [path.name for path in mark_file(isolated).parent.iterdir()] == ["a1"]


def test_where_there_are_no_locks_a_run_is_owned_and_judged_by_the_age_of_its_mark(
    isolated, monkeypatch
):
    def refuse(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    mark = live.take(isolated, "a1")
    assert mark is not None
    assert live.state(isolated, "a1") == "running"
    assert live.take(isolated, "a1") is None
    mark.forget()
    then = mark_file(isolated).stat().st_mtime - live.SILENT_SECONDS - 10
    os.utime(mark_file(isolated), (then, then))
    assert live.state(isolated, "a1") == "silent"
    again = live.take(isolated, "a1")
    again.release()
    assert live.state(isolated, "a1") == "elsewhere"


def test_without_a_mark_a_run_is_elsewhere(isolated):
    assert live.state(isolated, "a1") == "elsewhere"


@pytest.mark.parametrize("content", [b"", b"\xff\xff", b"[]", b"{}", b"[" * 9999])
def test_a_broken_mark_is_judged_by_its_age(isolated, content):
    mark_file(isolated).parent.mkdir(parents=True)
    mark_file(isolated).write_bytes(content)
    assert live.state(isolated, "a1") == "running"


def test_a_mark_holds_nothing_but_host_boot_and_process(isolated):
    mark = live.take(isolated, "a1")
    assert sorted(json.loads(mark_file(isolated).read_text())) == ["boot", "host", "pid"]
    mark.release()


def test_a_removed_mark_is_put_back_when_it_is_touched(isolated):
    mark = live.take(isolated, "a1")
    mark_file(isolated).unlink()
    mark.touch()
    assert live.state(isolated, "a1") == "running"
    mark.release()
    assert live.state(isolated, "a1") == "elsewhere"


def test_a_touch_that_fails_does_no_harm(isolated):
    mark = live.take(isolated, "a1")
    mark_file(isolated).unlink()
    mark_file(isolated).parent.rmdir()
    (isolated / ".cache").rmdir()
    (isolated / ".cache").write_text("in the way")
    mark.touch()
    mark.release()


def test_a_run_that_ends_while_its_mark_is_touched_leaves_none(isolated, meanwhile):
    mark = live.take(isolated, "a1")
    mark_file(isolated).unlink()
    with ThreadPoolExecutor(1) as pool:
        meanwhile(live, "take", lambda: wait([pool.submit(mark.release)], timeout=0.2))
        mark.touch()
    assert not mark_file(isolated).exists()


def test_a_process_is_forked_while_a_mark_is_touched(store):
    assert python(FORK_BESIDE_TOUCH, timeout=60).stdout == "0\n"
    (run,) = store.runs().runs
    assert run.record.status == "FINISHED"


def test_readers_do_not_disturb_each_other_or_a_process_that_takes_the_run(isolated):
    write_mark(isolated)
    seen = set()
    stop = threading.Event()

    def look():
        while not stop.is_set():
            seen.add(live.state(isolated, "a1"))

    readers = [threading.Thread(target=look) for _ in range(3)]
    for reader in readers:
        reader.start()
    for _ in range(50):
        live.state(isolated, "a1")
    stop.set()
    for reader in readers:
        reader.join()
    assert seen == {"interrupted"}
    mark = live.take(isolated, "a1")
    assert mark is not None
    mark.release()


def test_a_forked_child_that_outlives_its_killed_parent_does_not_hold_the_run(store):
    parent = start(HOLD_AND_FORK)
    run = store.find(parent.stdout.readline().strip())
    assert run.state() == "running"
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert settled(store, run.run_id) == "interrupted"
    finish(parent)


def test_a_program_that_a_run_starts_does_not_hold_it(store):
    parent = start(HOLD_AND_START)
    run_id = parent.stdout.readline().strip()
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert settled(store, run_id) == "interrupted"
    finish(parent)
