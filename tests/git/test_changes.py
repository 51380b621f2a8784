from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gittrack.errors import ToolError
from gittrack.git import changes
from gittrack.git.changes import Code, FileChange
from tests.conftest import git, make_repository

if TYPE_CHECKING:
    from pathlib import Path


def between(first: str, second: str, *, cwd: Path) -> list[FileChange]:
    return changes.between_states(Code(first), Code(second), cwd=cwd)[0]


def commit(repository: Path) -> str:
    git("add", "-A", cwd=repository)
    git("commit", "-q", "--allow-empty", "-m", "next", cwd=repository)
    return git("rev-parse", "HEAD", cwd=repository)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "my project", {"train.py": "a\nb\n", "old.txt": "1\n"})


def test_files_that_differ_are_listed_with_their_lines(repository: Path) -> None:
    first = git("rev-parse", "HEAD", cwd=repository)
    (repository / "train.py").write_text("a\nc\nd\n")
    (repository / "old.txt").unlink()
    (repository / "größe\tx.bin").write_bytes(b"\0\1")
    (repository / "mlruns").mkdir()
    (repository / "mlruns" / "run.json").write_text("{}")
    second = commit(repository)
    assert between(first, second, cwd=repository / "mlruns") == [
        ("größe\tx.bin", None, None),
        ("old.txt", 0, 1),
        ("train.py", 2, 1),
    ]
    assert between(first, first, cwd=repository) == []


def test_a_commit_that_is_not_there_is_an_error(repository: Path) -> None:
    head = git("rev-parse", "HEAD", cwd=repository)
    with pytest.raises(ToolError, match="commit aaaaaaaaaa is not in the repository of"):
        between(head, "a" * 40, cwd=repository)
    with pytest.raises(ToolError, match="is not in the repository of"):
        between(head, head, cwd=repository.parent)


def test_what_is_no_commit_never_reaches_git(repository: Path, tmp_path: Path) -> None:
    head = git("rev-parse", "HEAD", cwd=repository)
    for name in (f"--output={tmp_path}/x", "HEAD", "main", ""):
        with pytest.raises(ToolError, match="is not a commit's full name"):
            between(head, name, cwd=repository)
    assert not (tmp_path / "x").exists()
