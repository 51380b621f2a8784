"""A run is named to the index as it is to the tree, and found without reading the others."""

from __future__ import annotations

import sqlite3

import pytest

from gittrack import search
from gittrack.errors import GittrackError
from gittrack.runs import edits
from gittrack.runs.edits import Edit
from gittrack.runs.store import Store
from gittrack.search import index
from tests.conftest import git, make_repository
from tests.making import START, write_run
from tests.search.test_index import let_it_age

NAN = float("nan")
REFERENCES = [
    "@",
    "@~1",
    "@~2",
    "@~3",
    "@~4",
    "@~99",
    "best:acc",
    "best:acc:min",
    "best:acc:max",
    "best:odd",
    "best:ac",
    "best:none",
    "twin",
    "aaa",
    "aaaa",
    "aaaa1",
    "bbbb1",
    "b",
    "gone",
    "dddd1",
    "buried",
    "eeee1",
    "before",
    "after",
    "broken",
    "gggg1",
    "nothing",
    "",
    "a: b/ü",
    "best:",
    "\ud800",
    "x" * 5000,
]


@pytest.fixture
def runs(store: Store) -> Store:
    """A store with names of all kinds, deleted runs and experiments, and one broken record."""
    write_run(store, "aaaa1", name="twin", metrics={"acc": 0.5, "odd": NAN}, start_time=START)
    write_run(store, "aaaa2", name="twin", metrics={"acc": 0.9}, start_time=START)
    write_run(store, "bbbb1", name="aaa", metrics={"acc": 0.9}, start_time=START + 9000)
    write_run(store, "cccc1", experiment="Größe", name="a: b/ü", metrics={"acc": NAN})
    write_run(store, "dddd1", name="gone", metrics={"acc": 7}, start_time=START + 99_000)
    edits.write(store.find("dddd1").folder, Edit(deleted=True))
    old = write_run(store, "eeee1", experiment="old", name="buried", metrics={"acc": 8})
    edits.write(old.folder.parent, Edit(deleted=True))
    renamed = write_run(store, "ffff1", name="before", start_time=START + 5)
    edits.write(renamed.folder, Edit(name="after"))
    broken = write_run(store, "gggg1", name="broken", start_time=START + 999_000)
    (broken.folder / "run.json").write_text("{")
    return store


def told(find: object, store: Store, reference: str) -> str:
    """Return the run that is found, or what is said where none is."""
    try:
        return find(store, reference).run_id  # type: ignore[operator]
    except GittrackError as error:
        return f"{type(error).__name__}: {error.message} ({error.hint})"


@pytest.mark.parametrize("reference", REFERENCES)
def test_the_index_finds_what_reading_everything_finds(runs: Store, reference: str) -> None:
    expected = told(Store.find, runs, reference)
    assert told(search.find, runs, reference) == expected
    assert told(search.find, runs, reference) == expected  # by the index that the first one made
    assert told(search.find_anywhere, runs, reference) == expected


@pytest.mark.parametrize(
    ("column", "answers", "reference", "run_id"),
    [
        ("acc", "[null,[1,2]]", "best:acc", "bbbb"),
        ("run_name", '[null,["one","two"]]', "two", "bbbb"),
        ("start_time", "[null,[5,4]]", "@", "aaaa"),
    ],
)
def test_no_other_run_is_read(
    store: Store, column: str, answers: str, reference: str, run_id: str
) -> None:
    write_run(store, "aaaa", metrics={"acc": 0.9}, start_time=START)
    write_run(store, "bbbb", metrics={"acc": 0.5}, start_time=START + 1000)
    let_it_age(store)
    search.find(store, "@")
    with sqlite3.connect(index.path_of(store.root)) as change:
        # Which is in no file, so that only the index can have said it.
        change.execute("UPDATE filled SET answers = ? WHERE name = ?", (answers, column))
    change.close()
    assert search.find(store, reference).run_id == run_id


def test_a_name_with_a_colon_is_no_revision_where_there_is_none(store: Store) -> None:
    make_repository(store.root.parent)
    write_run(store, "aaaa", name="lr: 0.1")
    git("add", "-A")
    git("commit", "-q", "-m", "runs")
    assert search.find_anywhere(store, "lr: 0.1").run_id == "aaaa"
    assert search.find_anywhere(store, "HEAD:aaaa").place.startswith("HEAD:")
