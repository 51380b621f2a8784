"""How a process ended is what its runs say, with and without `with`."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from tests.conftest import python
from tests.making import settled

OPEN = "import os, signal, sys, time\nimport gittrack as mlflow\n"
WITH = OPEN + "with mlflow.start_run():\n    mlflow.log_metric('x', 1)\n    {}\n"
WITHOUT = OPEN + "mlflow.start_run()\nmlflow.log_metric('x', 1)\n{}\n"
NESTED = OPEN + "mlflow.start_run()\nmlflow.start_run(nested=True)\n{}\n"


@pytest.mark.parametrize("script", [WITH, WITHOUT, NESTED], ids=["with", "without", "nested"])
@pytest.mark.parametrize(
    ("end", "code", "status"),
    [
        ("pass", 0, "FINISHED"),
        ("sys.exit()", 0, "FINISHED"),
        ("sys.exit(0)", 0, "FINISHED"),
        ("sys.exit(1)", 1, "FAILED"),
        ("sys.exit('went wrong')", 1, "FAILED"),
        ("exit(0)", 0, "FINISHED"),
        ("exit(1)", 1, "FAILED"),
        ("quit(3)", 3, "FAILED"),
        ("1 / 0", 1, "FAILED"),
        ("raise KeyboardInterrupt", -signal.SIGINT, "KILLED"),
        ("os.kill(os.getpid(), signal.SIGINT)", -signal.SIGINT, "KILLED"),
        ("os.kill(os.getpid(), signal.SIGTERM)", -signal.SIGTERM, "KILLED"),
    ],
)
def test_every_end_is_told_truly(store, script, end, code, status):
    done = python(script.format(end), check=False)
    assert done.returncode == code
    assert {run.record.status for run in store.runs().runs} == {status}
    assert all(run.record.end_time for run in store.runs().runs)


@pytest.mark.parametrize(("code", "status"), [("0", "FINISHED"), ("3", "FAILED")])
def test_a_raised_exit_is_told_truly_in_a_block(store, code, status):
    done = python(WITH.format(f"raise SystemExit({code})"), check=False)
    assert done.returncode == int(code)
    assert store.find("@").record.status == status


@pytest.mark.parametrize(
    ("script", "code", "status"),
    [
        ("raise SystemExit(3)", 3, "FAILED"),
        ("raise SystemExit('went wrong')", 1, "FAILED"),
        ("raise SystemExit(0)", 0, "FINISHED"),
        ("raise SystemExit", 0, "FINISHED"),
        ("def main(): return 2\nraise SystemExit(main())", 2, "FAILED"),
        ("def main(): raise SystemExit(2)\nmain()", 2, "FAILED"),
        ("class Exit(SystemExit): pass\nraise Exit(2)", 2, "FAILED"),
        ("import argparse\nargparse.ArgumentParser().parse_args(['-x'])", 2, "FAILED"),
        ("try: sys.exit(1)\nexcept SystemExit: pass", 0, "FINISHED"),
        ("try: raise SystemExit(1)\nexcept SystemExit as e: assert e.code == 1", 0, "FINISHED"),
        ("try: sys.exit(1)\nexcept SystemExit: sys.exit(0)", 0, "FINISHED"),
        ("try: sys.exit(0)\nexcept SystemExit as e: e.code = 5; raise", 5, "FAILED"),
    ],
)
def test_a_raised_exit_is_told_truly_without_a_block(store, isolated, script, code, status):
    for way in (WITHOUT.format(script), isolated / "job.py"):
        (isolated / "job.py").write_text(WITHOUT.format(script))
        assert python(way, check=False).returncode == code
        assert store.find("@").record.status == status


def test_where_another_tool_watches_python_an_exit_is_told_truly_all_the_same(store):
    taken = "mon = getattr(sys, 'monitoring', None)\nif mon: mon.use_tool_id(4, 'another')\n"
    done = python(OPEN + taken + "mlflow.start_run()\nraise SystemExit(3)", check=False)
    assert done.returncode == 3
    assert store.find("@").record.status == "FAILED"


def test_an_exit_is_seen_of_a_script_and_of_a_module(store, isolated):
    (isolated / "job.py").write_text(WITHOUT.format("raise SystemExit(4)"))
    assert python(isolated / "job.py", check=False).returncode == 4
    done = subprocess.run([sys.executable, "-m", "job"], check=False, stderr=subprocess.DEVNULL)
    assert done.returncode == 4
    done = subprocess.run(
        [sys.executable, "-m", "gittrack.mlflow", "job.py"], check=False, stderr=subprocess.DEVNULL
    )
    assert done.returncode == 4
    assert [run.record.status for run in store.runs().runs] == ["FAILED"] * 3


def test_an_exit_of_another_thread_is_no_end_of_the_process(store):
    python(
        WITHOUT.format(
            "import threading\n"
            "other = threading.Thread(target=lambda: sys.exit(1))\n"
            "other.start(); other.join()\n"
            "sys.exit(0)"
        )
    )
    assert store.find("@").record.status == "FINISHED"


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_from_outside_kills_the_run_and_the_process(store, signal_number):
    script = WITHOUT.format("print('ready', flush=True)\nwhile True: time.sleep(1)")
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal_number)
    process.communicate()
    assert process.returncode == -signal_number
    assert store.find("@").record.status == "KILLED"
    assert store.find("@").record.metrics["x"].last == 1


def test_the_users_own_handler_of_a_signal_stays(store):
    done = python(
        OPEN + "signal.signal(signal.SIGTERM, lambda *_: print('mine'))\n"
        "mlflow.start_run()\nos.kill(os.getpid(), signal.SIGTERM)\nprint('alive')"
    )
    assert done.stdout == "mine\nalive\n"
    assert store.find("@").record.status == "FINISHED"


def test_the_users_own_hook_is_called_too(store):
    done = python(
        OPEN + "sys.excepthook = lambda *_: print('mine')\nmlflow.start_run()\n1 / 0", check=False
    )
    assert done.stdout == "mine\n"
    assert store.find("@").record.status == "FAILED"


def test_everything_is_put_back_when_the_last_run_ends():
    done = python(
        OPEN + "def hooks():\n"
        "    code = vars(SystemExit)['code']\n"
        "    return sys.exit, exit, code, sys.excepthook, signal.getsignal(signal.SIGTERM)\n"
        "before = hooks()\n"
        "mlflow.start_run()\nmlflow.start_run(nested=True)\nmlflow.end_run()\n"
        "assert sys.excepthook is not before[3]\nmlflow.end_run()\n"
        "print(hooks() == before)"
    )
    assert done.stdout == "True\n"


def test_an_error_after_a_run_ended_does_not_change_it(store):
    python(WITH.format("pass") + "1 / 0", check=False)
    assert store.find("@").record.status == "FINISHED"


def test_a_run_that_ended_well_before_the_next_failed_stays_finished(store):
    python(
        OPEN + "mlflow.start_run(run_name='first'); mlflow.end_run()\n"
        "mlflow.start_run(run_name='second'); sys.exit(2)",
        check=False,
    )
    assert store.find("first").record.status == "FINISHED"
    assert store.find("second").record.status == "FAILED"


def test_a_forked_child_ends_only_itself(store):
    done = python(
        OPEN + "mlflow.start_run()\nchild = os.fork()\n"
        "if child == 0: sys.exit(1)\n"
        "os.waitpid(child, 0)\nprint(mlflow.active_run().info.status)"
    )
    assert done.stdout == "RUNNING\n"
    assert store.find("@").record.status == "FINISHED"


def test_a_child_of_a_pool_logs_and_does_not_end_the_run(store):
    put = OPEN + (
        "from multiprocessing import get_context\n"
        "def work(n):\n    mlflow.log_metric('n', n, step=n)\n    return n\n"
        "if __name__ == '__main__':\n"
        "    with mlflow.start_run():\n"
        "        with get_context('fork').Pool(2) as pool:\n"
        "            pool.map(work, range(20))\n"
        "            pool.close(); pool.join()\n"
    )
    python(put)
    record = store.find("@").record
    assert record.status == "FINISHED"
    assert record.metrics["n"].count == 20
    assert len(store.runs().runs) == 1


LOGGING = (
    OPEN
    + """
with mlflow.start_run():
    for number in range(10**9):
        mlflow.log_metric("n", number, step=number)
        mlflow.log_param(f"p{number}", number)
        print(number, flush=True)
"""
)


@pytest.mark.parametrize("moment", range(10))
def test_a_killed_script_leaves_every_acknowledged_call(store, moment):
    process = subprocess.Popen([sys.executable, "-c", LOGGING], stdout=subprocess.PIPE, text=True)
    for _ in range(1 + moment * 41):
        process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    rest = process.stdout.read().split("\n")[:-1]
    process.wait()
    process.stdout.close()
    acknowledged = int(rest[-1]) if rest else moment * 41
    found = store.find("@")
    assert settled(store, "@") == "interrupted"
    assert [point.step for point in found.history("n")][: acknowledged + 1] == list(
        range(acknowledged + 1)
    )
    assert {f"p{number}" for number in range(acknowledged + 1)} <= set(found.record.params)
