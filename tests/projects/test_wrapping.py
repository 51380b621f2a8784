"""Commands that know nothing of gittrack: what they were given, and what they print."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gittrack.projects.wrapping import Scraper, params_of, read_line
from gittrack.runs.store import Store
from tests.environments.conftest import make_wheel

if TYPE_CHECKING:
    pass

TRAIN = """\
import sys
for epoch in range(3):
    print(f"epoch {epoch}: loss={1 / (epoch + 1)}, acc: {epoch / 10}", flush=True)
sys.stderr.write("valid/auc: 0.75\\n")
sys.stdout.write("progress=1\\rprogress=2\\rprogress=3\\n")
open("model.bin", "w").write("model")
open("notes.txt", "w").write("notes")
sys.exit(int(sys.argv[-1]))
"""


@pytest.mark.parametrize("code", [0, 3])
def test_a_command_is_recorded(isolated: Path, store: Store, gittrack: Any, code: int) -> None:
    (isolated / "train.py").write_text(TRAIN)
    command = ["python", "train.py", "--lr", "0.1", "--name=a b", "--fast", "--", str(code)]

    done = gittrack("run", "--scrape", "--artifacts", "*.bin", "--name", "mine", "--", *command)

    assert done.returncode == code
    (run,) = store.runs().runs
    record = run.record
    assert (record.name, record.status) == ("mine", "FAILED" if code else "FINISHED")
    assert record.params == {"lr": 0.1, "name": "a b", "fast": True}
    assert record.source["type"] == "LOCAL"
    assert record.source["command"] == f"python train.py --lr 0.1 '--name=a b' --fast -- {code}"
    assert record.source["exit_code"] == code
    last = {name: (summary.last, summary.step) for name, summary in record.metrics.items()}
    assert last == {
        "loss": (pytest.approx(1 / 3), 2), "acc": (0.2, 2),
        "valid/auc": (0.75, 0), "progress": (3.0, 0),
    }  # fmt: skip
    assert [path.name for path in run.artifacts.iterdir()] == ["model.bin"]
    log = (run.folder / "output.log").read_text()
    assert "epoch 0: loss=1.0, acc: 0.0\n" in log
    assert "progress=3\n" in log
    assert "progress=1" not in log


def test_arguments_reach_the_command_unchanged(isolated: Path, gittrack: Any) -> None:
    odd = ["{x}", "$(touch pwned)", "a'b\"c", "", "--", "; touch pwned", "*", "a\nb"]
    script = "import json, sys; print(json.dumps(sys.argv[1:]))"

    done = gittrack("run", "--", "python", "-c", script, *odd)

    assert json.loads(done.stdout) == odd
    assert not (isolated / "pwned").exists()


def test_a_program_that_is_not_there_makes_no_run(isolated: Path, gittrack: Any) -> None:
    done = gittrack("run", "--", "no-such-program", "x")

    assert done.returncode == 3
    assert "there is no program 'no-such-program'" in done.stderr
    assert list(isolated.iterdir()) == []


def test_a_pattern_that_finds_nothing_is_said(gittrack: Any) -> None:
    done = gittrack("run", "--artifacts", "*.gone", "--", "true")

    assert done.returncode == 0
    assert "--artifacts *.gone: no file of that name was left" in done.stderr


@pytest.mark.parametrize("pattern", ["/etc/host*", "/", "", ".", "a**b", "../*"])
def test_a_pattern_of_other_files_is_refused_before_anything_runs(
    isolated: Path, gittrack: Any, pattern: str
) -> None:
    done = gittrack("run", "--artifacts", pattern, "--", "touch", "ran")

    assert done.returncode == 2
    assert "is no pattern of files inside" in done.stderr
    assert list(isolated.iterdir()) == []


def test_an_entry_point_beside_a_command_is_refused(isolated: Path, gittrack: Any) -> None:
    done = gittrack("run", "-e", "nosuch", "--", "touch", "ran")

    assert done.returncode == 2
    assert "'nosuch'" in done.stderr
    assert list(isolated.iterdir()) == []


def test_runs_are_no_artifacts_of_their_own(isolated: Path, store: Store, gittrack: Any) -> None:
    (isolated / "x.txt").write_text("x")

    assert gittrack("run", "--artifacts", "**/*", "--", "true").returncode == 0

    (run,) = store.runs().runs
    assert [path.name for path in run.artifacts.rglob("*")] == ["x.txt"]


LINES = {
    "loss: 0.5": ({"loss": 0.5}, None),
    "loss=0.5": ({"loss": 0.5}, None),
    "val_loss = -1e-3, acc: .9": ({"val_loss": -0.001, "acc": 0.9}, None),
    "Epoch 3/10 - loss: 0.25 - accuracy: 0.9": ({"loss": 0.25, "accuracy": 0.9}, 3),
    "step=12 train/loss=3": ({"train/loss": 3.0}, 12),
    "{'loss': 0.5}": ({}, None),
    "at 12:30:45 it was": ({}, None),
    "time: 12:30": ({}, None),
    "http://localhost:5000": ({}, None),
    "version: 1.2.3": ({}, None),
    "file.py:12: warning": ({}, None),
    "size: 5kB": ({}, None),
    "a: inf": ({"a": math.inf}, None),
    "loss: none": ({}, None),
    "": ({}, None),
}


@pytest.mark.parametrize(("line", "expected"), LINES.items(), ids=LINES)
def test_numbers_with_a_name_are_metrics(line: str, expected: tuple[dict[str, float], Any]) -> None:
    assert read_line(line) == expected


@given(st.text(max_size=200))
def test_no_line_is_too_odd(line: str) -> None:
    metrics, step = read_line(line)

    assert all(isinstance(value, float) for value in metrics.values())
    assert step is None or step >= 0


@given(st.from_regex(r"[a-z][a-z_]{0,10}", fullmatch=True), st.floats(allow_nan=False))
def test_what_is_printed_is_read_back(name: str, value: float) -> None:
    if name in ("epoch", "step", "iter", "iteration"):
        return
    assert read_line(f"{name}: {value!r}").metrics == {name: value}
    assert read_line(f"{name}={value}").metrics == {name: value}


def test_a_name_counts_its_own_steps_until_one_is_named() -> None:
    logged: list[tuple[dict[str, float], int]] = []
    scraper = Scraper(lambda metrics, step: logged.append((metrics, step)))

    for line in ("a: 1", "b: 1", "a: 2", "step 7 a: 3", "a: 4"):
        scraper.feed(line)

    assert [(name, step) for metrics, step in logged for name in metrics] == [
        ("a", 0), ("b", 0), ("a", 1), ("a", 7), ("a", 3),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--a", "1", "--b=x", "--c"], {"a": 1, "b": "x", "c": True}),
        (["--x", "-1", "--y", "-v"], {"x": -1, "y": True}),
        (["x", "-y", "--=z", "--", "--end"], {"end": True}),
        (["--a b", "1"], {}),
    ],
)
def test_long_options_are_params(arguments: list[str], expected: dict[str, Any]) -> None:
    assert params_of(arguments) == expected


def test_a_command_can_have_an_environment_too(isolated: Path, store: Store, gittrack: Any) -> None:
    make_wheel(isolated)
    (isolated / "requirements.txt").write_text("./tiny-1.0-py3-none-any.whl\n")
    command = ["python", "-c", "import gittrack, tiny; gittrack.log_param('v', tiny.VERSION)"]

    done = gittrack("run", "--env-manager", "virtualenv", "--", *command)

    assert done.returncode == 0, done.stderr
    (run,) = store.runs().runs
    assert run.record.params == {"v": "1.0"}
    assert (run.folder / "requirements.txt").read_text().count("tiny==1.0") == 1
