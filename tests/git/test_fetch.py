"""Fetching projects: from real repositories, at any version, and from nowhere else."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from gittrack.errors import NotFoundError, ProjectError, ToolError
from gittrack.git import fetch
from gittrack.git.fetch import GitUri

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def git(*args: str, cwd: Path) -> str:
    done = subprocess.run(["git", *args], cwd=cwd, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def bare(tmp_path: Path, project_git: Callable[..., Path]) -> Path:
    """A bare repository with two commits, a branch, a tag and a folder that links out of it."""
    work = project_git(tmp_path / "origin", {"file": "first", "sub/dir/file": "deep"})
    git("tag", "-a", "v1", "-m", "first", cwd=work)
    (work / "link").symlink_to("/etc")
    (work / "file").write_text("second")
    git("add", "-A", cwd=work)
    git("commit", "-q", "-m", "second", cwd=work)
    git("switch", "-q", "-c", "team/fast", cwd=work)
    (work / "file").write_text("fast")
    git("commit", "-q", "-am", "fast", cwd=work)
    git("switch", "-q", "main", cwd=work)
    path = tmp_path / "bare.git"
    git("clone", "-q", "--bare", str(work), str(path), cwd=tmp_path)
    return path


@pytest.fixture
def into(tmp_path: Path) -> Path:
    """An empty folder to clone into."""
    folder = tmp_path / "into"
    folder.mkdir()
    return folder


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("https://example.org/a.git", GitUri("https://example.org/a.git")),
        ("https://example.org/a.git#sub/dir", GitUri("https://example.org/a.git", "sub/dir")),
        ("HTTPS://Example.org/A.git#Sub", GitUri("https://Example.org/A.git", "Sub")),
        ("ssh://git@example.org:22/a.git", GitUri("ssh://git@example.org:22/a.git")),
        ("git@example.org:team/a.git#x", GitUri("git@example.org:team/a.git", "x")),
        (".", None),
        ("folder/that/is/not/there", None),
        ("C:/windows", None),
    ],
)
def test_a_uri_is_told_from_a_folder(uri: str, expected: GitUri | None) -> None:
    assert fetch.parse(uri) == expected


def test_repositories_of_this_machine_are_cloned_and_folders_are_not(
    bare: Path, into: Path
) -> None:
    assert fetch.parse(str(bare)) == GitUri(str(bare))
    assert fetch.parse(f"{bare}#sub/dir") == GitUri(str(bare), "sub/dir")
    assert fetch.parse(bare.as_uri()) == GitUri(bare.as_uri())
    assert fetch.parse(bare.as_uri().replace("file", "FILE")) == GitUri(bare.as_uri())
    assert fetch.parse(into.as_uri()) is None
    assert fetch.local_folder(into.as_uri().replace("file", "File")) == into
    assert fetch.parse(str(bare.parent / "origin")) is None
    assert fetch.parse((bare.parent / "origin").as_uri()) is not None


@pytest.mark.parametrize(
    "uri",
    [
        "--upload-pack=touch pwned",
        "-x",
        "ext::sh -c touch% pwned",
        "fd::17",
        "s3://bucket/x",
        "a\0b",
    ],
)
def test_what_is_neither_folder_nor_git_url_is_refused(uri: str) -> None:
    with pytest.raises(ProjectError):
        fetch.parse(uri)


def test_the_default_branch_is_cloned(bare: Path, into: Path) -> None:
    folder = fetch.clone(GitUri(bare.as_uri()), into)

    assert (folder / "file").read_text() == "second"
    assert git("branch", "--show-current", cwd=folder) == "main"


@pytest.mark.parametrize(
    ("version", "text"), [("v1", "first"), ("team/fast", "fast"), ("main", "second")]
)
def test_a_version_is_a_branch_or_a_tag(bare: Path, into: Path, version: str, text: str) -> None:
    folder = fetch.clone(GitUri(str(bare)), into, version=version)

    assert (folder / "file").read_text() == text


@pytest.mark.parametrize("length", [40, 12, 7, 4])
def test_a_version_is_any_commit_also_a_short_one(bare: Path, into: Path, length: int) -> None:
    commit = git("rev-parse", "team/fast~1", cwd=bare)

    folder = fetch.clone(GitUri(bare.as_uri()), into, version=commit[:length])

    assert git("rev-parse", "HEAD", cwd=folder) == commit


def test_a_branch_whose_name_looks_like_a_commit_is_a_branch(bare: Path, into: Path) -> None:
    git("branch", "abcdef1", "team/fast", cwd=bare)

    folder = fetch.clone(GitUri(bare.as_uri()), into, version="abcdef1")

    assert (folder / "file").read_text() == "fast"


@pytest.mark.parametrize("version", ["gone", "deadbeef", "v1/x"])
def test_a_version_that_is_not_there_is_told(bare: Path, into: Path, version: str) -> None:
    with pytest.raises(NotFoundError, match=f"no branch, tag or commit '{version}'"):
        fetch.clone(GitUri(bare.as_uri()), into, version=version)


@pytest.mark.parametrize(
    "version", ["-x", "--upload-pack=x", "a..b", "a b", "", "a\nb", "@{-1}", "a:b"]
)
def test_a_version_that_could_be_none_is_refused(bare: Path, into: Path, version: str) -> None:
    with pytest.raises(ProjectError, match="not a version"):
        fetch.clone(GitUri(bare.as_uri()), into, version=version)

    assert list(into.iterdir()) == []


def test_a_folder_of_the_repository_is_the_project(bare: Path, into: Path) -> None:
    assert (fetch.clone(GitUri(bare.as_uri(), "sub/dir"), into) / "file").read_text() == "deep"


@pytest.mark.parametrize(
    "subdirectory", ["..", "sub/../..", "/etc", "link", "link/ssh", ".git", "a\\b", "a\0b"]
)
def test_a_folder_outside_of_the_repository_is_refused(
    bare: Path, into: Path, subdirectory: str
) -> None:
    with pytest.raises(ProjectError):
        fetch.clone(GitUri(bare.as_uri(), subdirectory), into)


@pytest.mark.parametrize("subdirectory", ["gone", "file"])
def test_a_folder_that_is_not_there_is_told(bare: Path, into: Path, subdirectory: str) -> None:
    with pytest.raises(NotFoundError, match=subdirectory):
        fetch.clone(GitUri(bare.as_uri(), subdirectory), into)


def test_submodules_come_along(
    bare: Path, into: Path, tmp_path: Path, project_git: Callable[..., Path]
) -> None:
    outer = project_git(tmp_path / "outer", {"file": "outer"})
    git("submodule", "--quiet", "add", bare.as_uri(), "lib", cwd=outer)
    git("commit", "-q", "-m", "with lib", cwd=outer)

    folder = fetch.clone(GitUri(outer.as_uri()), into)

    assert (folder / "lib" / "file").read_text() == "second"


def test_a_submodule_runs_no_command(
    into: Path, tmp_path: Path, project_git: Callable[..., Path], isolated: Path
) -> None:
    modules = f'[submodule "x"]\n\tpath = x\n\turl = "ext::touch {isolated}/pwned"\n'
    outer = project_git(tmp_path / "outer", {".gitmodules": modules})
    commit = git("rev-parse", "HEAD", cwd=outer)
    git("update-index", "--add", "--cacheinfo", f"160000,{commit},x", cwd=outer)
    git("commit", "-q", "-m", "hostile", cwd=outer)

    with pytest.raises(ToolError, match="cannot fetch"):
        fetch.clone(GitUri(outer.as_uri()), into)

    assert list(isolated.iterdir()) == []


def test_a_repository_that_is_not_there_is_told_without_credentials(into: Path) -> None:
    with pytest.raises(ToolError) as caught:
        fetch.clone(GitUri("http://ana:hunter22@127.0.0.1:9/a.git"), into)

    assert "cannot fetch http://127.0.0.1:9/a.git" in caught.value.message
    assert "hunter22" not in str(caught.value)
    assert "\n" not in caught.value.message


def test_a_call_from_a_git_hook_clones_all_the_same(
    bare: Path, into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", str(bare))
    monkeypatch.setenv("GIT_INDEX_FILE", str(bare / "index"))

    assert (fetch.clone(GitUri(bare.as_uri()), into) / "file").read_text() == "second"
