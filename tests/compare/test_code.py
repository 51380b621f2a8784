"""The code of two runs is compared as it was recorded, what was not committed included."""

from __future__ import annotations

from pathlib import Path

import pytest

from gittrack.compare import compare
from gittrack.runs.store import Store
from tests.conftest import git, make_repository, python


def run(name: str) -> str:
    script = f"import gittrack as g\nrun = g.start_run(run_name={name!r})\nprint(run.info.run_id)"
    return python(script).stdout.strip()


@pytest.fixture
def runs(isolated: Path) -> list[str]:
    """Runs of a commit, of a change upon it, of a new file, and of the next commit."""
    make_repository(isolated, {"train.py": "x = 1\n", "sub/other.py": "y = 1\n"})
    ids = [run("clean")]
    Path("train.py").write_text("x = 2\n")
    ids.append(run("changed"))
    Path("new.py").write_text("z = 1\n")
    ids.append(run("new"))
    git("add", "train.py", "new.py")
    git("commit", "-q", "-m", "second")
    ids.append(run("committed"))
    return ids


def test_uncommitted_changes_are_in_the_patch(runs: list[str], store: Store) -> None:
    objects = git("count-objects")
    clean, changed, new, committed = (store.find(run_id) for run_id in runs)
    found = compare(clean, changed, store, patch=True)
    assert [(file.path, file.added, file.removed) for file in found.files] == [("train.py", 1, 1)]
    assert "-x = 1\n+x = 2" in found.patch
    assert [file.path for file in compare(clean, new, store).files] == ["new.py", "train.py"]
    # The same code, once as a patch and once committed.
    assert compare(new, committed, store).files == ()
    assert not found.unknown
    assert git("count-objects") == objects


def test_a_patch_that_does_not_fit_is_said(runs: list[str], store: Store) -> None:
    clean, changed = (store.find(run_id) for run_id in runs[:2])
    (changed.folder / "source.patch").write_text("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n")
    found = compare(clean, changed, store)
    assert found.files == ()
    assert "git apply failed" in found.unknown


def test_changes_that_were_not_recorded_are_said(runs: list[str], store: Store) -> None:
    clean, changed = (store.find(run_id) for run_id in runs[:2])
    (changed.folder / "source.patch").unlink()
    assert f"not all changes of {changed.run_id}" in compare(clean, changed, store).unknown
