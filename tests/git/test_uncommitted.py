from __future__ import annotations

from pathlib import Path

import pytest

from gittrack.errors import ToolError
from gittrack.git.uncommitted import uncommitted
from tests.conftest import git, make_repository


def test_runs_are_committed_changed_or_new(isolated: Path):
    files = {f"mlruns/wine/{name}/run.json": "{}" for name in ("same", "edited", "added", "gone")}
    make_repository(isolated, files)
    (isolated / "mlruns/wine/edited/run.json").write_text("{ }")
    (isolated / "mlruns/wine/added/edit.json").write_text("{}")
    (isolated / "mlruns/wine/gone/run.json").unlink()
    for new in ("wine/new", "fresh/new"):
        (isolated / "mlruns" / new).mkdir(parents=True)
        (isolated / "mlruns" / new / "run.json").write_text("{}")
    found = uncommitted(isolated / "mlruns")
    states = {
        name: found.state(name)
        for name in ("wine/same", "wine/edited", "wine/added", "wine/gone", "wine/new", "fresh/new")
    }
    assert states == {
        "wine/same": "",
        "wine/edited": "changed",
        "wine/added": "changed",
        "wine/gone": "changed",
        "wine/new": "new",
        "fresh/new": "new",
    }


def test_everything_is_new_where_the_whole_folder_is(isolated: Path):
    make_repository(isolated)
    (isolated / "deep/mlruns/wine/a b").mkdir(parents=True)
    (isolated / "deep/mlruns/wine/a b/run.json").write_text("{}")
    assert uncommitted(isolated / "deep/mlruns").state("wine/a b") == "new"


def test_names_of_any_letters_are_read(isolated: Path):
    make_repository(isolated)
    (isolated / "mlruns/größe\nx").mkdir(parents=True)
    (isolated / "mlruns/größe\nx/run.json").write_text("{}")
    git("add", "-A", cwd=isolated)
    assert uncommitted(isolated / "mlruns").state("größe\nx") == "changed"


def test_without_a_repository_there_is_nothing_to_tell(isolated: Path):
    with pytest.raises(ToolError):
        uncommitted(isolated)
