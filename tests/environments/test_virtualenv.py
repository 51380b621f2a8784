"""Virtual environments, really built: once for their content, by either tool, whole or not."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gittrack import settings
from gittrack.environments import building, managers, virtualenv
from gittrack.environments.base import Built, Reporter, Task
from gittrack.errors import ToolError
from gittrack.runs.store import Store
from tests.environments.conftest import make_wheel

if TYPE_CHECKING:
    from collections.abc import Callable

Named = "Callable[..., Environment]"
UV = Path(settings.cache_folder().parent / "gittrack-tests" / "uv" / "bin" / "uv")
TINY = "dependencies: [./tiny-1.0-py3-none-any.whl]\n"


@pytest.fixture(params=["pip", "uv"])
def tool(request: pytest.FixtureRequest, isolated: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each of the tools that build environments, the other one out of reach."""
    programs = isolated.parent / "programs"
    programs.mkdir()
    if request.param == "uv":
        if not UV.exists():
            pytest.skip(f"{UV} was not made")
        (programs / "uv").symlink_to(UV)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{_without_uv()}")
    make_wheel(isolated)
    return str(request.param)


def _without_uv() -> str:
    folders = os.environ["PATH"].split(os.pathsep)
    return os.pathsep.join(folder for folder in folders if not (Path(folder) / "uv").exists())


def says(built: Built, script: str) -> str:
    """Run a line of Python in an environment, as a project would, and return what it prints."""
    launch = managers.manager(built.manager).launch(
        built, Task(f'python -c "{script}"', Path.cwd())
    )
    done = subprocess.run(
        launch.command,
        cwd=launch.cwd,
        env=settings.child_environment(launch.variables, without=launch.without),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.mark.usefixtures("tool")
def test_an_environment_is_built_once_and_entered(
    named: Named, told: list[str], reporter: Reporter
) -> None:
    environment = named(python_env_yaml=TINY)
    before = virtualenv.describe(environment)

    built = virtualenv.prepare(environment, to=reporter)
    first, told[:] = list(told), []
    again = virtualenv.prepare(environment, to=reporter)

    assert before.endswith("to be built")
    assert virtualenv.describe(environment).endswith("built already")
    assert first[0].startswith("building the environment: virtualenv of python_env.yaml, Python 3.")
    assert any("tiny" in line for line in first)
    assert told == []
    assert again == built
    said = says(built, "import tiny, sys; print(tiny.VERSION, sys.prefix)")
    assert said == f"1.0 {built.variables['VIRTUAL_ENV']}"
    assert not built.has_mlflow
    assert built.version == sys.version_info[:3]


@pytest.mark.usefixtures("tool")
def test_gittrack_is_lent_alone_and_as_mlflow_where_there_is_none(named: Named) -> None:
    built = virtualenv.prepare(named(python_env_yaml=""), to=Reporter())

    assert says(built, "import gittrack, mlflow; print(mlflow is gittrack)") == "True"
    with pytest.raises(subprocess.CalledProcessError):
        says(built, "import yaml")


def test_another_content_is_another_environment(named: Named, isolated: Path) -> None:
    make_wheel(isolated)
    first = virtualenv.describe(named(python_env_yaml=TINY))
    prefixes = {
        building.prefix_of("virtualenv", virtualenv.reading.read(named(python_env_yaml=text)), "3")
        for text in (TINY, "", "dependencies: [a]", "build_dependencies: [a]")
    }
    assert len(prefixes) == 4
    assert "to be built" in first


@pytest.mark.usefixtures("tool")
def test_what_fails_is_thrown_away_and_its_last_words_are_told(named: Named) -> None:
    environment = named(python_env_yaml="dependencies: ['./gone-1.0-py3-none-any.whl']")

    with pytest.raises(ToolError, match="cannot build the environment") as error:
        virtualenv.prepare(environment, to=Reporter())

    assert "gone" in error.value.message
    assert error.value.hint
    assert not list(settings.cache_folder().glob("environments/*/bin"))


def test_several_processes_build_one_environment_once(named: Named, isolated: Path) -> None:
    make_wheel(isolated)
    environment = named(python_env_yaml=TINY)
    told: list[str] = []
    results: list[Built] = []

    def build() -> None:
        results.append(virtualenv.prepare(environment, to=Reporter(told.append)))

    threads = [threading.Thread(target=build) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(results) == 3
    assert sum(line.startswith("building") for line in told) == 1


def test_what_a_kill_left_half_built_is_built_anew(named: Named, isolated: Path) -> None:
    make_wheel(isolated)
    environment = named(python_env_yaml=TINY)
    built = virtualenv.prepare(environment, to=Reporter())
    prefix = Path(built.variables["VIRTUAL_ENV"])
    (prefix / "gittrack.json").unlink()
    shutil.rmtree(built.packages[0] / "tiny-1.0.dist-info")
    (built.packages[0] / "tiny.py").unlink()

    assert says(virtualenv.prepare(environment, to=Reporter()), "import tiny; print(1)") == "1"


@pytest.fixture
def slow(isolated: Path) -> Path:
    """A project whose one package takes until there is a file `go` to build.

    It writes the id of its process to `building` first.
    """
    make_wheel(isolated)
    package = isolated / "project" / "slow"
    package.mkdir(parents=True)
    (package / "pyproject.toml").write_text(
        "[build-system]\nrequires = []\nbuild-backend = 'backend'\nbackend-path = ['.']\n"
    )
    (package / "backend.py").write_text(
        "import os, pathlib, shutil, time\n"
        f"here = pathlib.Path({str(isolated)!r})\n"
        "def build_wheel(folder, *_):\n"
        "    here.joinpath('new').write_text(str(os.getpid()))\n"
        "    here.joinpath('new').replace(here / 'building')\n"
        "    while not here.joinpath('go').exists():\n"
        "        time.sleep(0.02)\n"
        "    wheel = here / 'tiny-1.0-py3-none-any.whl'\n"
        "    return pathlib.Path(shutil.copy(wheel, folder)).name\n"
    )
    (package.parent / "requirements.txt").write_text("./slow\n")
    (package.parent / "MLproject").write_text(
        "python_env: requirements.txt\n"
        "entry_points: {main: {command: 'python -c \"import tiny\"'}}\n"
    )
    return package.parent


def _until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.usefixtures("tool")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_build_that_is_stopped_leaves_nothing_in_the_way(
    slow: Path, isolated: Path, number: int
) -> None:
    command = [sys.executable, "-m", "gittrack", "run", str(slow)]
    first = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    _until((isolated / "building").exists)
    builder = int((isolated / "building").read_text())
    first.send_signal(number)
    first.communicate(timeout=300)

    if number != signal.SIGKILL:
        assert first.returncode == 130
        assert not list(settings.cache_folder().glob("environments/*/bin"))
        _until(lambda: not _lives(builder))
    (isolated / "go").touch()
    again = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)

    assert again.returncode == 0, again.stderr
    assert "building the environment" in again.stderr
    assert len(Store.open().runs().runs) == 1


def test_a_python_that_is_not_here_is_said(monkeypatch: pytest.MonkeyPatch, named: Named) -> None:
    monkeypatch.setenv("PATH", _without_uv())

    with pytest.raises(ToolError, match=r"no Python 3\.4 on this machine"):
        virtualenv.prepare(named(python_env_yaml="python: '3.4'"), to=Reporter())


def test_the_nearest_python_is_used_and_said(
    named: Named, told: list[str], reporter: Reporter
) -> None:
    minor = "{}.{}".format(*sys.version_info[:2])

    built = virtualenv.prepare(named(python_env_yaml=f"python: {minor}.99"), to=reporter)

    assert built.version[:2] == sys.version_info[:2]
    assert any(line.startswith(f"Python {minor}.99 is not here: {minor}.") for line in told)


def test_the_pip_part_of_a_conda_file_is_taken(
    named: Named, isolated: Path, told: list[str], reporter: Reporter
) -> None:
    make_wheel(isolated)
    text = "dependencies: [libgomp, pip, {pip: [./tiny-1.0-py3-none-any.whl]}]"

    built = virtualenv.prepare(named("conda_env", conda_yaml=text), to=reporter)

    assert says(built, "import tiny; print(tiny.VERSION)") == "1.0"
    assert "only conda installs libgomp: left out (--env-manager conda)" in told


def test_a_python_too_old_for_gittrack_is_said() -> None:
    from gittrack.environments import entering

    built = Built("virtualenv", "/x/python", (3, 8))

    assert entering.lending(built, as_mlflow=None)[0] is False
    assert "older than 3.10" in entering.lending(built, as_mlflow=None)[2][0]


def test_an_mlflow_of_its_own_is_used_unless_we_are_to_stand_in() -> None:
    from gittrack.environments import entering

    built = Built("virtualenv", "/x/python", (3, 12), has_mlflow=True)

    lends, stands_in, notes = entering.lending(built, as_mlflow=None)
    assert (lends, stands_in) == (True, False)
    assert "--as-mlflow" in notes[0]
    assert entering.lending(built, as_mlflow=True) == (True, True, ())
