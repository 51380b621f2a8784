"""What every test stands on: a folder of its own, a home of its own, and no run left open."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from gittrack.runs.store import Store
from gittrack.tracking import active, holding
from tests import parts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeAlias

    Meanwhile: TypeAlias = Callable[[object, str, Callable[[], object]], None]

FOREIGN = ("GITTRACK_", "MLFLOW_", "GIT_", "RANK", "XDG_", "NO_COLOR", "COLUMNS", "PYTHONPATH")
SOURCE = Path(__file__).parent.parent


# A machine that is busy with something else is no reason to fail.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


# A job in the background ignores interrupts, and one under nohup hang-ups. A process that a test
# starts would inherit that, but not a handler of ours that does nothing.
for _number in (signal.SIGINT, signal.SIGHUP):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, lambda *_: None)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose real parts are not here; fail it where they have to be."""
    for marker in item.iter_markers("needs"):
        for reason in filter(None, map(parts.missing, marker.args)):
            (pytest.fail if parts.REQUIRED else pytest.skip)(reason)


@pytest.fixture(autouse=True)
def isolated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Run each test in an empty folder, with a home and a Git configuration that are nobody's."""
    for name in list(os.environ):
        if name.startswith(FOREIGN):
            monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir()
    config = home / ".gitconfig"
    config.write_text(
        "[user]\n\tname = Ana\n\temail = ana@example.org\n[init]\n\tdefaultBranch = main\n"
        '[protocol "file"]\n\tallow = always\n'
    )
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    monkeypatch.setenv("PYTHONPATH", str(SOURCE))
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    yield work
    active._state.close_all("KILLED")
    holding.held.leave_all()
    active._state.__init__()  # type: ignore[misc]


@pytest.fixture
def store(isolated: Path) -> Store:
    """A store in the test's folder; nothing is made before the first write."""
    return Store.open(isolated / "mlruns")


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Meanwhile:
    """Let another process act once, at the next call of a function."""

    def hang(place: object, name: str, act: Callable[[], object]) -> None:
        real = getattr(place, name)

        def called(*args: object, **options: object) -> object:
            monkeypatch.setattr(place, name, real)
            act()
            return real(*args, **options)

        monkeypatch.setattr(place, name, called)

    return hang


def git(*args: str, cwd: Path | None = None) -> str:
    """Run Git and return its output."""
    done = subprocess.run(["git", *args], cwd=cwd, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def make_repository(path: Path, files: dict[str, str] | None = None) -> Path:
    """Make a Git repository at a path, with all that is there and `files` committed."""
    path.mkdir(parents=True, exist_ok=True)
    for name, text in (files or {}).items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text)
    git("init", "-q", cwd=path)
    git("add", "-A", cwd=path)
    git("commit", "-q", "--allow-empty", "-m", "first", cwd=path)
    return path


@pytest.fixture
def project_git() -> Callable[..., Path]:
    """The function `make_repository`, for tests that lie in folders of their own."""
    return make_repository


def python(
    script: str | Path, *args: str, check: bool = True, **options: object
) -> subprocess.CompletedProcess[str]:
    """Run a script, or a text as one, in a fresh process."""
    command = [str(script)] if isinstance(script, Path) else ["-c", script]
    return subprocess.run(
        [sys.executable, *command, *args],
        check=check,
        capture_output=True,
        text=True,
        **options,  # type: ignore[call-overload]
    )
