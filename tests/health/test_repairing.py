"""What fsck mends, what it keeps of it, and what it leaves alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gittrack import schema
from gittrack.cli.main import main
from gittrack.health import checking
from gittrack.health.repairing import Mender
from gittrack.registry import Registry
from gittrack.runs import live
from gittrack.runs.record import RUNNING, to_bytes
from gittrack.runs.store import Store
from tests.making import leave_half, put, write_run

if TYPE_CHECKING:
    from collections.abc import Callable

    from gittrack.health.finding import Finding

LINES = '{"step":0,"time":1,"metrics":{"loss":1.0}}\n{"step":1,"time":2,"metrics":{"loss":0.5}}\n'
TIME = 1_795_411_571_000


def make(store: Store, run_id: str = "aaa", **given):
    store.prepare()
    files = {"metrics.jsonl": LINES, **given.pop("put", {})}
    run = write_run(store, run_id, files=files, **given)
    if run.record.status != RUNNING:
        (run.folder / "run.json").write_bytes(to_bytes(run.record))
    return run


def repair(store: Store) -> Mender:
    mender = Mender(store)
    mender.mend(checking.check(store))
    return mender


def tree(root: Path) -> dict[str, bytes]:
    files = (path for path in root.rglob("*") if path.is_file() and ".cache" not in path.parts)
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in files}


def kept(mender: Mender) -> dict[str, bytes]:
    files = (path for path in mender.kept.rglob("*") if path.is_file())
    return {path.relative_to(mender.kept).name: path.read_bytes() for path in files}


def exit_code(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["--store", "mlruns", "fsck", *arguments])
    return int(str(ended.value.code))


def test_a_whole_tree_is_left_as_it_is(store: Store) -> None:
    make(store, put={"artifacts/a": "x"})
    before = tree(store.root)
    mender = repair(store)
    assert tree(store.root) == before
    assert not mender.kept.exists()


@pytest.mark.parametrize(
    ("content", "mended"),
    [
        (LINES + '{"step":2,"time":3,"met', LINES),
        (LINES[:-1], LINES),
        (LINES.replace("}}\n{", "}}{"), LINES),
        ('{"step":3,"ti' + LINES, LINES),
        (f"nonsense\n{LINES}", LINES),
        (
            f"<<<<<<< HEAD\n{LINES}=======\n>>>>>>> x\n",
            LINES,
        ),
    ],
)
def test_whole_lines_stay_and_the_file_is_kept_as_it_was(
    store: Store, content: str, mended: str
) -> None:
    run = make(store, put={"metrics.jsonl": content})
    mender = repair(store)
    assert (run.folder / "metrics.jsonl").read_text() == mended
    assert kept(mender)["metrics.jsonl"].decode() == content
    assert checking.check(store).findings == []
    found = store.find("aaa")
    assert (found.record.metrics["loss"].last, found.record.metrics["loss"].count) == (0.5, 2)


def test_a_summary_is_made_anew_of_the_lines(store: Store) -> None:
    run = make(store, params={"alpha": 1}, tags={"team": "a"})
    with (run.folder / "metrics.jsonl").open("a") as file:
        file.write(
            '{"step":2,"time":3,"metrics":{"loss":0.25}}\n{"time":4,"tags":{"late":"yes"}}\n'
        )
    assert [item.kind for item in checking.check(store).findings] == ["stale summary"]
    repair(store)
    record = json.loads((run.folder / "run.json").read_text())
    assert record["metrics"]["loss"]["last"] == 0.25
    assert (record["params"], record["tags"]) == ({"alpha": 1}, {"late": "yes", "team": "a"})
    assert checking.check(store).findings == []


@pytest.mark.slow
def test_a_run_whose_process_was_killed_ends_at_its_last_line(store: Store) -> None:
    script = (
        "import gittrack, time\n"
        "gittrack.start_run()\n"
        f"gittrack.log_metric('loss', 0.5, timestamp={TIME * 2})\n"
        "print('ready', flush=True)\n"
        "time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        assert [item.kind for item in checking.check(store).findings] == []
        process.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 60  # the system takes a moment to give the lock free
    while store.find("@").state() == "running" and time.monotonic() < deadline:
        time.sleep(0.01)
    assert [item.kind for item in checking.check(store).findings] == ["interrupted"]
    repair(store)
    run = store.find("@")
    assert (run.record.status, run.record.end_time) == ("KILLED", TIME * 2)
    assert run.record.metrics["loss"].last == 0.5
    assert checking.check(store).findings == []
    assert not (store.root / ".cache" / "live" / run.run_id).exists()


def test_runs_of_other_machines_end_by_name_only(store: Store, capsys) -> None:
    run = make(store, status=RUNNING, end_time=None)
    assert exit_code("--repair") == 0
    assert store.find("aaa").record.status == RUNNING
    assert exit_code("--repair", "--force", "aaa") == 0
    assert "aaa: ended as KILLED" in capsys.readouterr().err
    assert store.find("aaa").record.status == "KILLED"
    assert store.find("aaa").record.end_time == run.record.start_time
    assert exit_code("--repair", "--force", "aaa") == 2
    assert exit_code("--force", "aaa") == 2


def test_a_running_run_is_not_ended_by_force(store: Store) -> None:
    make(store, status=RUNNING, end_time=None)
    mark = live.take(store.root, "aaa")
    assert mark is not None
    assert exit_code("--repair", "--force", "aaa") == 2
    mark.release()


def changed_since(store: Store, change: Callable[[], object]) -> set[Finding]:
    """Mend what a check found before another process changed the store."""
    report = checking.check(store)
    assert report.faults
    change()
    return Mender(store).mend(report)


def test_a_record_that_was_written_since_the_check_stays(store: Store) -> None:
    run = make(store)
    path = run.folder / "run.json"
    path.unlink()
    assert changed_since(store, lambda: path.write_bytes(to_bytes(run.record))) == set()
    assert store.find("aaa").record == run.record


def test_a_run_that_has_ended_since_the_check_stays_as_it_ended(store: Store) -> None:
    run = make(store, status=RUNNING, end_time=None)
    mark = live.take(store.root, "aaa")
    assert mark is not None
    mark.forget()  # as one that was killed
    ended = to_bytes(run.record.replaced(status="FAILED", end_time=TIME))
    assert changed_since(store, lambda: put(run.folder / "run.json", ended)) == set()
    assert (run.folder / "run.json").read_bytes() == ended


def test_a_run_that_was_resumed_since_the_check_is_left_to_its_process(store: Store) -> None:
    run = make(store)
    put(run.folder / "metrics.jsonl", f"{LINES}nonsense\n")
    resumed: list[live.Mark | None] = []
    assert changed_since(store, lambda: resumed.append(live.take(store.root, "aaa"))) == set()
    assert (run.folder / "metrics.jsonl").read_text().endswith("nonsense\n")
    assert live.state(store.root, "aaa") == "running"
    assert resumed[0] is not None
    resumed[0].release()


def test_a_run_that_another_machine_may_have_open_is_left_to_it(store: Store) -> None:
    run = make(store, status=RUNNING, end_time=None)
    put(run.folder / "metrics.jsonl", f"{LINES}nonsense\n")
    mark = store.root / ".cache" / "live" / "aaa"
    put(mark, '{"host": "another host"}')
    os.utime(mark, (time.time() - 3600,) * 2)
    repair(store)
    assert (run.folder / "metrics.jsonl").read_text().endswith("nonsense\n")
    assert live.state(store.root, "aaa") == "silent"
    assert exit_code("--repair", "--force", "aaa") == 0
    assert store.find("aaa").record.status == "KILLED"


def test_what_is_gone_since_the_check_is_no_error(store: Store) -> None:
    half = leave_half(make(store).folder / "abc.gittrack-tmp")
    assert changed_since(store, half.unlink) == set()


def test_what_is_taken_away_is_kept_in_a_folder(store: Store) -> None:
    run = make(store, put={"artifacts/a": "x"})
    leave_half(run.artifacts / "b.gittrack-tmp")
    put(run.folder / "edit-20261123-051200-abcdefgh.json", '{"format": 1, "ti')
    (run.artifacts / "nothing").symlink_to("gone")
    mender = repair(store)
    assert sorted(path.name for path in run.artifacts.iterdir()) == ["a"]
    assert kept(mender) == {
        "b.gittrack-tmp": b"half",
        "edit-20261123-051200-abcdefgh.json": b'{"format": 1, "ti',
    }
    place = mender.kept / run.artifacts.relative_to(store.root) / "nothing"
    assert place.is_symlink()
    assert checking.check(store).findings == []


def test_names_records_and_rules_that_are_missing_are_written_again(store: Store) -> None:
    run = make(store, experiment="Größe")
    lost = make(store, "bbb", experiment="Größe")
    (store.root / run.experiment_id / "experiment.json").unlink()
    (store.root / ".gitattributes").unlink()
    (lost.folder / "run.json").unlink()
    repair(store)
    assert checking.check(store).findings == []
    assert store.experiment("Größe").experiment_id == run.experiment_id
    found = store.find("bbb").record
    assert (found.status, found.experiment, found.metrics["loss"].last) == ("KILLED", "Größe", 0.5)


def test_an_alias_to_nowhere_goes(store: Store) -> None:
    make(store, put={"artifacts/model/MLmodel": "flavors: {}\n"})
    Registry(store).register("wine", run_id="aaa", path="model", digest="sha256:0")
    put(store.root / "models" / "wine" / "aliases" / "champion", "7\n")
    mender = repair(store)
    assert kept(mender) == {"champion": b"7\n"}


def test_the_exit_code_and_json_tell_what_is_left(store: Store, capsys) -> None:
    token = "gh" + "p_" + "a1" * 18
    make(store, put={"output.log": f"{token}\n", "metrics.jsonl": LINES[:-10]})
    assert exit_code() == 1
    assert "2 wrong" in capsys.readouterr().err
    assert exit_code("--repair", "--json") == 1
    envelope = json.loads(capsys.readouterr().out)
    assert schema.check("output", envelope) == []
    shown = envelope["data"]
    assert {item["kind"]: item["mended"] for item in shown["findings"]} == {
        "broken line": True,
        "secret": False,
    }
    assert Path(shown["kept"]).is_dir()
    (store.find("aaa").folder / "output.log").unlink()
    assert exit_code() == 0


def test_what_only_the_summary_knows_is_kept(store: Store) -> None:
    run = make(store)
    before = (run.folder / "run.json").read_bytes()
    (run.folder / "metrics.jsonl").unlink()
    read = store.find(run.run_id)
    assert read.record.metrics["loss"].count == 2
    assert "its last values stand in run.json" in str(read.problems[0])
    repair(store)
    assert (run.folder / "run.json").read_bytes() == before
    assert [finding.kind for finding in checking.check(store).findings] == ["missing file"]
