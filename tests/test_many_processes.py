"""Many processes at one store, and processes that are killed: what was acknowledged is there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

from gittrack.registry.registry import Registry
from gittrack.runs.store import Store
from tests.conftest import python
from tests.making import settled

pytestmark = pytest.mark.slow

# Forks a child that logs, kills it at a random moment, and says what it had acknowledged by then.
NURSERY = """
import json, mmap, os, random, signal, struct, sys, time
import gittrack

with gittrack.start_run(run_name="first"):  # brings in all modules
    gittrack.log_metric("n", 0)
    gittrack.log_metrics({"a": 0})
    gittrack.set_tag("t", 0)
dice = random.Random(sys.argv[1])
shared = mmap.mmap(-1, 8)
acknowledged = {}
for number in range(int(sys.argv[2])):
    shared[:] = struct.pack("q", 0)
    child = os.fork()
    if child == 0:
        gittrack.start_run(run_name=f"run {number}")
        for n in range(10**9):
            gittrack.log_metric("n", n, step=n)
            gittrack.log_metrics({"a": n, "b": -n}, step=n)
            gittrack.log_param(f"p{n % 50}", n % 50)
            gittrack.set_tag("t", n)
            shared[:] = struct.pack("q", n + 1)
    if dice.random() < 0.8:  # the others may die before they have begun
        while struct.unpack("q", shared[:])[0] == 0:
            time.sleep(0.001)
    time.sleep(dice.random() * 0.05)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    acknowledged[f"run {number}"] = struct.unpack("q", shared[:])[0]
print(json.dumps(acknowledged))
"""


@pytest.mark.parametrize("seed", ["one", "two"])
def test_a_hundred_processes_killed_at_random_moments_lose_nothing_acknowledged(store, seed):
    acknowledged = json.loads(python(NURSERY, seed, "100").stdout)
    listing = store.runs()
    # Killed between making its folder and writing its first record, a run had acknowledged nothing.
    assert all("has no run.json" in problem.message for problem in listing.problems)
    found = {run.record.name: run for run in listing.runs}
    assert sum(count > 0 for count in acknowledged.values()) > 20
    for name, count in acknowledged.items():
        if count == 0:
            continue
        run = found[name]
        record = run.record
        for metric in ("n", "a", "b"):
            steps = [point.step for point in run.history(metric)]
            assert steps == list(range(len(steps)))
            assert count <= len(steps) <= count + 1
            assert record.metrics[metric].count == len(steps)
        assert {f"p{n}" for n in range(min(count, 50))} <= set(record.params)
        assert int(record.tags["t"]) >= count - 1
        assert run.state() == "interrupted"


def together(count: int, script: str, *arguments: str) -> list[str]:
    """Run a script in many processes at once and return what each says, all ended well."""
    started = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(number), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(count)
    ]
    said = [process.communicate() for process in started]
    assert [process.returncode for process in started] == [0] * count, said
    return [out for out, _ in said]


def test_sixteen_processes_log_to_one_run_and_every_line_counts(store, monkeypatch):
    script = (
        "import sys, gittrack\nnumber = int(sys.argv[1])\n"
        "with gittrack.start_run():\n"
        "    for step in range(500):\n"
        "        gittrack.log_metric('all', step, step=step)\n"
        "        gittrack.log_metrics({f'of{number}': step, 'two': 1}, step=step)\n"
        "    gittrack.log_param(f'param{number}', number)\n"
        "    gittrack.log_param('shared', 'the same')\n"
        "    gittrack.set_tag(f'tag{number}', 'x')\n"
    )
    owner = (
        "import gittrack, subprocess, sys\n"
        "run = gittrack.start_run(run_name='shared')\n"
        "print(run.info.run_id, flush=True)\nsys.stdin.read()\ngittrack.end_run()\n"
    )
    command = [sys.executable, "-c", owner]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        monkeypatch.setenv("GITTRACK_RUN_ID", holder.stdout.readline().strip())
        together(16, script)
        holder.communicate("")
    (run,) = store.runs().runs
    record = run.record
    assert not run.problems
    assert record.status == "FINISHED"
    assert record.metrics["all"].count == record.metrics["two"].count == 16 * 500
    assert [record.metrics[f"of{number}"].count for number in range(16)] == [500] * 16
    assert {f"param{number}" for number in range(16)} | {"shared"} == set(record.params)
    assert {f"tag{number}" for number in range(16)} <= set(record.tags)
    assert len(run.history("all")) == 16 * 500
    assert json.loads((run.folder / "run.json").read_bytes())["metrics"]["all"]["count"] == 8000


def test_sixty_four_processes_make_runs_and_experiments_at_once(store):
    script = (
        "import sys, gittrack\n"
        "for name in ('Shared by all', f'Of {int(sys.argv[1]) % 8}', 'plain'):\n"
        "    gittrack.set_experiment(name)\n"
        "    with gittrack.start_run(): gittrack.log_metric('n', int(sys.argv[1]))\n"
    )
    together(64, script)
    listing = store.runs()
    assert not listing.problems
    assert len({run.run_id for run in listing.runs}) == 64 * 3
    assert all(run.record.status == "FINISHED" for run in listing.runs)
    names = [run.record.experiment for run in listing.runs]
    assert (names.count("Shared by all"), names.count("plain")) == (64, 64)
    assert [names.count(f"Of {number}") for number in range(8)] == [8] * 8
    assert len(store.experiments()) == 11


def test_a_name_that_sixteen_processes_make_at_once_is_one_experiment_and_one_model(store):
    script = (
        "import gittrack\nfrom gittrack.registry.registry import Registry\n"
        "client = gittrack.MlflowClient()\n"
        "for number in range(40):\n"
        "    client.store.create_experiment(f'name-{number}')\n"
        "    Registry(client.store).create(f'Name {number}')\n"
        "    Registry(client.store).create(f'name-{number}')\n"
    )
    together(16, script)
    names = sorted(f"name-{number}" for number in range(40))
    assert sorted(one.name for one in store.experiments()) == ["Default", *names]
    capitals = [f"N{name[1:].replace('-', ' ')}" for name in names]
    assert sorted(model.name for model in Registry(store).models()) == [*capitals, *names]


def test_a_forked_worker_that_outlives_its_killed_parent_does_not_make_the_run_look_alive(store):
    script = (
        "import gittrack, os, sys, time\n"
        "gittrack.start_run()\n"
        "gittrack.log_metric('n', 0)\n"
        "worker = os.fork()\n"
        "if worker == 0:\n"
        "    while True:\n"
        "        gittrack.log_metric('n', 1)\n"
        "        time.sleep(0.005)\n"
        "print(worker, flush=True)\n"
        "time.sleep(600)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True
    ) as parent:
        worker = int(parent.stdout.readline())
        try:
            parent.kill()
            parent.wait()
            assert settled(store, "@") == "interrupted"
            os.kill(worker, 0)  # it is there
            before = len(store.find("@").history("n"))
            for _ in range(6000):
                if len(store.find("@").history("n")) > before:
                    break
            else:
                raise AssertionError("the worker logs no more")
            assert store.find("@").state() == "interrupted"
        finally:
            os.kill(worker, signal.SIGKILL)
    assert not store.runs().problems


def test_a_store_is_opened_by_a_process_while_others_write(store):
    """Readers see whole records and whole lines at every moment."""
    script = (
        "import gittrack\n"
        "with gittrack.start_run():\n"
        "    for step in range(20000): gittrack.log_metric('n', step, step=step)\n"
    )
    writers = [subprocess.Popen([sys.executable, "-c", script]) for _ in range(3)]
    while any(process.poll() is None for process in writers):
        for problem in store.runs().problems:
            assert problem.message.endswith(("has no run.json", "the last line is cut off"))
    assert [process.returncode for process in writers] == [0] * 3
    assert [run.record.metrics["n"].count for run in Store.open().runs().runs] == [20000] * 3
