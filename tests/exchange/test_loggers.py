"""Files that TensorBoard and DVCLive wrote, as runs."""

from __future__ import annotations

import os
import struct
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gittrack.exchange import importers, taking
from gittrack.exchange.importers import tensorboard
from gittrack.exchange.incoming import Left
from gittrack.exchange.taking import Taken
from gittrack.runs.store import Store
from tests.making import put
from tests.parts import environment

SCRIPTS = Path(__file__).parent / "logger_scripts"


def write(script: str, target: Path) -> None:
    env = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "DVC_NO_ANALYTICS": "1"}
    done = subprocess.run(
        [environment("loggers"), SCRIPTS / script, target],
        check=False,
        capture_output=True,
        text=True,
        env=env,
    )
    assert done.returncode == 0, done.stderr[-3000:]


def bring_in(store: Store, path: Path) -> Taken:
    left = Left()
    source = importers.choose(None, path).read(path, left, folders=())
    return taking.take(store, source, left)


def tree(root: Path) -> dict[str, bytes]:
    files = (path for path in root.rglob("*") if path.is_file() and ".cache" not in path.parts)
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in files}


@pytest.mark.slow
@pytest.mark.needs("env:loggers")
def test_a_run_for_each_folder_of_event_files(store: Store, isolated: Path) -> None:
    write("tensorboard_writes.py", isolated / "logs")
    taken = bring_in(store, isolated / "logs")
    assert taken.runs == 2
    run = store.find("eval/small")
    assert (run.record.experiment, run.record.start_time) == ("logs", 1_795_411_510_250)
    assert [(p.step, p.value) for p in run.history("acc/top1")] == [
        (step - 1, float(step)) for step in range(5)
    ]
    assert run.history("loss")[2].value == pytest.approx(1 / 3)
    assert [problem.message for problem in taken.problems] == [
        "no scalars, and left out: words"
    ] * 2
    before = tree(store.root)
    assert bring_in(store, isolated / "logs").known == 2
    assert tree(store.root) == before


@pytest.mark.slow
@pytest.mark.needs("env:loggers")
def test_a_folder_of_dvclive_is_a_run(store: Store, isolated: Path) -> None:
    write("dvclive_writes.py", isolated / "project" / "dvclive")
    put(isolated / "project" / "dvclive" / "plots" / "images" / "a.png", b"\0")
    taken = bring_in(store, isolated / "project")
    assert (taken.runs, taken.problems) == (1, [])
    run = store.find("@")
    assert run.record.experiment == "project"
    assert run.record.params == {"lr": 0.1, "net.depth": 3, "net.kind": "cnn"}
    assert [p.value for p in run.history("loss")] == [1, 1 / 2, 1 / 3, 1 / 4]
    assert [p.step for p in run.history("train/acc")] == [0, 1, 2, 3]
    assert run.record.metrics["best"].last == 0.75
    assert (run.artifacts / "plots" / "images" / "a.png").is_file()
    assert bring_in(store, isolated / "project" / "dvclive").known == 1


def test_a_table_that_grew_is_taken_again(store: Store, isolated: Path) -> None:
    table = isolated / "project" / "dvclive" / "plots" / "metrics" / "loss.tsv"
    put(table, "timestamp\tstep\tloss\n1000\t0\t1.0\nx\ty\tz\n")
    taken = bring_in(store, isolated / "project")
    assert [problem.message for problem in taken.problems][-1] == (
        "1 rows are left out: they hold no number"
    )
    put(table, "timestamp\tstep\tloss\n1000\t0\t1.0\n2000\t1\t0.5\n")
    assert bring_in(store, isolated / "project").renewed == 1
    assert [p.value for p in store.find("@").history("loss")] == [1.0, 0.5]


def record(data: bytes) -> bytes:
    return struct.pack("<Q", len(data)) + b"\0" * 4 + data + b"\0" * 4


def test_an_event_file_that_is_cut_off_keeps_what_is_whole(store: Store, isolated: Path) -> None:
    event = (
        b"\x09"
        + struct.pack("<d", 5.0)
        + b"\x10\x02\x2a\x0b\x0a\x09\x0a\x02ab\x15"
        + struct.pack("<f", 0.5)
    )
    file = isolated / "logs" / "events.out.tfevents.1"
    put(file, record(event) + record(event)[:-9])
    taken = bring_in(store, isolated / "logs")
    assert store.find("@").history("ab") == [(2, 5000, 0.5)]
    assert "cut off" in str(taken.problems[0])


@settings(max_examples=300)
@given(st.binary(max_size=200))
def test_no_bytes_are_more_than_a_problem(data: bytes) -> None:
    with suppress(ValueError, IndexError, struct.error):
        tensorboard._event(data)
