"""Virtual environments: built with uv where that is installed, else with virtualenv and pip."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from gittrack import settings
from gittrack.environments import building, entering, reading
from gittrack.errors import ToolError

if TYPE_CHECKING:
    from gittrack.environments.base import Built, Environment, Reporter
    from gittrack.environments.building import Workshop
    from gittrack.environments.reading import Spec

NAME = "virtualenv"

launch = entering.launch


class Python(NamedTuple):
    """An interpreter of this machine, or one that uv has to fetch."""

    path: str
    version: str


def describe(environment: Environment | None) -> str:
    """Return in words which environment it is, and whether it is built."""
    spec = reading.read(environment)
    python = find_python(spec.python)
    state = "built already" if building.is_built(_prefix(spec, python)) else "to be built"
    return f"{_what(environment, python)}, {state}"


def prepare(environment: Environment | None, *, to: Reporter) -> Built:
    """Return the virtual environment of a python_env.yaml, requirements.txt or conda.yaml.

    Raises:
        ProjectError: its file is wrong.
        ToolError: it cannot be built.
    """
    spec = reading.read(environment)
    if dropped := spec.only_conda:
        to.say(f"only conda installs {', '.join(dropped)}: left out (--env-manager conda)")
    python = find_python(spec.python)
    if spec.python and not _fits(python.version, spec.python):
        to.say(f"Python {spec.python} is not here: {python.version} is used")
    prefix = _prefix(spec, python)

    def make(workshop: Workshop) -> None:
        uv = settings.find_program("uv")
        (_with_uv if uv else _with_pip)(workshop, spec, python, uv or "")

    building.build(prefix, _what(environment, python), make, to=to)
    return building.entered(NAME, prefix, {"VIRTUAL_ENV": str(prefix)})


def find_python(wanted: str) -> Python:
    """Return the interpreter of this machine that fits a version best.

    That version, else the newest of the same minor version; any: the one that gittrack runs under.

    Raises:
        ToolError: there is none, and no uv to fetch it.
    """
    own = Python(sys.executable, "{}.{}.{}".format(*sys.version_info[:3]))
    if not wanted or _fits(own.version, wanted):
        return own
    minor = ".".join(wanted.split(".")[:2])
    found = [own] if _fits(own.version, minor) else []
    found += [python for path in _candidates(minor) if (python := _asked(path)) is not None]
    exact = [python for python in found if _fits(python.version, wanted)]
    near = [python for python in found if _fits(python.version, minor)]
    if exact or near:
        return max(
            exact or near, key=lambda python: [int(part) for part in python.version.split(".")]
        )
    if settings.find_program("uv"):
        return Python(wanted, wanted)
    raise ToolError(
        f"there is no Python {wanted} on this machine",
        hint=f"install it so that python{minor} is on PATH, or pip install uv, which fetches it",
    )


def _fits(version: str, wanted: str) -> bool:
    return version.split(".")[: len(wanted.split("."))] == wanted.split(".")


def _candidates(minor: str) -> list[str]:
    on_path = settings.find_program(f"python{minor}")
    pyenv = sorted(Path("~/.pyenv/versions").expanduser().glob(f"{minor}*/bin/python"))
    return [*([on_path] if on_path else []), *map(str, pyenv)]


def _asked(path: str) -> Python | None:
    script = "import sys; print('%d.%d.%d' % sys.version_info[:3])"
    with suppress(OSError, subprocess.SubprocessError):
        said = subprocess.run(
            [path, "-I", "-c", script], capture_output=True, check=True, timeout=20
        )
        return Python(path, said.stdout.decode().strip())
    return None


def _prefix(spec: Spec, python: Python) -> Path:
    return building.prefix_of(NAME, spec, python.version)


def _what(environment: Environment | None, python: Python) -> str:
    named = f" of {environment}" if environment is not None else ""
    return f"virtualenv{named}, Python {python.version}"


def _with_uv(workshop: Workshop, spec: Spec, python: Python, uv: str) -> None:
    workshop.run(uv, "venv", "--python", python.path, workshop.prefix)
    for lines in (spec.build, spec.pip):
        if lines:
            file = workshop.requirements(lines)
            inside = building.python_of(workshop.prefix)
            workshop.run(uv, "pip", "install", "--python", inside, "-r", file)


def _with_pip(workshop: Workshop, spec: Spec, python: Python, _: str) -> None:
    options = ("--no-periodic-update", "--quiet", "--python", python.path)
    workshop.run(sys.executable, "-m", "virtualenv", *options, workshop.prefix)
    for lines in (spec.build, spec.pip):
        if lines:
            install(workshop, lines)


def install(workshop: Workshop, lines: tuple[str, ...]) -> None:
    """Install requirements into an environment with its own pip."""
    options = ("--disable-pip-version-check", "--no-input")
    file = workshop.requirements(lines)
    workshop.run(building.python_of(workshop.prefix), "-m", "pip", "install", *options, "-r", file)
