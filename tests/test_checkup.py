from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gittrack.runs import edits
from gittrack.runs.edits import Edit
from gittrack.runs.record import RUNNING
from tests.cli.test_looking import call, data_of
from tests.conftest import git, make_repository
from tests.making import put, shut, without_rights, write_run

if TYPE_CHECKING:
    from gittrack.runs.store import Store


def found(capsys: pytest.CaptureFixture[str], *, code: int = 0) -> dict[str, list[tuple[str, ...]]]:
    checks: dict[str, list[tuple[str, ...]]] = {}
    for check in data_of(capsys, "doctor", code=code):
        checks.setdefault(check["name"], []).append((check["state"], check["found"], check["hint"]))
    return checks


def test_all_is_well(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    write_run(store, "a")
    store.prepare()
    checks = found(capsys)
    assert {state for named in checks.values() for state, *_ in named} <= {"good", "note"}
    assert checks["store"] == [("good", str(store.root), "")]
    assert checks["runs"] == [("good", "1", "")]
    assert checks["index"][0][0] == "good"
    out, err = call(capsys, "doctor")
    assert "nothing is wrong" in err
    assert str(store.root) in out


def test_before_the_first_run(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    assert found(capsys)["store"][0][1] == f"{store.root} is not there yet"
    assert not store.root.exists()


def test_the_line_that_keeps_runs_from_being_committed_is_named(
    isolated: Path, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    make_repository(isolated, {".gitignore": "*.tmp\nmlruns/\n"})
    write_run(store, "a")
    _, (state, what, hint) = found(capsys, code=1)["store"]
    assert (state, what) == ("bad", "Git ignores it by .gitignore:2:mlruns/")
    assert hint.startswith("take line 2 out of .gitignore")


def test_changed_dot_files_are_said(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    store.prepare()
    (store.root / ".gitignore").write_text("*\n")
    _, (state, _, hint) = found(capsys, code=1)["store"]
    assert state == "bad"
    assert hint.startswith(f"rm {store.root}/.gitignore")
    (store.root / ".gitignore").unlink()
    store.prepare()
    assert len(found(capsys)["store"]) == 1


def test_broken_and_interrupted_runs_are_named(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    for run_id in ("a", "b", "c", "d", "e"):
        (write_run(store, run_id).folder / "run.json").write_text("{")
    write_run(store, "lost", status=RUNNING)
    mark = store.root / ".cache" / "live" / "lost"
    mark.parent.mkdir(parents=True)
    mark.write_text(json.dumps({"host": socket.gethostname(), "boot": "earlier"}))
    checks = found(capsys, code=1)["runs"]
    assert checks[0][1] == "1"
    assert [state for state, *_ in checks] == ["good", "bad", "bad", "bad", "bad", "note"]
    assert checks[4][1] == "2 more of this kind"
    assert checks[5][1:] == (
        "1 ended without saying so: lost",
        "gittrack fsck --repair seals them",
    )


def test_deleted_runs_are_counted_apart(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    for run_id in ("a", "b"):
        write_run(store, run_id)
    edits.write(store.find("a").folder, Edit(deleted=True))
    gone = write_run(store, "c", experiment="old")
    edits.write(gone.folder.parent, Edit(deleted=True))
    assert found(capsys)["runs"] == [("good", "3, 2 of them deleted", "")]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[tool.gittrack\nx = 1", "pyproject.toml: not valid TOML"),
        ('[tool.gittrack.metrics]\nacc = "up"', "the direction of metric 'acc' is 'up'"),
        ("[tool.gittrack]\ncheck = 3", "'check' in the configuration in"),
        ("[tool.gittrack]\nstore = 3", "has store = 3"),
    ],
)
def test_a_configuration_that_cannot_be_used_is_a_line(
    isolated: Path, store: Store, capsys: pytest.CaptureFixture[str], text: str, words: str
) -> None:
    write_run(store, "a")
    (isolated / "pyproject.toml").write_text(text)
    ((state, what, hint),) = found(capsys, code=1)["configuration"]
    assert state == "bad"
    assert words in what
    assert hint


@pytest.mark.needs("program:setpriv")
@pytest.mark.parametrize("mode", [0, 0o600])
@pytest.mark.parametrize("name", ["", ".cache", "wine"])
def test_a_folder_that_may_not_be_searched_is_a_line(store: Store, name: str, mode: int) -> None:
    write_run(store, "a")
    (store.root / ".cache").mkdir(exist_ok=True)
    with shut(store.root / name, mode):
        done = without_rights("doctor", "--json")
    assert done.returncode == (0 if name == ".cache" else 1), done.stderr
    assert "Permission denied" in done.stdout


def test_an_index_that_cannot_be_kept_is_a_note(
    store: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_run(store, "a")
    monkeypatch.setenv("GITTRACK_CACHE", "/dev/null/cache")
    ((state, what, hint),) = found(capsys)["index"]
    assert state == "note"
    assert "search reads every run" in what
    assert "GITTRACK_CACHE" in hint


def test_who_commits_is_asked_of_git(
    store: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_run(store, "a")
    git("init", "-q")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    assert [name for _, name, _ in found(capsys)["git"][1:]] == [
        "user.name is not set",
        "user.email is not set",
    ]


def test_a_file_in_the_place_of_the_store_is_said(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    store.root.write_text("in the way")
    assert ("bad", f"{store.root} is a file", f"mv {store.root} elsewhere") in [
        check for checks in found(capsys, code=1).values() for check in checks
    ]


def test_a_model_version_in_conflict_is_named_with_what_mends_it(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run(store, "a")
    put(store.root / "models" / "wine" / "versions" / "1.json", "<<<<<<< a\n=======\n>>>>>>> b\n")
    ((state, what, hint),) = found(capsys, code=1)["models"]
    assert state == "bad"
    assert "conflict markers" in what
    assert hint.endswith("gittrack models renumber wine/1")
