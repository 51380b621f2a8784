"""A push brings together what several clones did, and never touches work that is open."""

from __future__ import annotations

from pathlib import Path

import pytest

from gittrack import committing
from gittrack.errors import ToolError
from gittrack.runs.store import Store
from tests.conftest import git, make_repository
from tests.making import put, write_run


@pytest.fixture
def clones(isolated: Path) -> tuple[Path, Path]:
    """Two clones of one bare repository."""
    make_repository(isolated / "first", {"a.txt": "1\n", "b.txt": "1\n"})
    git("clone", "-q", "--bare", str(isolated / "first"), str(isolated / "shared.git"))
    for name in ("ana", "ben"):
        git("clone", "-q", str(isolated / "shared.git"), str(isolated / name))
    return isolated / "ana", isolated / "ben"


def add_run(clone: Path, run_id: str) -> Store:
    store = Store.open(clone / "mlruns")
    write_run(store, run_id)
    store.prepare()
    return store


def change(clone: Path, name: str, text: str) -> None:
    (clone / name).write_text(text)
    git("commit", "-q", "-am", f"{clone.name} changes {name}", cwd=clone)


def shared(clones: tuple[Path, Path], *args: str) -> str:
    return git(*args, cwd=clones[0].parent / "shared.git")


def test_commits_of_runs_are_put_on_top_of_what_others_pushed(clones):
    ana, ben = clones
    committing.commit(add_run(ana, "aaaa"), push=True)
    change(ana, "a.txt", "2\n")
    git("push", "-q", cwd=ana)
    (ben / "b.txt").write_text("open work\n")
    add_run(ben, "bbbb")
    committing.commit(Store.open(ben / "mlruns"))
    author = git("log", "-1", "--format=%an %ad", cwd=ben)
    done = committing.commit(Store.open(ben / "mlruns"), push=True)
    assert done.pushed is not None
    assert done.pushed.followed
    assert (
        done.pushed.commit
        == shared(clones, "rev-parse", "main")
        == git("rev-parse", "HEAD", cwd=ben)
    )
    assert shared(clones, "rev-list", "--merges", "main") == ""
    assert shared(clones, "log", "-1", "--format=%an %ad", "main") == author
    assert (ben / "a.txt").read_text() == "2\n"
    assert git("status", "--porcelain", cwd=ben) == "M b.txt"
    assert {run.run_id for run in Store.open(ben / "mlruns").runs().runs} == {"aaaa", "bbbb"}


def test_other_commits_of_the_users_are_merged_and_not_made_anew(clones):
    ana, ben = clones
    committing.commit(add_run(ana, "aaaa"), push=True)
    change(ben, "b.txt", "2\n")
    mine = git("rev-parse", "HEAD", cwd=ben)
    committing.commit(add_run(ben, "bbbb"), push=True)
    assert len(shared(clones, "rev-list", "--merges", "main").split()) == 1
    assert mine in shared(clones, "rev-list", "main").split()
    assert git("status", "--porcelain", cwd=ben) == ""


def test_open_work_in_the_way_keeps_its_bytes_and_the_branch_stays(clones):
    ana, ben = clones
    change(ana, "a.txt", "2\n")
    git("push", "-q", cwd=ana)
    (ben / "a.txt").write_text("open work\n")
    done = committing.commit(add_run(ben, "bbbb"), push=True)
    assert done.pushed is not None
    assert not done.pushed.followed
    assert (ben / "a.txt").read_text() == "open work\n"
    assert "mlruns" in shared(clones, "ls-tree", "--name-only", "main")
    # The next one finds what was pushed before there already.
    committing.commit(add_run(ben, "cccc"), ["cccc"], push=True)
    assert shared(clones, "rev-list", "--count", "main") == "4"
    git("stash", "-q", cwd=ben)
    git("pull", "-q", "--no-rebase", "--no-edit", cwd=ben)
    assert (ben / "a.txt").read_text() == "2\n"


def test_untracked_work_in_the_way_is_never_overwritten(clones):
    ana, ben = clones
    put(ana / "new.txt", "theirs\n")
    git("add", "new.txt", cwd=ana)
    git("commit", "-q", "-m", "new", cwd=ana)
    git("push", "-q", cwd=ana)
    put(ben / "new.txt", "mine\n")
    done = committing.commit(add_run(ben, "bbbb"), push=True)
    assert done.pushed is not None
    assert not done.pushed.followed
    assert (ben / "new.txt").read_text() == "mine\n"


def test_a_real_conflict_is_said_and_nothing_is_lost(clones):
    ana, ben = clones
    change(ana, "a.txt", "2\n")
    git("push", "-q", cwd=ana)
    change(ben, "a.txt", "3\n")
    before = shared(clones, "rev-parse", "main")
    with pytest.raises(ToolError, match="changed the same lines") as raised:
        committing.commit(add_run(ben, "bbbb"), push=True)
    assert "git pull --no-rebase, then gittrack fsck --repair" in raised.value.hint
    assert shared(clones, "rev-parse", "main") == before
    assert git("log", "-1", "--format=%s", cwd=ben).startswith("Run")


def test_a_file_of_the_store_that_both_wrote_is_a_conflict(clones):
    for clone, text in zip(clones, ("1\n", "2\n"), strict=True):
        store = add_run(clone, clone.name)
        put(store.root / "models" / "wine" / "aliases" / "best", text)
    committing.commit(Store.open(clones[0] / "mlruns"), everything=True, push=True)
    with pytest.raises(ToolError, match="changed the same lines"):
        committing.commit(Store.open(clones[1] / "mlruns"), everything=True, push=True)


def test_a_new_branch_gets_an_upstream(clones):
    ana, _ = clones
    git("switch", "-q", "-c", "feature", cwd=ana)
    done = committing.commit(add_run(ana, "aaaa"), push=True)
    assert done.pushed is not None
    assert (done.pushed.remote, done.pushed.branch) == ("origin", "feature")
    assert git("rev-parse", "--abbrev-ref", "@{upstream}", cwd=ana) == "origin/feature"


def test_a_remote_that_refuses_is_its_error(clones):
    hook = clones[0].parent / "shared.git" / "hooks" / "pre-receive"
    put(hook, "#!/bin/sh\necho 'no entry' >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(ToolError, match="no entry"):
        committing.commit(add_run(clones[0], "aaaa"), push=True)


def test_a_shallow_clone_pushes_its_run(clones, isolated):
    ana, _ = clones
    url = f"file://{isolated / 'shared.git'}"
    git("clone", "-q", "--depth=1", url, str(isolated / "shallow"))
    committing.commit(add_run(ana, "aaaa"), push=True)
    committing.commit(add_run(isolated / "shallow", "bbbb"), push=True)
    git("pull", "-q", cwd=ana)
    assert {run.run_id for run in Store.open(ana / "mlruns").runs().runs} == {"aaaa", "bbbb"}
