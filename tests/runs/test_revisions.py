"""Runs are read from Git's objects as a checkout would show them."""

from __future__ import annotations

import gc
import shutil
from pathlib import Path

import pytest

from gittrack import search
from gittrack.errors import AmbiguousError, BrokenRunError, NotFoundError, ToolError
from gittrack.git import objects
from gittrack.runs import edits, revisions
from gittrack.runs.edits import Edit
from gittrack.runs.store import Store
from tests.conftest import git, make_repository
from tests.making import write_run

LINES = '{"step":0,"time":1,"metrics":{"acc":0.5}}\n{"step":1,"time":2,"metrics":{"acc":0.75}}\n'


def commit(message: str = "runs") -> None:
    git("add", "-A")
    git("commit", "-q", "-m", message)


@pytest.fixture
def branched(isolated: Path, store: Store) -> Store:
    """A store whose runs `a` and `b` are on main, and `c` on `feature`; main is checked out."""
    make_repository(isolated)
    write_run(store, "aaaa", metrics={"acc": 0.9}, files={"artifacts/m/x.txt": "hello"})
    edits.write(store.find("aaaa").folder, Edit(tags={"team": "red"}, note="good"))
    write_run(store, "bbbb", experiment="Größe 1", files={"metrics.jsonl": LINES})
    commit()
    git("checkout", "-q", "-b", "feature")
    write_run(store, "cccc", metrics={"acc": 0.95})
    edits.write(store.find("aaaa").folder, Edit(tags={"seen": "yes"}))
    commit()
    git("checkout", "-q", "main")
    return store


def test_a_revision_lists_what_its_checkout_lists(branched: Store) -> None:
    there = revisions.at(branched, "feature")
    git("checkout", "-q", "feature")
    expected, found = branched.runs(), there.runs()
    assert [(run.record, run.note, run.deleted) for run in found.runs] == [
        (run.record, run.note, run.deleted) for run in expected.runs
    ]
    assert not found.problems
    assert there.experiments() == branched.experiments()
    assert there.find("bbbb").record.metrics["acc"].last == 0.75
    fits = search.runs(there, experiments=["Größe 1"], filter_string="metrics.acc > 0.7")
    assert [run.run_id for run in fits.runs] == ["bbbb"]


def test_a_run_of_a_revision_opens_its_files_and_says_where_it_is(branched: Store) -> None:
    shutil.rmtree(branched.root)
    run = revisions.find(branched, "main:aaaa")
    assert (run.artifacts / "m" / "x.txt").read_text() == "hello"
    assert run.place == f"main:mlruns/wine/{run.folder.name}"
    assert git("show", f"{run.place}/artifacts/m/x.txt") == "hello"
    history = revisions.find(branched, "main:bbbb").history("acc")
    assert [(point.step, point.value) for point in history] == [(0, 0.5), (1, 0.75)]


def test_its_files_are_removed_when_nobody_holds_a_run_of_it(branched: Store) -> None:
    run = revisions.find(branched, "main:aaaa")
    scratch = run.local.parent.parent.parent
    assert scratch.is_dir()
    del run
    gc.collect()
    assert not scratch.exists()


def test_all_branches_together_are_what_merging_them_would_give(branched: Store) -> None:
    together = revisions.at_all_branches(branched)
    assert {run.run_id for run in together.runs().runs} == {"aaaa", "bbbb", "cccc"}
    run = together.find("aaaa")
    assert run.record.tags == {"team": "red", "seen": "yes"}
    assert together.tree.revisions(run.folder) == ("main", "feature")
    git("merge", "-q", "--no-edit", "feature")
    assert branched.find("aaaa").record == run.record


@pytest.mark.usefixtures("branched")
def test_remote_branches_are_among_all(isolated: Path) -> None:
    git("clone", "-q", str(isolated), str(isolated.parent / "clone"))
    clone = Store.open(isolated.parent / "clone" / "mlruns")
    run = revisions.at_all_branches(clone).find("cccc")
    assert run.tree.revisions(run.folder) == ("origin/feature",)


@pytest.mark.parametrize("revision", ["nope", "-x", "--output=x", "", "a\0b", "main:mlruns"])
def test_what_names_no_commit_is_said(branched: Store, revision: str) -> None:
    with pytest.raises(NotFoundError, match="no branch, tag or commit"):
        revisions.at(branched, revision)


def test_a_revision_without_the_store_is_said(branched: Store) -> None:
    first = git("rev-list", "--max-parents=0", "HEAD")
    with pytest.raises(NotFoundError, match="there is no folder mlruns"):
        revisions.at(branched, first)


def test_a_reference_may_be_a_runs_name_with_a_colon(branched: Store) -> None:
    write_run(branched, "dddd", name="lr: 0.1")
    assert revisions.find(branched, "lr: 0.1").run_id == "dddd"
    assert revisions.find(branched, "best:acc").run_id == "aaaa"
    with pytest.raises(NotFoundError, match="'nope' is no branch"):
        revisions.find(branched, "nope:x")
    with pytest.raises(NotFoundError, match="in main:mlruns"):
        revisions.find(branched, "main:x")
    write_run(branched, "eeee", name="lr: 0.1")
    with pytest.raises(AmbiguousError):
        revisions.find(branched, "lr: 0.1")


def test_a_broken_record_in_a_revision_hides_no_other(branched: Store) -> None:
    (branched.find("aaaa").folder / "run.json").write_text("<<<<<<< ours\n")
    commit("broken")
    listing = revisions.at(branched, "HEAD").runs()
    assert [run.run_id for run in listing.runs] == ["bbbb"]
    (problem,) = listing.problems
    assert str(problem.path).startswith("HEAD:mlruns/wine/")
    assert "conflict markers" in problem.message


def test_links_are_kept_as_links_and_never_written_through(branched: Store) -> None:
    folder = branched.find("aaaa").folder
    (folder / "artifacts" / "link").symlink_to("/etc/passwd")
    (folder / "requirements.txt").symlink_to("/etc/passwd")
    commit("links")
    run = revisions.find(branched, "HEAD:aaaa")
    assert (run.artifacts / "link").readlink() == Path("/etc/passwd")
    (folder / "run.json").unlink()
    (folder / "run.json").symlink_to("/etc/passwd")
    commit("worse")
    with pytest.raises(BrokenRunError, match="is a link"):
        revisions.find(branched, "HEAD:aaaa")


def test_a_tree_with_paths_that_lead_outside_is_read_without_them(branched: Store) -> None:
    blob = git("rev-parse", f"HEAD:{next(branched.run_folders()).relative_to(Path.cwd())}/run.json")
    raw = b"".join(
        b"100644 " + name + b"\0" + bytes.fromhex(blob) for name in (b"..", b".git", b"ok.json")
    )
    Path("tree").write_bytes(raw)
    tree = git("hash-object", "-t", "tree", "-w", "--literally", "tree")
    assert [found.path for found in objects.list_blobs(tree, cwd=Path.cwd())] == ["ok.json"]


def test_outside_a_repository_that_is_said(store: Store) -> None:
    write_run(store, "aaaa")
    with pytest.raises(ToolError, match="in no Git repository"):
        revisions.at(store, "main")


@pytest.mark.usefixtures("branched")
def test_a_bare_repository_and_a_worktree_and_a_subfolder_are_read(
    isolated: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git("clone", "-q", "--bare", str(isolated), str(isolated.parent / "bare ü.git"))
    git("worktree", "add", "-q", str(isolated.parent / "tree ü"), "feature")
    for folder in ("bare ü.git", "tree ü"):
        monkeypatch.chdir(isolated.parent / folder)
        assert revisions.find(Store.open(), "feature:cccc").record.metrics["acc"].last == 0.95
    other = Store.open(isolated.parent / "tree ü" / "sub" / "mlruns")
    write_run(other, "eeee")
    commit()
    assert revisions.find(other, "feature:@").place.startswith("feature:sub/mlruns/wine/")


@pytest.mark.usefixtures("branched")
def test_a_shallow_clone_says_what_it_lacks(isolated: Path) -> None:
    first = git("rev-list", "--max-parents=0", "HEAD")
    git("clone", "-q", "--depth=1", f"file://{isolated}", str(isolated.parent / "shallow"))
    shallow = Store.open(isolated.parent / "shallow" / "mlruns")
    assert len(revisions.at(shallow, "HEAD").runs().runs) == 2
    with pytest.raises(NotFoundError, match="no branch") as raised:
        revisions.at(shallow, first)
    assert "--unshallow" in raised.value.hint


def test_before_the_first_commit_it_is_said_how_to_make_one(store: Store) -> None:
    git("init", "-q")
    write_run(store, "aaaa")
    for look in (lambda: revisions.at(store, "HEAD"), lambda: revisions.at_all_branches(store)):
        with pytest.raises(NotFoundError, match="no branch") as raised:
            look()
        assert "gittrack commit" in raised.value.hint


def test_a_sha256_repository_is_read(store: Store) -> None:
    git("init", "-q", "--object-format=sha256")
    write_run(store, "aaaa")
    commit()
    assert revisions.find(store, "HEAD:aaaa").run_id == "aaaa"


def test_an_object_that_is_missing_is_said_and_others_are_still_read(branched: Store) -> None:
    folder = Path.cwd()
    asked = objects.Objects(folder)
    blob = git("rev-parse", f"HEAD:{next(branched.run_folders()).relative_to(Path.cwd())}/run.json")
    with pytest.raises(ToolError, match="does not have the object"):
        asked.read_all(["1" * 40, blob])
    assert asked.read(blob).startswith(b"{\n")


@pytest.mark.needs("program:git-lfs")
def test_what_lfs_holds_is_brought_back(isolated: Path, store: Store) -> None:
    make_repository(isolated)
    git("lfs", "install", "--local")
    Path(".gitattributes").write_text(
        "mlruns/**/artifacts/** filter=lfs diff=lfs merge=lfs -text\n"
    )
    write_run(store, "aaaa", files={"artifacts/model.bin": b"\0" * 5000})
    commit()
    assert git(
        "cat-file",
        "-p",
        f"HEAD:{next(store.run_folders()).relative_to(isolated)}/artifacts/model.bin",
    ).startswith("version https://git-lfs")
    run = revisions.find(store, "HEAD:aaaa")
    assert (run.artifacts / "model.bin").read_bytes() == b"\0" * 5000
