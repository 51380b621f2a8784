"""Tags, notes and deletion from the terminal, each command a process of its own."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.making import write_run

if TYPE_CHECKING:
    from gittrack.runs.store import Store

RUN = "k3v9x2mq7d"


def gittrack(*args: str, code: int = 0, **options: object) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "gittrack", *args],
        check=False,
        capture_output=True,
        text=True,
        **options,  # type: ignore[call-overload]
    )
    assert done.returncode == code, done.stderr
    return done


@pytest.fixture
def one(store: Store) -> Store:
    """One run, with one tag."""
    write_run(store, RUN, name="calm-fox", tags={"team": "a"})
    return store


def files_of(store: Store) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in store.find(RUN).folder.iterdir()}


def test_tags_are_set_and_removed(one: Store) -> None:
    before = files_of(one)
    done = gittrack("tag", "calm-fox", "checked=yes", "formula=a=b", "empty=", "--remove", "team")
    assert done.stdout == ""
    assert done.stderr == f"run {RUN} (calm-fox): 4 tags changed\n"
    assert one.find(RUN).record.tags == {"checked": "yes", "formula": "a=b", "empty": ""}
    after = files_of(one)
    assert before.items() < after.items()
    assert len(after) == len(before) + 1


def test_mlflows_tags_for_name_and_note_are_name_and_note(one: Store) -> None:
    gittrack("tag", RUN, "mlflow.runName=renamed", "mlflow.note.content=good")
    found = one.find(RUN)
    assert (found.record.name, found.note) == ("renamed", "good")
    gittrack("tag", RUN, "-r", "mlflow.note.content")
    assert one.find(RUN).note == ""


@pytest.mark.parametrize(
    ("args", "message", "hint", "code"),
    [
        (["team"], "'team' is no NAME=VALUE", "gittrack tag @ team=a", 2),
        ([], "no tag is given", "gittrack tag @ team=a", 2),
        (["=x"], "Invalid tag name", "may not be empty", 2),
        (["a\n=x"], "Invalid tag name", "use letters", 2),
        (["a=1", "a=2"], "tag 'a' is given twice", "give each tag once", 2),
        (["team=b", "-r", "team"], "tag 'team' is given twice", "give each tag once", 2),
        (["x=1", "-r", "taem"], f"run {RUN} has no tag 'taem'", "did you mean 'team'?", 3),
    ],
)
def test_wrong_tags_change_nothing(
    one: Store, args: list[str], message: str, hint: str, code: int
) -> None:
    before = files_of(one)
    first, *more = gittrack("tag", RUN, *args, code=code).stderr.splitlines()
    assert message in first
    assert hint in more[-1]
    assert files_of(one) == before


def test_a_note_is_set_replaced_and_removed(one: Store) -> None:
    gittrack("note", "@", "the good one")
    assert one.find(RUN).note == "the good one"
    gittrack("note", "@", "-", input="two\nlines\n")
    assert one.find(RUN).note == "two\nlines"
    assert "its note is removed" in gittrack("note", "@", "").stderr
    assert one.find(RUN).note == ""


def test_a_note_that_is_no_utf8_or_has_no_stdin_is_no_fault_of_ours(one: Store) -> None:
    command = f"printf 'caf\\351' | {sys.executable} -m gittrack note @ -"
    subprocess.run(["bash", "-c", command], check=True)
    assert one.find(RUN).note == "caf\N{REPLACEMENT CHARACTER}"
    closed = ["bash", "-c", f"{sys.executable} -m gittrack note @ - <&-"]
    done = subprocess.run(closed, check=False, capture_output=True, text=True)
    assert done.returncode == 2
    assert "there is no stdin" in done.stderr
    assert gittrack("note", "@", b"caf\xe9").returncode == 0  # type: ignore[arg-type]


def test_a_secret_is_left_out_and_said(one: Store) -> None:
    secret = "s" + "k-" + "a1" * 24
    done = gittrack("tag", "@", f"key={secret}")
    assert "warning: the value of tag 'key' looks like a secret (openai key) and is left out" in (
        done.stderr
    )
    assert "the note looks like a secret (openai key)" in gittrack("note", "@", secret).stderr
    assert not any(secret.encode() in content for content in files_of(one).values())


def test_a_deleted_run_is_hidden_until_it_is_restored(one: Store) -> None:
    before = files_of(one)
    assert f"deleted; gittrack restore {RUN} brings it back" in gittrack("rm", "calm-fox").stderr
    assert "calm-fox" not in gittrack("ls").stdout
    assert before.items() < files_of(one).items()
    deleted = files_of(one)
    assert "was deleted before" in gittrack("rm", RUN).stderr
    assert files_of(one) == deleted
    assert "restored" in gittrack("restore", RUN).stderr
    assert "calm-fox" in gittrack("ls").stdout
    assert "is not deleted" in gittrack("restore", RUN).stderr


def test_a_deleted_run_is_restored_by_its_name_where_that_is_clear(one: Store) -> None:
    gittrack("rm", RUN)
    gittrack("restore", "calm-fox")
    assert not one.find(RUN).deleted
    for run_id in ("a000000000", "a000000001"):
        write_run(one, run_id, name="twin")
        gittrack("rm", run_id)
    done = gittrack("restore", "twin", code=3)
    assert "'twin' fits 2 deleted runs: a000000000, a000000001" in done.stderr


def test_a_run_whose_experiment_is_deleted_is_said_to_stay_hidden(one: Store) -> None:
    from gittrack.runs import edits
    from gittrack.runs.edits import Edit

    gittrack("rm", RUN)
    edits.write(one.find(RUN).folder.parent, Edit(deleted=True))
    assert "warning: its experiment 'wine' is deleted" in gittrack("restore", RUN).stderr


@pytest.mark.usefixtures("one")
@pytest.mark.parametrize(
    "args", [["tag", "zz", "a=1"], ["note", "zz", "x"], ["rm", "zz"], ["restore", "zz"]]
)
def test_a_run_that_is_not_there_is_not_found(args: list[str]) -> None:
    assert "no run 'zz' in" in gittrack(*args, code=3).stderr
