"""The index is fast, builds itself, and is never wrong: every search says what the tree says."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gittrack import search
from gittrack.runs import edits
from gittrack.runs.edits import Edit
from gittrack.runs.record import RUNNING
from gittrack.runs.store import Store
from gittrack.search import chunks, index
from tests.conftest import git, make_repository
from tests.making import START, write_run

if TYPE_CHECKING:
    from collections.abc import Iterable

ACC = search.Key("metric", "acc")


def accuracies(store: Store) -> dict[str, Any]:
    """Return what the search sees of every run, through the index."""
    found = search.table(store, [search.Key("attribute", "run_id"), ACC])
    return dict(zip(*found.columns.values(), strict=True))


def told_by_the_tree(store: Store) -> dict[str, Any]:
    return {
        run.run_id: summary.last if (summary := run.record.metrics.get("acc")) else None
        for run in store.runs().runs
    }


def let_it_age(store: Store) -> None:
    """Wait until no file of the tree is so new that the index would not believe its times."""
    found = [path.lstat() for path in (store.root, *store.root.rglob("*"))]
    newest = max(max(entry.st_mtime_ns, entry.st_ctime_ns) for entry in found)
    while time.time_ns() <= newest + chunks.UNSURE_NS:
        time.sleep(0.05)


def believed(store: Store) -> int:
    """Return how many runs the index would not read again."""
    with index.opened(store.root) as opened:
        return sum(bool(entry.stamp) for chunk in opened.chunks() for entry in chunk.entries)


def settle(store: Store) -> None:
    let_it_age(store)
    accuracies(store)


def falsify(store: Store) -> None:
    """Let the index say that every accuracy is 77, which is in no file."""
    with sqlite3.connect(index.path_of(store.root)) as change:
        change.execute("UPDATE filled SET answers = '[null,[77]]' WHERE name = 'acc'")
    change.close()


# -- it is used


def test_what_has_not_changed_is_not_read_again(store: Store) -> None:
    write_run(store, "a", metrics={"acc": 0.5})
    settle(store)
    falsify(store)
    assert accuracies(store) == {"a": 77}
    assert search.runs(store, filter_string="metrics.acc = 77").runs[0].run_id == "a"


def test_what_was_written_a_moment_ago_is_read_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunks, "UNSURE_NS", 3600 * 10**9)  # however long this takes
    write_run(store, "a", metrics={"acc": 0.5})
    accuracies(store)
    falsify(store)
    assert accuracies(store) == {"a": 0.5}


def test_the_index_lies_in_the_cache_and_the_tree_stays_as_it_is(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_run(store, "a")
    before = sorted(store.root.rglob("*"))
    for name, value in (
        ("HOME", "home"),
        ("XDG_CACHE_HOME", "xdg"),
        ("GITTRACK_CACHE", "xdg/gittrack/own"),
    ):
        monkeypatch.setenv(name, str(Path(value).absolute()))
        search.runs(store)
    found = {str(path.parent.parent) for path in Path().rglob(index.FILE)}
    assert found == {"home/.cache/gittrack", "xdg/gittrack", "xdg/gittrack/own"}
    assert sorted(store.root.rglob("*")) == before


# -- it is never wrong


def copy_over(target: Path, source: Path) -> None:
    subprocess.run(["cp", "-p", source, target], check=True)


def edit_by_sed(target: Path, _: Path) -> None:
    subprocess.run(["sed", "-i", 's/"last": 0.5/"last": 0.7/', target], check=True)


def check_out(target: Path, source: Path) -> None:
    shutil.copy(source, target)
    git("commit", "-qam", "other", cwd=target.parent)
    git("checkout", "-q", "HEAD~1", "--", ".", cwd=target.parent)
    git("checkout", "-q", "HEAD", "--", ".", cwd=target.parent)


def synchronise(target: Path, source: Path) -> None:
    subprocess.run(["rsync", "-tI", source, target], check=True)


def move_over(target: Path, source: Path) -> None:
    kept = source.with_name("kept.json")
    shutil.copy2(source, kept)
    kept.rename(target)


def write_into(target: Path, source: Path) -> None:
    times = target.stat()
    target.write_bytes(source.read_bytes())
    os.utime(target, ns=(times.st_atime_ns, times.st_mtime_ns))


WAYS = (copy_over, edit_by_sed, check_out, synchronise, move_over, write_into)


@pytest.mark.needs("program:rsync")
def test_edits_in_place_are_seen_however_they_are_made(isolated: Path) -> None:
    store = Store.open(isolated / "repository" / "mlruns")
    other = Store.open(isolated / "other")
    for number, _ in enumerate(WAYS):
        # The same size and the same time, so that only the system's own time of change tells.
        for tree, acc in ((store, 0.5), (other, 0.7)):
            path = write_run(tree, f"r{number}", metrics={"acc": acc}).folder / "run.json"
            os.utime(path, ns=(1_600_000_000_000_000_000, 1_600_000_000_000_000_000))
    write_run(store, "same", metrics={"acc": 0.5})
    make_repository(isolated / "repository")
    settle(store)
    assert believed(store) == len(WAYS) + 1
    for number, way in enumerate(WAYS):
        target, source = (tree.folder_of(f"r{number}") / "run.json" for tree in (store, other))
        assert target.stat().st_size == source.stat().st_size
        way(target, source)
        assert accuracies(store)[f"r{number}"] == 0.7, way.__name__
    assert accuracies(store)["same"] == 0.5


def test_folders_that_come_go_or_change_their_place_are_seen(store: Store) -> None:
    for number in range(4):
        write_run(store, f"r{number}", metrics={"acc": number}, start_time=START + number)
    settle(store)
    shutil.rmtree(store.folder_of("r1"))
    aside = store.root.parent / "aside"
    store.folder_of("r2").rename(aside)
    assert accuracies(store) == {"r0": 0, "r3": 3}
    aside.rename(store.root / "wine" / "20261123-052510-r2")
    write_run(store, "r4", metrics={"acc": 4})
    assert accuracies(store) == {"r0": 0, "r2": 2, "r3": 3, "r4": 4} == told_by_the_tree(store)
    (store.root / "wine").rename(store.root / "beer")
    assert accuracies(store) == told_by_the_tree(store)
    shutil.rmtree(store.root / "beer")
    assert accuracies(store) == {}


def test_lines_that_are_added_to_a_run_are_seen(store: Store) -> None:
    line = '{"step":%d,"time":1,"metrics":{"acc":%r}}\n'
    for run_id, status in (("running", RUNNING), ("ended", "FINISHED")):
        write_run(store, run_id, status=status, files={"metrics.jsonl": line % (0, 0.5)})
    settle(store)
    for run_id in ("running", "ended"):
        with (store.folder_of(run_id) / "metrics.jsonl").open("a") as file:
            file.write(line % (1, 0.75))
    assert accuracies(store) == {"running": 0.75, "ended": 0.75}


def test_later_edits_are_seen_and_edits_of_edits_too(store: Store) -> None:
    folder = write_run(store, "a").folder
    path = edits.write(folder, Edit(tags={"team": "x"}))
    settle(store)
    team = search.Key("tag", "team")
    assert search.table(store, [team]).columns[team] == ["x"]
    path.write_text(path.read_text().replace('"x"', '"y"'))
    assert search.table(store, [team]).columns[team] == ["y"]
    edits.write(folder, Edit(deleted=True))
    assert search.runs(store).total == 0
    assert search.runs(store, view="DELETED_ONLY").total == 1
    edits.write(store.root / "wine", Edit(deleted=True))
    edits.write(folder, Edit(deleted=False))
    assert search.runs(store, view="DELETED_ONLY", experiments=["wine"]).total == 1


def test_more_runs_than_a_chunk_holds(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gittrack.search.snapshot.SIZE", 4)
    for number in range(10):
        write_run(store, f"r{number}", metrics={"acc": number}, params={f"only-{number}": 1})
    settle(store)
    shutil.rmtree(store.folder_of("r2"))
    write_run(store, "r10", metrics={"acc": 10})
    accuracies(store)
    write_run(store, "r11")
    assert accuracies(store) == told_by_the_tree(store)
    assert search.runs(store, filter_string="params.`only-7` = 1").runs[0].run_id == "r7"
    with index.opened(store.root) as opened:
        assert [len(chunk.entries) for chunk in opened.chunks()] == [4, 4, 3]
    assert search.Key("param", "only-2") not in search.known_keys(store)


def test_a_broken_run_is_a_problem_each_time_and_none_when_it_is_mended(store: Store) -> None:
    write_run(store, "a", files={"metrics.jsonl": "no json\n"})
    path = write_run(store, "b").folder / "run.json"
    whole = path.read_text()
    path.write_text("{")
    settle(store)
    for _ in range(2):
        found = search.runs(store)
        assert [run.run_id for run in found.runs] == ["a"]
        where = [problem.path.relative_to(path.parent.parent) for problem in found.problems]
        assert [place.name for place in where] == ["metrics.jsonl", path.parent.name]
        assert found.problems == store.runs().problems
    path.write_text(whole)
    assert search.runs(store).total == 2


def test_names_that_no_database_likes(store: Store) -> None:
    names = ["\ud800", 'a"b', "a\\b", "日本", "'; DROP TABLE chunk; --", "%s", "a\nb", '"', "\\"]
    write_run(store, "a", tags=dict.fromkeys(names, "\udfff"), experiment="Größe")
    Path(os.fsdecode(os.fsencode(store.root) + b"/caf\xe9")).mkdir()
    shutil.copytree(
        store.folder_of("a"), store.root / os.fsdecode(b"caf\xe9") / "20261123-052510-a"
    )
    settle(store)
    for _ in range(2):
        keys = [search.Key("tag", name) for name in names]
        found = search.table(store, keys)
        assert all(found.columns[key] == ["\udfff"] * 2 for key in keys)
        assert set(keys) <= search.known_keys(store)
    assert believed(store) == 2


# -- it is never needed


def spoil(path: Path, how: str) -> None:
    if how == "a folder in its place":
        path.unlink()
        path.mkdir()
    elif how == "no database":
        path.write_bytes(b"x" * 10_000)
    elif how == "cut off":
        os.truncate(path, path.stat().st_size // 2)
    elif how == "of another layout":
        with sqlite3.connect(path) as change:
            change.executescript("UPDATE layout SET words = '0'; DROP TABLE filled;")
        change.close()
    else:
        with sqlite3.connect(path) as change:
            change.execute("UPDATE filled SET answers = '[null,[1,'")
        change.close()


@pytest.mark.parametrize(
    "how",
    ["a folder in its place", "no database", "cut off", "of another layout", "with broken columns"],
)
def test_a_spoilt_index_is_no_error_and_is_made_anew(store: Store, how: str) -> None:
    for number in range(20):
        write_run(store, f"r{number}", metrics={"acc": number})
    settle(store)
    spoil(index.path_of(store.root), how)
    assert accuracies(store) == told_by_the_tree(store)
    assert accuracies(store) == told_by_the_tree(store)
    if how != "a folder in its place":
        assert believed(store) == 20


@pytest.mark.parametrize("place", ["/dev/null/cache", "/proc/cache", "a-file"])
def test_where_no_index_can_be_written_none_is(
    store: Store, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    Path("a-file").touch()
    monkeypatch.setenv("GITTRACK_CACHE", place)
    write_run(store, "a", metrics={"acc": 0.5})
    for _ in range(2):
        assert accuracies(store) == {"a": 0.5}


def test_an_index_that_may_only_be_read_is_still_right(store: Store) -> None:
    write_run(store, "a", metrics={"acc": 0.5})
    settle(store)
    with sqlite3.connect(index.path_of(store.root)) as other:
        other.execute("BEGIN EXCLUSIVE")  # as a process does that writes, or hangs
        write_run(store, "b", metrics={"acc": 0.6})
        assert accuracies(store) == {"a": 0.5, "b": 0.6}
    other.close()
    assert accuracies(store) == {"a": 0.5, "b": 0.6}


# -- several processes

SEARCHER = """
import sys
from gittrack import search
from gittrack.runs.store import Store

store = Store.open(sys.argv[1])
key = search.Key("attribute", "run_id")
seen = set()
while len(seen) < 60:
    before = {run.run_id for run in store.runs().runs}
    found = search.table(store, [key])
    assert found.problems == [], found.problems
    now = set(found.columns[key])
    after = {run.run_id for run in store.runs().runs}
    assert before <= now <= after, (before, now, after)
    assert len(found.folders) == len(now)
    seen = now
"""


@pytest.mark.slow
def test_processes_that_search_while_another_writes(store: Store) -> None:
    write_run(store, "first")
    searchers = [
        subprocess.Popen([sys.executable, "-c", SEARCHER, store.root], stderr=subprocess.PIPE)
        for _ in range(3)
    ]
    elsewhere = Store.open("elsewhere")
    for number in range(60):
        made = write_run(elsewhere, f"r{number}").folder
        made.rename(store.root / "wine" / made.name)
    complaints: Iterable[bytes] = [process.communicate(timeout=60)[1] for process in searchers]
    assert list(complaints) == [b"", b"", b""]
    assert accuracies(store).keys() == told_by_the_tree(store).keys()
