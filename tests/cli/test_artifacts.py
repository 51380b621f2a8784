from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.cli.test_looking import call, data_of
from tests.conftest import make_repository
from tests.making import write_run

if TYPE_CHECKING:
    from gittrack.runs.store import Store

BYTES = bytes(range(256)) * 10


@pytest.fixture
def run(store: Store) -> None:
    files = {
        "artifacts/plots/roc.png": BYTES,
        "artifacts/notes.txt": "[red]one\n",
        "output.log": "x",
    }
    write_run(store, "k3v9x2mq7d", files=files)
    write_run(store, "bare")


@pytest.mark.usefixtures("run")
def test_artifacts_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = call(capsys, "artifacts", "ls", "k3v9")
    assert out.splitlines()[1:] == ["notes.txt         9 B", "plots/roc.png  2.6 kB"]
    assert data_of(capsys, "artifacts", "ls", "k3v9", "plots") == [
        {"path": "plots/roc.png", "size": 2560}
    ]
    assert data_of(capsys, "artifacts", "ls", "k3v9", "notes.txt") == [
        {"path": "notes.txt", "size": 9}
    ]
    assert call(capsys, "artifacts", "ls", "k3v9", "--csv")[0].splitlines()[1] == "notes.txt,9"
    assert call(capsys, "artifacts", "ls", "bare") == ("", "run bare has no artifacts\n")
    assert data_of(capsys, "artifacts", "ls", "bare") == []


@pytest.mark.usefixtures("run")
def test_an_artifact_is_printed_byte_by_byte() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "gittrack", "artifacts", "cat", "k3v9", "plots/roc.png"],
        capture_output=True,
        check=True,
    )
    assert done.stdout == BYTES


@pytest.mark.usefixtures("run")
def test_what_is_no_artifact_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    _, err = call(capsys, "artifacts", "cat", "k3v9", "note.txt", code=3)
    assert "no artifact 'note.txt'" in err
    assert "hint: gittrack artifacts ls k3v9x2mq7d" in err
    assert "plots is a folder" in call(capsys, "artifacts", "cat", "k3v9", "plots", code=2)[1]
    for path in ("../output.log", "/etc/passwd", "plots/../../run.json"):
        assert "Invalid artifact path" in call(capsys, "artifacts", "cat", "k3v9", path, code=2)[1]


@pytest.mark.usefixtures("run")
def test_artifacts_are_copied_and_replace_nothing_unasked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert call(capsys, "artifacts", "get", "k3v9", "plots/roc.png", "-o", "out")[0] == (
        "out/roc.png\n"
    )
    assert Path("out/roc.png").read_bytes() == BYTES
    Path("out/roc.png").write_text("mine")
    _, err = call(capsys, "artifacts", "get", "k3v9", "plots/roc.png", "-o", "out", code=2)
    assert "out/roc.png is there already" in err
    call(capsys, "artifacts", "get", "k3v9", "plots/roc.png", "-o", "out", "--force")
    assert Path("out/roc.png").read_bytes() == BYTES
    assert call(capsys, "artifacts", "get", "k3v9")[0] == "artifacts-k3v9x2mq7d\n"
    assert Path("artifacts-k3v9x2mq7d/notes.txt").read_text() == "[red]one\n"
    assert "has no artifacts" in call(capsys, "artifacts", "get", "bare", code=3)[1]


@pytest.mark.usefixtures("run")
def test_a_file_is_no_folder_to_copy_into(capsys: pytest.CaptureFixture[str]) -> None:
    Path("mine").write_text("mine")
    for force in ((), ("--force",)):
        args = ("artifacts", "get", "k3v9", "notes.txt", "-o", "mine", *force)
        _, err = call(capsys, *args, code=2)
        assert "error: mine is a file, not a folder" in err
        assert "hint: -o names the folder to put it in" in err
    assert Path("mine").read_text() == "mine"


@pytest.mark.usefixtures("run")
def test_an_artifact_of_a_revision_is_printed(isolated: Path) -> None:
    make_repository(isolated)
    done = subprocess.run(
        [sys.executable, "-m", "gittrack", "artifacts", "cat", "main:k3v9x2mq7d", "notes.txt"],
        check=False,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "[red]one\n", "")
