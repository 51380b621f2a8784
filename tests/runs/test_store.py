"""The tree of runs: found by every name, and read whatever else lies in it."""

from __future__ import annotations

import os
import random
import re
import shutil
import time
from contextlib import suppress
from functools import partial

import pytest

from gittrack import paths, schema
from gittrack.errors import (
    AmbiguousError,
    BrokenRunError,
    GittrackError,
    InvalidValueError,
    NewerFormatError,
    NotFoundError,
    StoreError,
    UsageError,
)
from gittrack.runs import edits
from gittrack.runs import store as stores
from gittrack.runs.edits import Edit
from gittrack.runs.reading import read_run
from gittrack.runs.store import Store
from gittrack.runs.writer import RunWriter
from tests.conftest import git, make_repository
from tests.making import START, put, write_run


@pytest.fixture
def runs(store):
    """Three runs, one a minute."""
    return [
        write_run(store, "k3v9x2mq7d", start_time=START, name="brave-otter", metrics={"acc": 0.5}),
        write_run(store, "k3w0000000", start_time=START + 60_000, metrics={"acc": 0.9}),
        write_run(store, "a9q0t3m4xz", start_time=START + 120_000, name="k3", metrics={"loss": 1}),
    ]


# -- making the tree


def test_opening_a_store_makes_nothing(store):
    assert store.runs().runs == []
    assert [experiment.name for experiment in store.experiments()] == ["Default"]
    assert not store.root.exists()


def test_the_first_write_says_once_where_it_is(store, capsys):
    store.prepare()
    store.prepare()
    assert capsys.readouterr().err == f"gittrack: keeping runs in {store.root}\n"
    assert (store.root / ".gitignore").read_bytes() == paths.GITIGNORE_BYTES
    assert (store.root / ".gitattributes").read_bytes() == paths.GITATTRIBUTES_BYTES


def test_dot_files_that_are_there_are_left_alone(store):
    store.root.mkdir()
    (store.root / ".gitignore").write_text("mine\n")
    store.prepare()
    assert (store.root / ".gitignore").read_text() == "mine\n"


def test_a_store_that_git_ignores_is_told(isolated, capsys):
    make_repository(isolated, {".gitignore": "*.pyc\nmlruns/\n"})
    Store.open().prepare()
    assert ".gitignore:2:mlruns/" in capsys.readouterr().err


def test_a_store_that_cannot_be_made_is_a_store_error(isolated):
    (isolated / "mlruns").write_text("in the way")
    with pytest.raises(StoreError, match="in the way"):
        Store.open().prepare()


def test_every_file_of_a_run_is_committed_under_a_usual_gitignore(isolated):
    make_repository(
        isolated, {".gitignore": "*.log\n*.pkl\nbuild/\nlib/\nmodels/\ndata/\n*.jsonl\n*.txt\n"}
    )
    store = Store.open()
    files = {
        "output.log": "x",
        "artifacts/model/model.pkl": "x",
        "artifacts/build/lib/data/models/x.txt": "x",
        "metrics.jsonl": "",
    }
    stored = write_run(store, "k3v9x2mq7d", files=files)
    write_run(store, "m0000000aa", experiment="models", files=files)
    put(store.root / ".cache" / "live" / "k3v9x2mq7d", "{}")
    git("add", "-A", cwd=isolated)
    committed = set(git("ls-files", cwd=isolated).splitlines())
    inside = stored.folder.relative_to(isolated)
    assert {str(inside / name) for name in files} <= committed
    assert len([name for name in committed if name.startswith("mlruns/")]) == 13
    assert not any(".cache" in name for name in committed)


# -- experiments


@pytest.mark.parametrize(
    "name",
    [
        "wine",
        "Wine",
        "Größe",
        "../x",
        "/etc/passwd",
        "CON",
        "a/b",
        "🦦",
        "x" * 500,
        "default",
        "models",
        "wine-0123abcd",
        ".",
        "..",
    ],
)
def test_an_experiment_is_found_by_its_name_and_stays_in_the_tree(store, name):
    made = store.create_experiment(name)
    assert store.experiment(name) == made
    assert store.experiment(made.experiment_id) == made
    assert (store.root / made.experiment_id).parent == store.root
    assert (store.root / made.experiment_id).is_dir()
    assert store.create_experiment(name) == made


def test_names_that_differ_are_different_experiments(store):
    names = ["Foo", "foo", "FOO", "foo ", "default", "models", "föö", "foo/bar", "foo-bar"]
    folders = {store.create_experiment(name).experiment_id.casefold() for name in names}
    assert len(folders) == len(names)
    assert {experiment.name for experiment in store.experiments()} == {*names, "Default"}


def test_the_two_unicode_forms_are_one_experiment(store):
    first = store.create_experiment("caf\N{LATIN SMALL LETTER E WITH ACUTE}")
    assert store.create_experiment("cafe\N{COMBINING ACUTE ACCENT}") == first


@pytest.mark.parametrize("name", ["", "  ", "a\0b", "a\nb", "x" * 501, None, 5, "\ud800"])
def test_a_name_that_cannot_be_one_is_refused(store, name):
    with pytest.raises(InvalidValueError, match="Invalid experiment name"):
        store.create_experiment(name)
    assert not store.root.exists()


def test_the_name_stands_in_a_file_where_the_folder_is_not_the_name(store):
    made = store.create_experiment("Wine & more")
    path = store.root / made.experiment_id / "experiment.json"
    assert path.read_text() == '{\n  "format": 1,\n  "name": "Wine & more"\n}\n'
    assert schema.check("experiment", {"format": 1, "name": "Wine & more"}) == []
    store.create_experiment("wine")
    assert list((store.root / "wine").iterdir()) == []


@pytest.mark.parametrize("name", ["0", "Default", "default"])
def test_default_needs_no_file(store, name):
    assert store.experiment(name).experiment_id == "default"


def test_a_renamed_experiment_keeps_its_folder_and_gives_its_name_free(store):
    made = store.create_experiment("wine")
    edits.write(store.root / "wine", Edit(name="old wine", note="of last year", tags={"a": "b"}))
    found = store.experiment("old wine")
    assert (found.experiment_id, found.description, found.tags) == (
        made.experiment_id,
        "of last year",
        {"a": "b"},
    )
    again = store.create_experiment("wine")
    assert again.experiment_id != "wine"
    assert store.experiment("wine") == again


def test_a_name_may_be_given_up_and_taken_again_for_ever(store):
    folders = []
    for year in range(2020, 2026):
        made = store.create_experiment("wine")
        folders.append(made.experiment_id)
        edits.write(store.root / made.experiment_id, Edit(name=f"wine of {year}"))
    last = store.create_experiment("wine")
    assert len({*folders, last.experiment_id}) == 7
    assert [store.experiment(folder, ids_first=True).name for folder in folders] == [
        f"wine of {year}" for year in range(2020, 2026)
    ]
    (store.root / last.experiment_id / "experiment.json").unlink()
    store.keep_name(last.experiment_id, "wine")
    assert store.experiment("wine") == last


def test_a_name_that_is_given_while_an_experiment_is_made_is_one_experiments(store, meanwhile):
    store.create_experiment("beer")
    rename = partial(edits.write, store.root / "beer", Edit(name="wine"))
    meanwhile(stores, "turn", rename)
    assert store.create_experiment("wine").experiment_id == "beer"
    assert [found.name for found in store.experiments()] == ["wine", "Default"]


def test_a_deleted_experiment_is_only_shown_when_asked_for(store):
    store.create_experiment("wine")
    edits.write(store.root / "wine", Edit(deleted=True))
    assert [each.name for each in store.experiments()] == ["Default"]
    assert [each.name for each in store.experiments(deleted=True)] == ["Default", "wine"]


def test_a_missing_experiment_names_those_there_are(store):
    store.create_experiment("wine")
    with pytest.raises(NotFoundError) as caught:
        store.experiment("beer")
    assert "'wine'" in caught.value.hint


def test_a_folder_of_mlflows_own_store_is_not_ours(store):
    put(store.root / "123" / "meta.yaml", "name: x")
    assert [each.name for each in store.experiments()] == ["Default"]


# -- finding runs


@pytest.mark.usefixtures("runs")
def test_runs_are_listed_newest_first(store):
    assert [run.run_id for run in store.runs().runs] == ["a9q0t3m4xz", "k3w0000000", "k3v9x2mq7d"]


@pytest.mark.parametrize(
    ("reference", "index"),
    [
        ("k3v9x2mq7d", 0),
        ("k3v9", 0),
        ("k3v", 0),
        ("brave-otter", 0),
        ("a", 2),
        ("@", 2),
        ("@~1", 1),
        ("@~2", 0),
        ("best:acc", 1),
        ("best:acc:max", 1),
        ("best:acc:min", 0),
        ("20261123-052510-k3v9x2mq7d", 0),
    ],
)
def test_a_run_is_found(store, runs, reference, index):
    assert store.find(reference).run_id == runs[index].run_id


def test_a_run_is_found_by_its_path(store, runs, monkeypatch):
    folder = runs[0].folder
    assert store.find(str(folder)).run_id == runs[0].run_id
    assert store.find(f"{folder}/").run_id == runs[0].run_id
    monkeypatch.chdir(folder)
    assert store.find(".").folder == folder
    (folder / "artifacts").mkdir()
    assert store.find("./artifacts/..").folder == folder


@pytest.mark.parametrize("reference", ["k3", "k"])
@pytest.mark.usefixtures("runs")
def test_what_fits_several_lists_them(store, reference):
    with pytest.raises(AmbiguousError) as caught:
        store.find(reference)
    assert "k3v9x2mq7d" in caught.value.message
    assert "k3w0000000" in caught.value.message


@pytest.mark.usefixtures("runs")
def test_a_short_name_is_not_taken_for_the_beginning_of_another_runs_id(store):
    write_run(store, "zz00000000", name="a9")
    with pytest.raises(AmbiguousError, match="fits 2 runs"):
        store.find("a9")


@pytest.mark.usefixtures("runs")
def test_a_name_that_several_runs_have_is_ambiguous(store):
    write_run(store, "zz00000000", name="brave-otter")
    with pytest.raises(AmbiguousError, match="fits 2 runs") as caught:
        store.find("brave-otter")
    started = r"\(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\)"
    assert re.search(f"zz00000000 {started}, k3v9x2mq7d {started}$", caught.value.message)
    assert caught.value.hint == "give the id of one, such as zz00000000"


def test_a_whole_id_wins_over_a_longer_one_and_over_a_name(store, runs):
    write_run(store, "k3v9x2mq7d00", name="k3v9x2mq7d")
    assert store.find("k3v9x2mq7d").folder == runs[0].folder


@pytest.mark.parametrize(
    "reference",
    [
        "nowhere",
        "@~3",
        "best:f1",
        "/etc",
        "mlruns/nowhere",
        "best:",
        "@x",
        "../..",
        "@~" + "9" * 5000,
        "a/" + "b" * 5000,
        "a/\0",
        "a/\ud800",
    ],
)
@pytest.mark.usefixtures("runs")
def test_what_fits_nothing_is_not_found(store, reference):
    with pytest.raises(NotFoundError) as caught:
        store.find(reference)
    assert caught.value.hint


@pytest.mark.usefixtures("runs")
def test_an_empty_name_is_a_usage_error(store):
    with pytest.raises(UsageError):
        store.find("")


@pytest.mark.usefixtures("runs")
def test_a_misspelt_metric_is_told_those_there_are_the_nearest_first(store):
    write_run(store, "m0000000aa", metrics={"accuracy": 1, "loss": 2, "f1": float("nan")})
    with pytest.raises(NotFoundError, match="has a metric 'acuracy'\n") as caught:
        store.find("best:acuracy")
    assert caught.value.hint.startswith("there are: accuracy, acc, ")
    assert "loss" in caught.value.hint
    with pytest.raises(NotFoundError, match="has a metric 'f1' that is a number"):
        store.find("best:f1")


def test_how_many_runs_there_are_is_said_in_words_that_agree(store):
    with pytest.raises(NotFoundError, match="there are no runs in .* yet"):
        store.find("@")
    write_run(store, "m0000000aa")
    with pytest.raises(NotFoundError, match="there is 1 run in "):
        store.find("@~1")
    write_run(store, "m0000000bb")
    with pytest.raises(NotFoundError, match="there are 2 runs in "):
        store.find("@~2")


@pytest.mark.usefixtures("runs")
def test_the_best_run_is_none_whose_metric_is_no_number(store):
    write_run(store, "n0000000aa", metrics={"acc": float("nan")})
    assert store.find("best:acc:min").run_id == "k3v9x2mq7d"


def test_a_deleted_run_is_hidden_but_found_by_its_id(store, runs):
    edits.write(runs[2].folder, Edit(deleted=True))
    assert store.find("@").run_id == "k3w0000000"
    assert store.find("a9q0t3m4xz").deleted
    assert len(store.runs(deleted=True).runs) == 3


def test_edits_of_a_run_are_seen(store, runs):
    edits.write(runs[0].folder, Edit(name="the one", note="good", tags={"a": "b"}))
    found = store.find("the one")
    assert (found.note, dict(found.record.tags)) == ("good", {"a": "b"})


def test_mlflows_tags_for_name_and_note_are_name_and_note(store):
    made = RunWriter.create(store, store.experiment("0"))
    made.set_tags({"mlflow.runName": "renamed", "mlflow.note.content": "words", "x": "y"})
    made.end()
    found = store.find("renamed")
    assert (found.note, dict(found.record.tags)) == ("words", {"x": "y"})


@pytest.mark.usefixtures("runs")
def test_the_tree_works_after_it_was_moved(store, tmp_path):
    shutil.move(store.root, tmp_path / "moved")
    moved = Store.open(tmp_path / "moved")
    assert len(moved.runs().runs) == 3
    assert moved.find("brave-otter").artifacts.is_relative_to(tmp_path / "moved")


# -- what lies in the tree besides


def test_lines_that_the_record_does_not_know_yet_are_folded_in(store):
    stored = write_run(store, "k3v9x2mq7d")
    put(stored.folder / "metrics.a1b2c3d4.jsonl", '{"time":1,"step":3,"metrics":{"acc":0.5}}\n')
    assert store.find("k3v9x2mq7d").record.metrics["acc"].step == 3


def break_record(folder, content):
    (folder / "run.json").write_bytes(content)


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"[]", b"\xff\xfe", b"[" * 100_000, b"{\n<<<<<<< HEAD\n", b'{"format": "x"}'],
)
def test_a_broken_run_is_a_problem_and_not_the_end_of_the_listing(store, runs, content):
    break_record(runs[0].folder, content)
    listing = store.runs()
    assert len(listing.runs) == 2
    assert [problem.path for problem in listing.problems] == [runs[0].folder]
    with pytest.raises(BrokenRunError, match=r"run\.json"):
        store.find("k3v9x2mq7d")


def test_a_run_of_a_newer_version_is_a_problem(store, runs):
    break_record(runs[0].folder, b'{"format": 9}')
    assert "format 9" in str(store.runs().problems[0])
    with pytest.raises(NewerFormatError):
        store.find("k3v9")


def test_a_run_without_its_record_is_a_problem(store, runs):
    (runs[0].folder / "run.json").unlink()
    assert "has no run.json" in str(store.runs().problems[0])


def test_a_copied_folder_with_another_runs_record_is_a_problem(store, runs):
    shutil.copytree(runs[0].folder, runs[0].folder.with_name("20261123-052510-copy000000"))
    listing = store.runs()
    assert len(listing.runs) == 3
    assert "its folder copy000000" in listing.problems[0].message


def test_a_broken_line_is_a_problem_with_its_number_and_the_run_is_listed(store, runs):
    put(runs[0].folder / "metrics.jsonl", '{"time":1,"metrics":{"acc":1}}\nbroken\n')
    listing = store.runs()
    assert len(listing.runs) == 3
    assert str(listing.problems[0]).endswith("metrics.jsonl:2: not a line of JSON")


@pytest.mark.parametrize(
    "name", ["run.json", "metrics.jsonl", "edit-20261123-052510-a1b2c3d4.json"]
)
@pytest.mark.parametrize("kind", ["link", "dangling", "folder", "pipe"])
def test_what_is_no_plain_file_is_a_problem_and_never_followed(store, runs, tmp_path, name, kind):
    path = runs[0].folder / name
    path.unlink(missing_ok=True)
    put(tmp_path / "outside", (runs[1].folder / "run.json").read_bytes())
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(tmp_path / ("outside" if kind == "link" else "nowhere"))
    listing = store.runs()
    assert len(listing.runs) == (2 if name == "run.json" else 3)
    assert listing.problems


@pytest.mark.usefixtures("runs")
def test_links_to_folders_are_not_followed(store, tmp_path):
    other = Store.open(tmp_path / "other" / "mlruns")
    foreign = write_run(other, "f0000000aa")
    (store.root / "linked").symlink_to(foreign.folder.parent)
    (store.root / "wine" / foreign.folder.name).symlink_to(foreign.folder)
    assert len(store.runs().runs) == 3
    assert "linked" not in [each.name for each in store.experiments()]
    with pytest.raises(NotFoundError):
        store.find("f0000000aa")


@pytest.mark.usefixtures("runs")
def test_stray_files_are_no_runs(store):
    put(store.root / "notes.txt", "x")
    put(store.root / "wine" / "notes.txt", "x")
    put(store.root / "wine" / "20261123-052510-k3v9000000", "a file, not a folder")
    put(store.root / "models" / "wine" / "versions" / "1.json", "{}")
    assert len(store.runs().runs) == 3
    assert not store.runs().problems


HOSTILE = [
    b'{"time":1,"params":{"a":' + b"9" * 400 + b"}}\n",
    b'{"time":' + b"9" * 400 + b',"metrics":{"a":1e999,"b":"NaN"}}\n',
    b'{"time":1,"step":-1,"metrics":{"\\ud800":1},"tags":{"\\u0000":"\\ud800"}}\n',
]


def test_extreme_values_do_not_crash_a_listing(store):
    stored = write_run(store, "k3v9x2mq7d", params={"a": 1})
    put(stored.folder / "metrics.jsonl", b"".join(HOSTILE))
    listing = store.runs()
    assert len(listing.runs) == 1
    assert listing.runs[0].history("a")


def damaged(data: bytes, chance: random.Random) -> bytes:
    kind = chance.randrange(4)
    if kind == 0:
        return data[: chance.randrange(len(data))]
    if kind == 1:
        at = chance.randrange(len(data))
        return data[:at] + bytes([data[at] ^ (1 << chance.randrange(8))]) + data[at + 1 :]
    if kind == 2:
        at, end = sorted(chance.randrange(len(data)) for _ in range(2))
        return data[:at] + data[end:]
    at = chance.randrange(len(data))
    junk = [b"null", b"-1", b"[]", b"{}", b'"', b"1e999", b"\0", b"9" * 400, b'{"a":1}', b"\xff"]
    return data[:at] + chance.choice(junk) + data[at + chance.randrange(8) :]


@pytest.mark.parametrize("seed", range(8))
def test_damaged_files_never_crash_a_listing(store, runs, seed):
    chance = random.Random(seed)
    put(
        runs[0].folder / "metrics.jsonl",
        '{"time":1,"params":{"alpha":0.5}}\n{"step":3,"time":2,"metrics":{"acc":0.9,"loss":0.3}}\n'
        '{"time":3,"tags":{"team":"a","old":null}}\n{"time":4,"status":"FAILED"}\n',
    )
    edits.write(runs[0].folder, Edit(name="x", note="y", tags={"a": None}, deleted=False))
    experiment = store.create_experiment("Wine & more")
    edits.write(store.root / experiment.experiment_id, Edit(note="z"))
    files = [path for path in store.root.rglob("*.json*") if path.is_file()]
    whole = {path: path.read_bytes() for path in files}
    for _ in range(60):
        path = chance.choice(files)
        path.write_bytes(damaged(whole[path], chance))
        listing = store.runs(deleted=True)
        assert len(listing.runs) >= 2
        assert store.experiments(deleted=True)
        for run in listing.runs:
            assert run.history("acc") is not None
            assert run.state()
        for run in runs:
            with suppress(GittrackError):
                read_run(run.folder)
        path.write_bytes(whole[path])


@pytest.mark.parametrize("data", ["<<<<<<< HEAD\n", "{", None])
@pytest.mark.parametrize("reference", ["@", "@~1"])
def test_no_run_is_the_latest_while_a_newer_one_cannot_be_read(store, data, reference):
    for at, run_id in enumerate(["old", "older", "oldest"]):
        write_run(store, run_id, start_time=START - at * 60_000)
    newest = write_run(store, "newest", start_time=START + 60_000)
    path = newest.folder / "run.json"
    path.unlink() if data is None else path.write_text(data)
    with pytest.raises(BrokenRunError, match="a run that may be meant cannot be read") as caught:
        store.find(reference)
    assert newest.run_id in caught.value.message
    assert store.find("old").run_id == "old"


def test_an_older_run_that_cannot_be_read_or_one_that_begins_is_not_the_latest(store):
    write_run(store, "new")
    old = write_run(store, "old", start_time=START - 60_000)
    (old.folder / "run.json").write_text("{")
    begins = old.folder.with_name(paths.run_folder_name("begins", time.time_ns() // 1_000_000))
    begins.mkdir()
    assert store.find("@").run_id == "new"
