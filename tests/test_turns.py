"""Turns: one after the other where that can be had, and never a reason to stop."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
import threading

import pytest

from gittrack import turns
from gittrack.turns import turn
from tests.making import without_rights


def lock(store):
    return store / ".cache" / "locks" / "names"


def test_threads_take_turns(tmp_path):
    count, meeting = 0, threading.Barrier(4)

    def add():
        nonlocal count
        meeting.wait()
        for _ in range(50):
            with turn(tmp_path, "names"):
                seen = count
                os.sched_yield()
                count = seen + 1

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count == 200


def test_processes_take_turns(tmp_path):
    script = (
        "import sys\nfrom pathlib import Path\nfrom gittrack.turns import turn\n"
        "place = Path(sys.argv[1])\n"
        "for _ in range(100):\n"
        "    with turn(place, 'names'):\n"
        "        seen = int((place / 'count').read_text())\n"
        "        (place / 'count').write_text(str(seen + 1))\n"
    )
    (tmp_path / "count").write_text("0")
    started = [subprocess.Popen([sys.executable, "-c", script, tmp_path]) for _ in range(4)]
    assert [process.wait() for process in started] == [0] * 4
    assert (tmp_path / "count").read_text() == "400"


def test_a_handler_of_a_signal_does_not_wait_for_what_it_broke_into(tmp_path, monkeypatch):
    monkeypatch.setattr(turns.time, "sleep", lambda _: pytest.fail("it waits for itself"))
    with turn(tmp_path, "names"), turn(tmp_path, "names"):
        pass
    with lock(tmp_path).open() as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_child_that_was_forked_meanwhile_does_not_keep_the_turn(tmp_path):
    script = (
        "import fcntl, os, sys\nfrom pathlib import Path\nfrom gittrack.turns import turn\n"
        "waits, ends = os.pipe()\n"
        "with turn(Path(sys.argv[1]), 'names'):\n"
        "    child = os.fork()\n"
        "    if not child:\n"
        "        os.close(ends)\n"
        "        os.read(waits, 1)\n"
        "        os._exit(0)\n"
        "with open(sys.argv[2]) as file:\n"
        "    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)\n"
        "os.close(ends)\n"
        "os.waitpid(child, 0)\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path), str(lock(tmp_path))]
    subprocess.run(command, check=True, timeout=300)


def test_who_holds_it_for_too_long_is_not_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(turns, "_PATIENCE_SECONDS", 0.05)
    lock(tmp_path).parent.mkdir(parents=True)
    with lock(tmp_path).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with turn(tmp_path, "names"):
            pass


def test_a_lock_of_another_user_is_taken_all_the_same(tmp_path):
    with turn(tmp_path, "names"):
        pass
    lock(tmp_path).chmod(0o444)
    script = (
        "import fcntl, sys\nfrom pathlib import Path\nfrom gittrack.turns import turn\n"
        "with turn(Path(sys.argv[1]), 'names'), open(sys.argv[2]) as file:\n"
        "    try: fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)\n"
        "    except BlockingIOError: print('held')\n"
    )
    done = without_rights(str(tmp_path), str(lock(tmp_path)), program=("-c", script))
    assert done.stdout == "held\n", done.stderr


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOSYS])
def test_a_file_system_without_locks_does_not_stop_the_work(tmp_path, monkeypatch, code):
    def refuse(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with turn(tmp_path, "names"):
        pass


def test_no_link_leads_out_of_the_store(tmp_path):
    lock(tmp_path).parent.mkdir(parents=True)
    lock(tmp_path).symlink_to(tmp_path / "outside")
    with turn(tmp_path, "names"):
        pass
    assert not (tmp_path / "outside").exists()
