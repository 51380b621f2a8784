from __future__ import annotations

from pathlib import Path

import pytest

from gittrack.git.history import describe
from tests.conftest import git, make_repository


def test_a_commit_is_described(tmp_path: Path) -> None:
    top = make_repository(tmp_path / "r", {"a/b.txt": "x"})
    git("commit", "-q", "--allow-empty", "-m", "Größer\n\nand longer", cwd=top)
    found = describe(git("rev-parse", "HEAD", cwd=top), cwd=top / "a")
    assert found is not None
    assert (found.summary, found.author) == ("Größer", "Ana")
    assert found.time.tzinfo is not None


@pytest.mark.parametrize("commit", ["0" * 40, "HEAD", "--exec=x", "", "5e0c"])
def test_what_is_no_commit_of_this_clone_is_not_described(tmp_path: Path, commit: str) -> None:
    assert describe(commit, cwd=make_repository(tmp_path / "r")) is None


def test_where_there_is_no_repository_nothing_is_described(tmp_path: Path) -> None:
    assert describe("0" * 40, cwd=tmp_path) is None


def test_a_repository_of_longer_hashes_is_not_described(tmp_path: Path) -> None:
    git("init", "-q", "--object-format=sha256", str(tmp_path / "r"))
    git("commit", "-q", "--allow-empty", "-m", "first", cwd=tmp_path / "r")
    assert describe(git("rev-parse", "HEAD", cwd=tmp_path / "r"), cwd=tmp_path / "r") is None
