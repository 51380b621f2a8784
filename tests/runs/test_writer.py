"""A run while it is written: one owner, any number of helpers, and nothing acknowledged is lost."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time

import pytest

from gittrack import paths, schema
from gittrack.errors import BrokenRunError, NotFoundError, RunStateError
from gittrack.runs import edits, logbook, writer
from gittrack.runs.edits import Edit
from gittrack.runs.forgiving import TrackingWarning
from gittrack.runs.writer import RunWriter
from tests.conftest import git, make_repository
from tests.making import settled


@pytest.fixture
def run(store):
    """A new run of the experiment Default."""
    made = RunWriter.create(store, store.experiment("0"))
    yield made
    if made.owns:
        made.end()


def record_of(made: RunWriter):
    return made.store.find(made.run_id).record


def on_disk(made: RunWriter):
    return json.loads((made.folder / "run.json").read_bytes())


def test_a_new_run_is_running_and_on_disk_at_once(run):
    record = on_disk(run)
    assert (record["run_id"], record["status"], record["experiment"]) == (
        run.run_id,
        "RUNNING",
        "Default",
    )
    assert schema.check("run", record) == []
    assert run.store.find(run.run_id).state() == "running"


def test_all_that_was_logged_is_in_the_record_at_the_end(run):
    run.log_params({"alpha": 0.5, "layers": [1, 2]})
    run.log_metrics({"loss": 0.5, "acc": 0.1}, step=0)
    run.log_metrics({"loss": 0.25}, step=1)
    run.set_tags({"team": "a", "old": "x"})
    run.set_tags({"old": None})
    run.end()
    record = on_disk(run)
    assert record["params"] == {"alpha": 0.5, "layers": "[1, 2]"}
    assert record["metrics"]["loss"] == {
        "last": 0.25,
        "step": 1,
        "min": 0.25,
        "max": 0.5,
        "count": 2,
    }
    assert record["tags"] == {"team": "a"}
    assert record["status"] == "FINISHED"
    assert record["files"] == {"metrics.jsonl": (run.folder / "metrics.jsonl").stat().st_size}
    assert schema.check("run", record) == []


def test_params_and_tags_given_at_the_start_are_in_the_first_record(store):
    made = RunWriter.create(
        store, store.experiment("0"), name="first", params={"a": 1}, tags={"b": "c"}, parent="p1"
    )
    record = on_disk(made)
    assert (record["name"], record["parent"]) == ("first", "p1")
    assert (record["params"], record["tags"]) == ({"a": 1}, {"b": "c"})
    made.end()


def test_while_it_runs_every_reader_sees_what_was_logged(run, monkeypatch):
    monkeypatch.setattr(writer, "WRITE_EVERY_MS", 10**9)
    run.log_metrics({"loss": 0.5})
    run.log_params({"alpha": 1})
    assert record_of(run).metrics["loss"].last == 0.5
    assert record_of(run).params == {"alpha": 1}
    assert "metrics" not in on_disk(run)


def always_look_after(run, monkeypatch):
    """Let every call do what else happens every second or two."""
    monkeypatch.setattr(writer, "WRITE_EVERY_MS", -1)
    monkeypatch.setattr(logbook, "CHECK_EVERY_MS", -1)
    run._book.due = 0


def test_the_record_is_written_now_and_then_on_the_back_of_a_call(run, monkeypatch):
    always_look_after(run, monkeypatch)
    run.log_metrics({"loss": 0.5})
    run.log_metrics({"loss": 0.25})
    assert on_disk(run)["metrics"]["loss"]["count"] == 2


def test_a_call_that_comes_after_the_end_is_kept_and_the_end_stays(run, monkeypatch):
    always_look_after(run, monkeypatch)
    run.log_metrics({"loss": 0.5})
    run.end("FAILED")
    run.log_metrics({"loss": 0.25})
    run.write()
    run.end()
    assert on_disk(run)["status"] == "FAILED"
    assert record_of(run).metrics["loss"].count == 2


@pytest.mark.parametrize("status", ["RUNNING", "DONE", ""])
def test_a_run_ends_only_with_an_end(run, status):
    with pytest.raises(RunStateError, match="no status"):
        run.end(status)


def test_secrets_are_left_out_and_named(store):
    token = "gh" + "p_" + "a1" * 18
    with pytest.warns(TrackingWarning, match="github token"):
        made = RunWriter.create(
            store, store.experiment("0"), name=token, params={"key": token}, tags={"t": token}
        )
    with pytest.warns(TrackingWarning, match=r"params\.later"):
        made.log_params({"later": f"x {token}"})
    with pytest.warns(TrackingWarning, match=r"tags\.later"):
        made.set_tags({"later": token})
    made.end()
    written = [path for path in made.folder.rglob("*") if path.is_file()]
    assert not [path for path in written if token.encode() in path.read_bytes()]
    assert on_disk(made)["left_out"] == [
        "name",
        "params.key",
        "params.later",
        "tags.later",
        "tags.t",
    ]


def test_a_dataset_is_recorded(run):
    run.add_input({"name": "wine.csv", "digest": "sha256:1", "context": "training"})
    run.end()
    assert on_disk(run)["inputs"][0]["name"] == "wine.csv"


# -- joining


def test_a_process_that_joins_a_held_run_only_appends(run):
    run.log_metrics({"loss": 0.5})
    other = RunWriter.join(run.store, run.run_id)
    assert not other.owns
    before = on_disk(run)
    other.log_metrics({"loss": 0.25}, step=1)
    other.end()
    assert on_disk(run) == before
    run.end()
    assert on_disk(run)["metrics"]["loss"]["count"] == 2
    assert len(on_disk(run)["files"]) == 2


def test_a_joined_process_that_failed_makes_the_run_failed(run):
    other = RunWriter.join(run.store, run.run_id)
    other.end("FAILED")
    run.end("FINISHED")
    assert on_disk(run)["status"] == "FAILED"


def test_a_killed_owner_wins_over_what_others_asked_for(run):
    RunWriter.join(run.store, run.run_id).end("FAILED")
    run.end("KILLED")
    assert on_disk(run)["status"] == "KILLED"


def test_an_ended_run_is_resumed_and_keeps_all_it_had(run):
    run.log_params({"alpha": 1})
    run.log_metrics({"loss": 0.5}, step=1)
    run.set_tags({"team": "a"})
    run.end("FAILED")
    again = RunWriter.join(run.store, run.run_id)
    assert again.owns
    assert on_disk(run)["status"] == "RUNNING"
    assert "end_time" not in on_disk(run)
    again.log_metrics({"loss": 0.25}, step=2)
    again.end()
    record = on_disk(run)
    assert record["status"] == "FINISHED"
    assert record["metrics"]["loss"]["count"] == 2
    assert (record["params"], record["tags"]) == ({"alpha": 1}, {"team": "a"})


def test_an_earlier_failure_of_a_helper_does_not_fail_the_resumed_run(run):
    RunWriter.join(run.store, run.run_id).end("FAILED")
    run.end()
    time.sleep(0.002)
    RunWriter.join(run.store, run.run_id).end()
    assert on_disk(run)["status"] == "FINISHED"


def test_keys_of_a_newer_version_survive_a_resumption(run):
    run.end()
    record = {**on_disk(run), "weather": "fine"}
    (run.folder / "run.json").write_text(json.dumps(record))
    RunWriter.join(run.store, run.run_id).end()
    assert on_disk(run)["weather"] == "fine"


def test_what_the_owner_wrote_while_another_came_to_resume_it_is_kept(run, meanwhile):
    def end():
        run.amend(source={"type": "LOCAL", "exit_code": 3})
        run.end("FAILED")

    meanwhile(writer, "take_mark", end)
    again = RunWriter.join(run.store, run.run_id)
    assert again.owns
    again.end()
    assert on_disk(run)["source"] == {"type": "LOCAL", "exit_code": 3}


def test_a_run_that_breaks_while_another_comes_to_resume_it_is_given_free(run, meanwhile):
    run.end()
    record = (run.folder / "run.json").read_bytes()
    meanwhile(writer, "take_mark", lambda: (run.folder / "run.json").write_bytes(b"{"))
    with pytest.raises(BrokenRunError):
        RunWriter.join(run.store, run.run_id)
    (run.folder / "run.json").write_bytes(record)
    again = RunWriter.join(run.store, run.run_id)
    assert again.owns
    again.end()


def test_a_deleted_or_missing_run_cannot_be_joined(run):
    run.end()
    edits.write(run.folder, Edit(deleted=True))
    with pytest.raises(RunStateError, match="deleted state"):
        RunWriter.join(run.store, run.run_id)
    with pytest.raises(NotFoundError, match="nowhere"):
        RunWriter.join(run.store, "nowhere")


def test_a_rank_other_than_the_first_never_owns_the_run(run, monkeypatch):
    run.end()
    monkeypatch.setenv("RANK", "3")
    other = RunWriter.join(run.store, run.run_id)
    assert not other.owns
    other.log_metrics({"loss": 0.25})
    other.end()
    assert any(path.name.startswith("metrics.r3-") for path in run.folder.iterdir())


def test_ranks_that_disagree_about_a_param_keep_the_first_and_it_is_reported(run):
    run.log_params({"alpha": 1})
    time.sleep(0.002)
    other = RunWriter.join(run.store, run.run_id)
    other.log_params({"alpha": 2})
    other.end()
    with pytest.warns(TrackingWarning, match="param 'alpha' is 2 here, but was 1"):
        run.end()
    assert on_disk(run)["params"] == {"alpha": 1}


# -- threads, forks and processes


def test_threads_log_to_one_run_and_every_call_is_there(run):
    def log(number):
        for step in range(200):
            run.log_metrics({f"m{number}": step}, step=step)

    threads = [threading.Thread(target=log, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    run.end()
    assert [on_disk(run)["metrics"][f"m{n}"]["count"] for n in range(4)] == [200] * 4


def test_forked_workers_log_to_files_of_their_own(run):
    run.log_metrics({"loss": 0})
    children = []
    for number in range(3):
        child = os.fork()
        if child == 0:
            for step in range(50):
                run.log_metrics({"loss": step}, step=step)
            run.log_params({f"worker{number}": number})
            os._exit(0)
        children.append(child)
    for child in children:
        assert os.waitpid(child, 0)[1] == 0
    run.log_metrics({"loss": 0})
    run.end()
    record = on_disk(run)
    assert record["metrics"]["loss"]["count"] == 152
    assert sorted(record["params"]) == ["worker0", "worker1", "worker2"]
    assert len(record["files"]) == 4
    assert record["status"] == "FINISHED"


def test_processes_that_start_runs_and_experiments_at_once_make_all_of_them(store):
    script = (
        "from gittrack.runs.store import Store; from gittrack.runs.writer import RunWriter;"
        "store = Store.open('mlruns')\n"
        "for n in range(5):\n"
        "    run = RunWriter.create(store, store.create_experiment(f'Shared {n}'))\n"
        "    run.log_metrics({'n': n}); run.end()"
    )
    started = [subprocess.Popen([sys.executable, "-c", script]) for _ in range(6)]
    assert [process.wait() for process in started] == [0] * 6
    listing = store.runs()
    assert len(listing.runs) == 30
    assert not listing.problems
    assert len(store.experiments()) == 6


# -- what happens to the tree meanwhile


def remove(run):
    shutil.rmtree(run.store.root)


def stash(run):
    git("stash", "-u", "-q", cwd=run.store.root.parent)


def clean(run):
    git("clean", "-fdxq", cwd=run.store.root.parent)


@pytest.mark.parametrize("mishap", [remove, stash, clean])
@pytest.mark.parametrize("committed", [False, True])
def test_whatever_happens_to_the_tree_every_acknowledged_call_is_there_at_the_end(
    store, isolated, mishap, committed
):
    make_repository(isolated, {"train.py": "x = 1\n"})
    (isolated / "train.py").write_text("x = 2\n")
    run = RunWriter.create(store, store.create_experiment("Wine & more"), code=isolated)
    run.log_params({"alpha": 1})
    run.wait_for_provenance()
    for step in range(100):
        run.log_metrics({"loss": step}, step=step)
    if committed:
        git("add", "-A", "mlruns", cwd=isolated)
        git("commit", "-q", "-m", "run", cwd=isolated)
        run.log_metrics({"loss": 0.5}, step=100)
    mishap(run)
    run.log_metrics({"loss": 0.25}, step=101)
    run.end()
    found = store.find(run.run_id)
    assert not found.problems
    assert found.record.status == "FINISHED"
    assert found.record.params == {"alpha": 1}
    assert found.record.metrics["loss"].count == 101 + committed
    assert len(found.history("loss")) == 101 + committed
    assert store.experiment(run.experiment_id).name == "Wine & more"
    assert (store.root / ".gitignore").read_bytes() == paths.GITIGNORE_BYTES
    assert (run.folder / "source.patch").exists()
    assert (run.folder / "requirements.txt").exists()
    assert found.state() == "finished"


def test_a_removed_tree_is_put_back_with_one_warning_and_the_run_still_runs(run, monkeypatch):
    always_look_after(run, monkeypatch)
    run.log_metrics({"loss": 0})
    shutil.rmtree(run.store.root)
    with pytest.warns(TrackingWarning, match="was removed meanwhile"):
        run.log_metrics({"loss": 1})
    run.log_metrics({"loss": 2})
    assert run.store.find(run.run_id).state() == "running"
    assert record_of(run).metrics["loss"].count == 3


def test_where_the_tree_cannot_be_written_the_work_goes_on(run, monkeypatch):
    always_look_after(run, monkeypatch)
    run.log_metrics({"loss": 0})
    shutil.rmtree(run.store.root)
    run.store.root.write_text("in the way")
    with pytest.warns(TrackingWarning, match="could not be written"):
        run.log_metrics({"loss": 1})
    run.log_params({"alpha": 1})
    run.store.root.unlink()
    with pytest.warns(TrackingWarning, match="removed meanwhile"):
        run.log_metrics({"loss": 2})
    run.end()
    assert on_disk(run)["metrics"]["loss"]["count"] == 3
    assert on_disk(run)["params"] == {"alpha": 1}


def test_a_run_whose_end_could_not_be_written_is_not_taken_for_a_running_one(run):
    run.log_metrics({"loss": 0})
    written = (run.folder / "run.json").read_bytes()
    (run.folder / "run.json").unlink()
    (run.folder / "run.json" / "in the way").mkdir(parents=True)
    with pytest.warns(TrackingWarning, match=r"run\.json could not be written"):
        run.end()
    shutil.rmtree(run.folder / "run.json")
    (run.folder / "run.json").write_bytes(written)
    found = run.store.find(run.run_id)
    assert found.state() == "interrupted"
    assert found.record.metrics["loss"].count == 1


KILLED = """
import sys
from gittrack.runs.store import Store
from gittrack.runs.writer import RunWriter
store = Store.open("mlruns")
run = RunWriter.create(store, store.experiment("0"))
print(run.run_id, flush=True)
number = 0
while True:
    run.log_metrics({"n": number}, step=number)
    print(number, flush=True)
    number += 1
"""


@pytest.mark.parametrize("moment", range(10))
def test_a_killed_process_leaves_every_acknowledged_call(store, moment):
    process = subprocess.Popen([sys.executable, "-c", KILLED], stdout=subprocess.PIPE, text=True)
    run_id = process.stdout.readline().strip()
    acknowledged = -1
    for _ in range(1 + moment * 137):
        acknowledged = int(process.stdout.readline())
    process.send_signal(signal.SIGKILL)
    said = process.stdout.read().split("\n")[:-1]
    process.wait()
    process.stdout.close()
    acknowledged = int(said[-1]) if said else acknowledged
    found = store.find(run_id)
    steps = [point.step for point in found.history("n")]
    assert steps == list(range(len(steps)))
    assert len(steps) >= acknowledged + 1
    assert settled(store, run_id) == "interrupted"
    assert found.record.metrics["n"].count == len(steps)
    assert not store.runs().problems
