"""Backends by name: ours, and those that another package brings along."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gittrack.errors import UsageError
from gittrack.projects.backends import choosing

if TYPE_CHECKING:
    from gittrack.runs.store import Store

PLUGIN = """\
import subprocess
from gittrack.projects.backends.local import worker_command

NAME = "mine"


def check(config):
    if set(config) - {"word"}:
        raise ValueError(config)


class Handle:
    def __init__(self, process):
        self.process = process

    def wait(self):
        self.process.wait()

    def cancel(self):
        self.process.terminate()


def submit(job, file, *, config):
    file.with_name("plug-in").write_text(f"{job.run_id} {config['word']}")
    return Handle(subprocess.Popen(worker_command(file)))
"""


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed package with a backend."""
    site = tmp_path / "site"
    info = site / "mine-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "mine_backend.py").write_text(PLUGIN)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[gittrack.backends]\nmine = mine_backend\nbroken = no_such_module\n"
    )
    path = f"{site}{os.pathsep}{os.environ['PYTHONPATH']}"
    monkeypatch.setenv("PYTHONPATH", path)
    monkeypatch.syspath_prepend(str(site))
    return site


@pytest.mark.usefixtures("plugin")
def test_another_package_adds_a_backend(isolated: Path, store: Store, gittrack: Any) -> None:
    (isolated / "t.sh").write_text("echo done\n")

    done = gittrack("run", ".", "-e", "t.sh", "--backend", "mine", "-c", '{"word": "hello"}')

    assert done.returncode == 0, done.stderr
    (run,) = store.runs().runs
    assert run.record.status == "FINISHED"
    assert run.record.source["project"]["backend"] == "mine"
    said = (store.root / ".cache" / "jobs" / "plug-in").read_text()
    assert said == f"{run.run_id} hello"


@pytest.mark.usefixtures("plugin")
def test_one_that_cannot_be_loaded_is_said() -> None:
    with pytest.raises(UsageError, match="'broken' cannot be loaded"):
        choosing.backend("broken")


@pytest.mark.usefixtures("plugin")
def test_an_unknown_one_is_said_with_those_there_are() -> None:
    with pytest.raises(UsageError) as error:
        choosing.backend("gone")

    assert error.value.hint == "--backend takes: broken, local, mine, slurm"


@pytest.mark.parametrize("name", choosing.BACKENDS)
def test_each_is_listed_under_its_name(name: str) -> None:
    assert name == choosing.backend(name).NAME


def test_this_machine_has_no_settings() -> None:
    with pytest.raises(UsageError, match="no settings"):
        choosing.backend("local").check({"x": 1})
