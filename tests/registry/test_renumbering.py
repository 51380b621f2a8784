"""Two branches that registered the same number, merged by the real Git, and mended in one call."""

from __future__ import annotations

import subprocess

import pytest

from gittrack.errors import NotFoundError, StoreError
from gittrack.registry import Registry
from gittrack.registry.renumbering import renumber
from gittrack.runs.edits import Edit

SECOND = 1_795_411_920_000


def git(*args, check=True):
    done = subprocess.run(["git", *args], check=False, capture_output=True, text=True)
    assert done.returncode == 0 or not check, done.stderr
    return done


def register(registry, run_id, moment, name="wine"):
    return registry.register(
        name, run_id=run_id, path="model", digest="sha256:ab", moment=moment, user=run_id
    )


@pytest.fixture
def registry(store):
    """A repository with one version, on its branch `main`."""
    git("init", "-q")
    registry = Registry(store)
    register(registry, "a000000000", SECOND)
    commit("one")
    return registry


def commit(what):
    git("add", "-A")
    git("commit", "-q", "-m", what)


def branch(registry, name, run_id, moment, **files):
    git("checkout", "-q", "-b", name, "main")
    made = register(registry, run_id, moment)
    for path, text in files.items():
        (registry.store.root.parent / path).write_text(text)
    commit(name)
    return made


def merge(how, into, other):
    git("checkout", "-q", into)
    done = git(*how, other, check=False)
    assert done.returncode != 0
    status = git("status", "--porcelain").stdout
    assert "AA mlruns/models/wine/versions/2.json" in status


@pytest.mark.parametrize("style", ["merge", "diff3", "zdiff3"])
@pytest.mark.parametrize("how", [["merge"], ["rebase"], ["cherry-pick"]])
@pytest.mark.parametrize("first", ["ours", "theirs"])
def test_the_one_registered_first_keeps_the_number(registry, style, how, first):
    git("config", "merge.conflictStyle", style)
    times = {"ours": SECOND + 1000, "theirs": SECOND + 2000}
    if first == "theirs":
        times = {"ours": SECOND + 2000, "theirs": SECOND + 1000}
    branch(registry, "theirs", "c000000000", times["theirs"])
    branch(registry, "ours", "b000000000", times["ours"])
    merge(how, "ours", "theirs")
    done = renumber(registry, "wine", 2)
    kept, moved = ("b000000000", "c000000000")
    if first == "theirs":
        kept, moved = moved, kept
    assert (done.kept.run_id, done.moved.run_id, done.moved.number) == (kept, moved, 3)
    found = {one.number: one.run_id for one in registry.versions("wine").versions}
    assert found == {3: moved, 2: kept, 1: "a000000000"}
    assert registry.versions("wine").problems == []
    git("add", "-A")
    git("-c", "core.editor=true", *how, "--continue")
    assert git("status", "--porcelain").stdout == ""


def test_what_only_the_other_branch_says_moves_with_it(registry):
    branch(
        registry, "theirs", "c000000000", SECOND + 2000, **{"deploy.yaml": "m: models:/wine/2\n"}
    )
    registry.set_alias("wine", "challenger", 2)
    registry.edit("wine", Edit(tags={"by": "them"}), number=2)
    commit("more")
    branch(registry, "ours", "b000000000", SECOND + 1000, **{"ours.txt": "models:/wine/2, /20\n"})
    registry.set_alias("wine", "champion", 2)
    registry.edit("wine", Edit(tags={"by": "us"}), number=2)
    commit("more")
    merge(["merge"], "ours", "theirs")
    done = renumber(registry, "wine", 2)
    top = registry.store.root.parent
    assert done.aliases == ("challenger",)
    assert [path.name for path in done.changed] == ["deploy.yaml"]
    assert registry.model("wine").aliases == {"challenger": 3, "champion": 2}
    assert registry.version("wine", 2).tags == {"by": "us"}
    assert registry.version("wine", 3).tags == {"by": "them"}
    assert (top / "deploy.yaml").read_text() == "m: models:/wine/3\n"
    assert (top / "ours.txt").read_text() == "models:/wine/2, /20\n"
    assert done.unclear == ()


def test_what_both_branches_say_is_left_to_a_person(registry):
    both = {"deploy.yaml": "models:/wine/2\n"}
    branch(registry, "theirs", "c000000000", SECOND + 2000, **both)
    registry.set_alias("wine", "champion", 2)
    commit("more")
    branch(registry, "ours", "b000000000", SECOND + 1000, **both)
    registry.set_alias("wine", "champion", 2)
    commit("more")
    merge(["merge"], "ours", "theirs")
    done = renumber(registry, "wine", 2)
    assert [path.name for path in done.unclear] == ["champion", "deploy.yaml"]
    assert registry.model("wine").aliases == {"champion": 2}
    assert both["deploy.yaml"] == (registry.store.root.parent / "deploy.yaml").read_text()


def test_an_alias_in_conflict_names_the_new_number_on_its_side(registry):
    registry.set_alias("wine", "champion", 1)
    commit("alias")
    branch(registry, "theirs", "c000000000", SECOND + 2000)
    registry.set_alias("wine", "champion", 2)
    commit("more")
    git("checkout", "-q", "-b", "ours", "main")
    register(registry, "b000000000", SECOND + 1000)
    registry.remove_alias("wine", "champion")
    register(registry, "d000000000", SECOND + 1500)
    registry.set_alias("wine", "champion", 3)
    commit("ours")
    merge(["merge"], "ours", "theirs")
    assert renumber(registry, "wine", 2).aliases == ("champion",)
    text = (registry.root / "wine" / "aliases" / "champion").read_text().splitlines()
    assert [line for line in text if line.isdigit()] == ["3", "4"]


def test_before_the_merge_a_version_moves_as_a_whole(registry):
    branch(registry, "ours", "b000000000", SECOND + 1000, **{"run.sh": "serve models:/wine/2\n"})
    registry.set_alias("wine", "champion", 2)
    registry.edit("wine", Edit(note="ours"), number=2)
    (registry.store.root.parent / "run.sh").chmod(0o755)
    done = renumber(registry, "wine", "2")
    assert (done.kept, done.moved.number, done.aliases) == (None, 3, ("champion",))
    assert registry.version("wine", 3).note == "ours"
    assert not (registry.root / "wine" / "versions" / "2.json").exists()
    script = registry.store.root.parent / "run.sh"
    assert script.read_text() == "serve models:/wine/3\n"
    assert script.stat().st_mode & 0o777 == 0o755


def test_what_a_run_recorded_is_not_rewritten(registry):
    record = registry.store.root / "default" / "notes.txt"
    record.parent.mkdir()
    record.write_text("models:/wine/1\n")
    commit("a record")
    done = renumber(registry, "wine", 1)
    assert done.unclear == (record,)
    assert record.read_text() == "models:/wine/1\n"


def test_what_cannot_be_renumbered(registry):
    with pytest.raises(NotFoundError, match="has no version 7"):
        renumber(registry, "wine", 7)
    with pytest.raises(NotFoundError, match="no registered model 'beer'"):
        renumber(registry, "beer", 1)
    path = registry.root / "wine" / "versions" / "1.json"
    path.write_text("<<<<<<< a\n{}\n=======\n[]\n>>>>>>> b\n")
    with pytest.raises(StoreError, match="one side of the conflict cannot be read"):
        renumber(registry, "wine", 1)


def test_without_git_a_version_moves_too(store):
    registry = Registry(store)
    register(registry, "a000000000", SECOND)
    assert renumber(registry, "wine", 1).moved.number == 2
