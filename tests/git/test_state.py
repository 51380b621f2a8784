"""The state of the code: a patch that brings it back, whatever Git is told by its settings."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from gittrack.git import state
from tests.conftest import git, make_repository

if TYPE_CHECKING:
    from pathlib import Path

FILES = {
    "train.py": "".join(f"line {number}\n" for number in range(30)),
    "data/wine.csv": "a,b\n1,2\n",
    "notes.txt": "first\nlast line without newline",
    "crlf.txt": "one\r\ntwo\r\n",
}


@pytest.fixture
def repo(isolated: Path) -> Path:
    """A repository with a few files, in whose folder the test runs."""
    made = make_repository(isolated / "repo")
    for name, text in FILES.items():
        (made / name).parent.mkdir(exist_ok=True)
        (made / name).write_bytes(text.encode())
    (made / "model.bin").write_bytes(bytes(range(256)) * 20)
    git("add", "-A", cwd=made)
    git("commit", "-q", "-m", "files", cwd=made)
    return made


def change(repo: Path) -> None:
    """Change, add and remove something of every kind that a patch can hold."""
    (repo / "train.py").write_text(FILES["train.py"].replace("line 15\n", "another line\n\n"))
    (repo / "data" / "wine.csv").unlink()
    (repo / "notes.txt").write_text("first\nsecond\n")
    (repo / "crlf.txt").write_bytes(b"one\r\nthree\r\n")
    (repo / "model.bin").write_bytes(bytes(range(256)) * 21)
    (repo / "new.py").write_text("import gittrack\n")


def applied(repo: Path, patch: bytes, tmp_path: Path) -> str:
    """Apply a patch in a fresh clone and return the tree that results."""
    clone = tmp_path / "clone"
    git("clone", "-q", str(repo), str(clone))
    subprocess.run(["git", "apply", "--index", "-"], input=patch, cwd=clone, check=True)
    return git("write-tree", cwd=clone)


def tree_of(repo: Path) -> str:
    """Return the tree of all that is in the work tree, mlruns left out."""
    env = {**os.environ, "GIT_INDEX_FILE": str(repo.parent / "scratch-index")}
    everything = ["git", "add", "-A", "--", ".", ":(exclude,glob)**/mlruns/**"]
    subprocess.run(["git", "read-tree", "HEAD"], cwd=repo, env=env, check=True)
    subprocess.run(everything, cwd=repo, env=env, check=True)
    return subprocess.run(
        ["git", "write-tree"], cwd=repo, env=env, check=True, capture_output=True, text=True
    ).stdout.strip()


def assert_brings_back(repo: Path, tmp_path: Path) -> None:
    found = state.capture(repo)
    assert found is not None
    assert found.patch is not None
    assert not found.patch.truncated
    assert found.patch.sha256 == hashlib.sha256(found.patch.data).hexdigest()
    assert applied(repo, found.patch.data, tmp_path) == tree_of(repo)


def test_a_clean_work_tree_is_its_commit(repo):
    found = state.capture(repo)
    assert found.commit == git("rev-parse", "HEAD", cwd=repo)
    assert (found.root, found.branch, found.user) == (repo, "main", "Ana")
    assert not found.dirty
    assert found.patch is None
    assert found.to_json() == {"commit": found.commit, "branch": "main", "dirty": False}


def test_outside_of_a_repository_there_is_none(isolated):
    assert state.capture(isolated) is None


def test_without_git_there_is_none(repo, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert state.capture(repo) is None


def test_every_kind_of_change_comes_back(repo, tmp_path):
    change(repo)
    assert_brings_back(repo, tmp_path)


def test_objects_are_named_in_full(repo):
    change(repo)
    named = [
        line for line in state.capture(repo).patch.data.splitlines() if line.startswith(b"index ")
    ]
    assert named
    assert all(re.match(rb"index [0-9a-f]{40}\.\.[0-9a-f]{40}", line) for line in named)


def test_it_is_seen_from_a_folder_below(repo):
    change(repo)
    (repo / "deep").mkdir()
    assert state.capture(repo / "deep").patch == state.capture(repo).patch


def test_staged_changes_count_too(repo, tmp_path):
    change(repo)
    git("add", "-A", cwd=repo)
    (repo / "train.py").write_text("changed once more\n")
    assert_brings_back(repo, tmp_path)


def test_a_staged_rename_comes_back(repo, tmp_path):
    git("mv", "train.py", "fit.py", cwd=repo)
    assert_brings_back(repo, tmp_path)


def test_a_changed_mode_comes_back(repo, tmp_path):
    (repo / "train.py").chmod(0o755)
    assert_brings_back(repo, tmp_path)


def test_a_file_that_became_a_link_comes_back(repo, tmp_path):
    (repo / "notes.txt").unlink()
    (repo / "notes.txt").symlink_to("train.py")
    assert_brings_back(repo, tmp_path)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("diff.noprefix", "true"),
        ("diff.mnemonicPrefix", "true"),
        ("diff.srcPrefix", "x/"),
        ("diff.dstPrefix", "y/"),
        ("diff.external", "false"),
        ("diff.context", "0"),
        ("diff.renames", "copies"),
        ("diff.relative", "true"),
        ("diff.suppressBlankEmpty", "true"),
        ("diff.orderFile", "/dev/null"),
        ("diff.colorMoved", "zebra"),
        ("diff.wsErrorHighlight", "all"),
        ("color.ui", "always"),
        ("color.diff", "always"),
        ("core.autocrlf", "true"),
        ("core.autocrlf", "input"),
        ("core.whitespace", "cr-at-eol,tab-in-indent"),
        ("core.quotePath", "false"),
        ("core.pager", "false"),
        ("apply.whitespace", "error"),
        ("status.relativePaths", "false"),
        ("status.showUntrackedFiles", "no"),
        ("status.renames", "copies"),
        ("index.version", "4"),
    ],
)
def test_no_setting_spoils_the_patch(repo, tmp_path, setting, value):
    git("config", "--global", setting, value)
    change(repo)
    found = state.capture(repo)
    assert not found.patch.truncated
    tree = tree_of(repo)
    git("config", "--global", "--unset", setting)
    assert applied(repo, found.patch.data, tmp_path) == tree


@pytest.mark.parametrize("driver", ["textconv", "command"])
def test_no_diff_driver_spoils_the_patch(repo, tmp_path, driver):
    git("config", f"diff.shouting.{driver}", "tr a-z A-Z <", cwd=repo)
    (repo / ".git" / "info" / "attributes").write_text("*.py diff=shouting\n*.bin diff=shouting\n")
    change(repo)
    assert_brings_back(repo, tmp_path)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("GIT_EXTERNAL_DIFF", "false"),
        ("GIT_DIFF_OPTS", "--unified=0"),
        ("GIT_DIR", "/nowhere"),
        ("GIT_INDEX_FILE", "/nowhere"),
        ("GIT_LITERAL_PATHSPECS", "1"),
        ("GIT_PAGER", "false"),
        ("LC_ALL", "de_DE.UTF-8"),
    ],
)
def test_no_variable_spoils_the_patch(repo, tmp_path, monkeypatch, variable, value):
    change(repo)
    with monkeypatch.context() as patched:
        patched.setenv(variable, value)
        found = state.capture(repo)
    assert found.patch.truncated is False
    assert applied(repo, found.patch.data, tmp_path) == tree_of(repo)


@pytest.mark.parametrize(
    "name",
    [
        "with space.py",
        'with "quotes".py',
        "new\nline.py",
        "größe.py",
        "tab\there.py",
        "*.py",
        "[ab].py",
        ":(top)x.py",
        "-x.py",
        "back\\slash.py",
        "a b/c d.py",
        "b/ b/x.py",
    ],
)
def test_hard_file_names_come_back(repo, tmp_path, name):
    (repo / name).parent.mkdir(parents=True, exist_ok=True)
    (repo / name).write_text("new\n")
    assert_brings_back(repo, tmp_path)
    git("add", "-A", cwd=repo)
    git("commit", "-q", "-m", "known", cwd=repo)
    (repo / name).write_text("changed\n")
    git("clone", "-q", str(repo), str(tmp_path / "second"))
    subprocess.run(
        ["git", "apply", "--index", "-"],
        input=state.capture(repo).patch.data,
        cwd=tmp_path / "second",
        check=True,
    )
    assert git("write-tree", cwd=tmp_path / "second") == tree_of(repo)


def test_a_name_that_is_no_unicode_does_no_harm(repo):
    (repo / os.fsdecode(b"\xff.py")).write_text("x\n")
    assert b"\\377.py" in state.capture(repo).patch.data


def test_capturing_changes_nothing_of_the_users_index(repo):
    change(repo)
    before = (repo / ".git" / "index").read_bytes()
    state.capture(repo)
    assert (repo / ".git" / "index").read_bytes() == before
    assert git("status", "--porcelain", cwd=repo).count("??") == 1


def test_runs_are_not_code(repo):
    (repo / "mlruns" / "default").mkdir(parents=True)
    (repo / "mlruns" / "default" / "run.json").write_text("{}")
    assert not state.capture(repo).dirty


def test_a_store_of_another_name_is_not_code_either(repo, tmp_path):
    (repo / "results").mkdir()
    (repo / "results" / "run.json").write_text("{}")
    (tmp_path / "link").symlink_to(repo)
    assert state.capture(repo).dirty
    assert not state.capture(repo, store=repo / "results").dirty
    assert not state.capture(repo, store=tmp_path / "link" / "results").dirty


def test_a_repository_without_commits_has_only_its_branch(isolated):
    git("init", "-q", cwd=isolated)
    (isolated / "train.py").write_text("x")
    found = state.capture(isolated)
    assert (found.commit, found.branch, found.dirty) == (None, "main", True)
    assert found.patch is None


def test_a_detached_head_has_no_branch(repo, tmp_path):
    git("checkout", "-q", "--detach", cwd=repo)
    change(repo)
    assert state.capture(repo).branch is None
    assert_brings_back(repo, tmp_path)


def test_a_worktree_is_captured_like_its_repository(repo, tmp_path):
    git("worktree", "add", "-q", "-b", "other", str(tmp_path / "worktree"), cwd=repo)
    change(tmp_path / "worktree")
    assert state.capture(tmp_path / "worktree").branch == "other"
    assert not state.capture(repo).dirty
    assert_brings_back(tmp_path / "worktree", tmp_path)


@pytest.fixture
def with_submodule(repo, isolated):
    """The repository, with another one in the folder `sub`."""
    make_repository(isolated / "library", {"lib.py": "x\n"})
    git("submodule", "--quiet", "add", str(isolated / "library"), "sub", cwd=repo)
    git("commit", "-q", "-m", "with a submodule", cwd=repo)
    return repo


def test_inside_a_submodule_the_submodule_is_captured(with_submodule):
    found = state.capture(with_submodule / "sub")
    assert found.root == with_submodule / "sub"
    assert found.commit == git("rev-parse", "HEAD", cwd=with_submodule / "sub")


@pytest.mark.parametrize(
    ("setting", "value"),
    [("user.name", "Ana"), ("diff.submodule", "log"), ("diff.ignoreSubmodules", "none")],
)
def test_another_commit_of_a_submodule_is_a_change(with_submodule, setting, value):
    git("config", "--global", setting, value)
    (with_submodule / "sub" / "lib.py").write_text("y\n")
    git("commit", "-q", "-a", "-m", "newer", cwd=with_submodule / "sub")
    found = state.capture(with_submodule)
    assert b"+Subproject commit" in found.patch.data
    assert not found.patch.truncated


@pytest.mark.parametrize("name", ["lib.py", "new.py"])
def test_changes_inside_a_submodule_are_named_as_left_out(with_submodule, name):
    (with_submodule / "sub" / name).write_text("z\n")
    found = state.capture(with_submodule)
    assert found.dirty
    assert found.patch.truncated
    assert found.patch.left_out == ("sub",)


def test_a_merge_in_progress_does_no_harm(repo):
    git("checkout", "-q", "-b", "other", cwd=repo)
    (repo / "train.py").write_text("theirs\n")
    git("commit", "-q", "-a", "-m", "theirs", cwd=repo)
    git("checkout", "-q", "main", cwd=repo)
    (repo / "train.py").write_text("ours\n")
    git("commit", "-q", "-a", "-m", "ours", cwd=repo)
    subprocess.run(["git", "merge", "-q", "other"], cwd=repo, check=False, capture_output=True)
    found = state.capture(repo)
    assert found.dirty
    assert found.commit == git("rev-parse", "HEAD", cwd=repo)
    assert found.patch.truncated or found.patch.data


def token() -> str:
    return "gh" + "p_" + "a1" * 18


def test_files_that_usually_hold_secrets_are_left_out_and_named(repo):
    change(repo)
    for name in (".env", "deep/server.pem", "id_rsa"):
        (repo / name).parent.mkdir(exist_ok=True)
        (repo / name).write_text("x=1\n")
    found = state.capture(repo)
    assert found.patch.left_out == (".env", "deep/server.pem", "id_rsa")
    assert found.patch.truncated
    assert b"server.pem" not in found.patch.data
    assert b"another line" in found.patch.data


@pytest.mark.parametrize("name", ["a.py", "with space.py", "größe.py", 'q"uote.py', "b/ b/x.py"])
def test_changes_that_hold_a_secret_are_left_out_and_named(repo, name):
    change(repo)
    (repo / name).parent.mkdir(parents=True, exist_ok=True)
    (repo / name).write_text(f"key = '{token()}'\n")
    found = state.capture(repo)
    assert found.patch.left_out == (name,)
    assert token().encode() not in found.patch.data
    assert b"another line" in found.patch.data


def test_a_secret_that_is_taken_out_is_not_recorded_either(repo):
    (repo / "train.py").write_text(f"key = '{token()}'\n")
    git("commit", "-q", "-a", "-m", "oh no", cwd=repo)
    (repo / "train.py").write_text("key = ''\n")
    assert state.capture(repo).patch.left_out == ("train.py",)


def test_untracked_binary_and_large_files_are_left_out_and_named(repo):
    (repo / "new.bin").write_bytes(b"\0" * 10)
    (repo / "large.txt").write_bytes(b"x\n" * state.MAX_UNTRACKED)
    assert state.capture(repo).patch.left_out == ("large.txt", "new.bin")


def test_ignored_files_are_not_code(repo):
    (repo / ".git" / "info" / "exclude").write_text("*.tmp\n")
    (repo / "x.tmp").write_text("x")
    assert not state.capture(repo).dirty


def test_a_patch_that_is_too_large_is_kept_as_its_digest(repo, monkeypatch):
    monkeypatch.setattr(state, "MAX_PATCH", 100)
    change(repo)
    found = state.capture(repo)
    assert found.patch.truncated
    assert found.patch.data == b""
    assert len(found.patch.sha256) == 64


def test_without_time_the_commit_is_still_known_where_git_answers_at_all(repo, monkeypatch):
    monkeypatch.setattr(state, "SECONDS", 0.0)
    assert state.capture(repo) is None or state.capture(repo).patch.truncated


@pytest.mark.parametrize(
    ("url", "recorded"),
    [
        ("https://example.org/wine.git", "https://example.org/wine.git"),
        ("https://ann:" + "pass@example.org/wine.git", "https://example.org/wine.git"),
        ("https://" + "token@example.org:8443/w.git?x=1", "https://example.org:8443/w.git"),
        ("ssh://git@example.org/wine.git", "ssh://git@example.org/wine.git"),
        ("git@example.org:team/wine.git", "git@example.org:team/wine.git"),
        ("/srv/wine.git", "/srv/wine.git"),
        ("https://[broken/wine.git", "https://[broken/wine.git"),
    ],
)
def test_a_remote_is_recorded_without_credentials(repo, url, recorded):
    git("config", "remote.origin.url", url, cwd=repo)
    assert state.capture(repo).remote == recorded


def test_the_rule_that_ignores_a_store_is_named(repo):
    (repo / ".gitignore").write_text("*.log\nmlruns/\n")
    assert state.ignoring_rule(repo / "mlruns") is None  # it must be there to be a folder
    (repo / "mlruns").mkdir()
    assert state.ignoring_rule(repo / "mlruns") == ".gitignore:2:mlruns/"
    assert state.ignoring_rule(repo / "train.py") is None
