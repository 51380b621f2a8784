"""Conda environments: solved and installed by py-rattler from a channel of this machine."""

from __future__ import annotations

import os
import subprocess
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gittrack.environments import conda
from gittrack.environments.base import Environment, Reporter
from gittrack.errors import ToolError
from tests import parts
from tests.environments.conftest import make_wheel

if TYPE_CHECKING:
    from collections.abc import Callable

CHANNEL = parts.ENVIRONMENTS / "conda" / "channel"
ENVIRONMENT = f"""\
channels: ["{CHANNEL.as_uri()}"]
dependencies:
- python
- pip
- pip: [./tiny-1.0-py3-none-any.whl]
"""


def run(script: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a script where py-rattler is installed, and no conda is to be found."""
    env = {**os.environ, **more}
    return subprocess.run(
        [parts.environment("conda"), "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        check=False,
        env=env,
    )


PREPARE = """
    import sys, subprocess
    from pathlib import Path
    from gittrack.environments import conda
    from gittrack.environments.base import Environment, Reporter
    from gittrack.errors import GittrackError
    environment = Environment("conda_env", Path("conda.yaml"))
    try:
        print(conda.describe(environment))
        built = conda.prepare(environment, to=Reporter(print))
    except GittrackError as error:
        sys.exit(str(error))
    print(conda.describe(environment))
    script = "import sys, tiny; print(tiny.VERSION, sys.prefix)"
    print(subprocess.run([built.python, "-c", script], capture_output=True, text=True).stdout)
    print(built.variables["CONDA_PREFIX"], built.packages[0].is_dir())
"""


@pytest.mark.slow
@pytest.mark.needs("env:conda")
def test_a_conda_environment_is_built_with_its_pip_part(isolated: Path) -> None:
    make_wheel(isolated)
    (isolated / "conda.yaml").write_text(ENVIRONMENT)

    done = run(PREPARE)

    first, building, built, second, said, _, prefix = done.stdout.splitlines()[:7]
    assert first == "conda of conda.yaml, to be built", done.stderr
    assert building == "building the environment: conda of conda.yaml"
    assert built.startswith("built in ")
    assert second == "conda of conda.yaml, built already"
    assert said == f"1.0 {prefix.split()[0]}"
    assert prefix.endswith("True")


@pytest.mark.needs("env:conda")
def test_what_cannot_be_solved_is_said_and_nothing_is_left(isolated: Path) -> None:
    (isolated / "conda.yaml").write_text(
        f'channels: ["{CHANNEL.as_uri()}"]\ndependencies: [python, no-such-package]\n'
    )

    done = run(PREPARE)

    assert done.returncode == 1
    assert "cannot build the environment (conda of conda.yaml): py-rattler failed" in done.stderr
    assert "no-such-package" in done.stderr
    assert not list(Path(os.environ["HOME"]).glob(".cache/gittrack/environments/*/conda-meta"))


@pytest.mark.parametrize(
    ("packages", "hint"),
    [
        ("[python, pip, {pip: [a]}]", "--env-manager virtualenv builds it without conda"),
        ("[python, libgomp]", "only conda installs libgomp: pip install py-rattler"),
    ],
)
def test_without_any_conda_it_is_said_what_to_do(
    named: Callable[..., object], monkeypatch: pytest.MonkeyPatch, packages: str, hint: str
) -> None:
    monkeypatch.setenv("PATH", os.defpath)
    monkeypatch.delenv("CONDA_EXE", raising=False)
    environment = named("conda_env", conda_yaml=f"dependencies: {packages}")

    with pytest.raises(ToolError, match="neither conda, mamba nor micromamba") as error:
        conda.prepare(environment, to=Reporter())  # type: ignore[arg-type]

    assert hint in error.value.hint


def test_the_environment_of_a_python_env_has_its_python(named: Callable[..., object]) -> None:
    spec = conda._spec(named(python_env_yaml="python: '3.9'\ndependencies: [a]"))  # type: ignore[arg-type]

    assert spec.conda == ("python=3.9", "pip")
    assert (spec.channels, spec.pip) == (("conda-forge",), ("a",))


CONDA = """\
#!{python}
# Takes the arguments of `conda create`, and does the work with py-rattler.
import argparse, asyncio, os
import rattler

parser = argparse.ArgumentParser()
parser.add_argument("command", choices=["create"])
parser.add_argument("--yes", action="store_true", required=True)
parser.add_argument("--override-channels", action="store_true", required=True)
parser.add_argument("-c", action="append")
parser.add_argument("--prefix")
parser.add_argument("specs", nargs="*")
given = parser.parse_intermixed_args()


async def main():
    platforms = [rattler.Platform.current(), rattler.Platform("noarch")]
    solved = await rattler.solve(sources=given.c, specs=given.specs, platforms=platforms)
    await rattler.install(solved, target_prefix=given.prefix, cache_dir={cache!r})
    print("made by the program", flush=True)
    os._exit(0)  # whatever threads are left


asyncio.run(main())
"""


@pytest.mark.slow
@pytest.mark.needs("env:conda")
def test_a_conda_on_path_is_used_before_py_rattler(
    isolated: Path, tmp_path: Path, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "conda"
    cache = str(tmp_path / "cache")
    program.write_text(CONDA.format(python=parts.environment("conda"), cache=cache))
    program.chmod(0o755)
    monkeypatch.setenv("CONDA_EXE", str(program))
    (isolated / "conda.yaml").write_text(
        f'channels: ["{CHANNEL.as_uri()}"]\ndependencies: [python]\n'
    )
    environment = Environment("conda_env", isolated / "conda.yaml")

    built = conda.prepare(environment, to=Reporter(step=told.append))

    assert "made by the program" in told
    said = subprocess.run([built.python, "-c", "print(1)"], capture_output=True, check=True)
    assert said.stdout == b"1\n"
