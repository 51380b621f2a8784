"""Conda environments: built with conda, mamba or micromamba, else through py-rattler."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from gittrack import settings
from gittrack.environments import building, entering, reading, virtualenv
from gittrack.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Callable

    from gittrack.environments.base import Built, Environment, Reporter
    from gittrack.environments.building import Workshop
    from gittrack.environments.reading import Spec

NAME = "conda"
PROGRAMS = ("conda", "mamba", "micromamba")

_RATTLING = Path(__file__).with_name("rattling.py")

launch = entering.launch


def describe(environment: Environment | None) -> str:
    """Return in words which environment it is, and whether it is built."""
    spec = _spec(environment)
    built = building.is_built(building.prefix_of(NAME, spec, ""))
    return f"{_what(environment)}, {'built already' if built else 'to be built'}"


def prepare(environment: Environment | None, *, to: Reporter) -> Built:
    """Return the conda environment of a conda.yaml or python_env.yaml.

    Raises:
        ProjectError: its file is wrong.
        ToolError: it cannot be built, or there is nothing to build it with.
    """
    spec = _spec(environment)
    prefix = building.prefix_of(NAME, spec, "")
    if not building.is_built(prefix):
        make = _maker(spec)
        building.build(prefix, _what(environment), make, to=to)
    variables = {"CONDA_PREFIX": str(prefix), "CONDA_DEFAULT_ENV": prefix.name}
    return building.entered(NAME, prefix, variables)


def _spec(environment: Environment | None) -> Spec:
    spec = reading.read(environment)
    names = {reading.name_of(item) for item in spec.conda}
    conda = list(spec.conda)
    if "python" not in names:
        conda.append(f"python={spec.python}" if spec.python else "python")
    if spec.pip and "pip" not in names:
        conda.append("pip")
    channels = spec.channels or ("conda-forge",)
    return reading.Spec(
        spec.python, (), (*spec.build, *spec.pip), channels, tuple(conda), spec.contents
    )


def _what(environment: Environment | None) -> str:
    return f"conda of {environment}" if environment is not None else "conda"


def _maker(spec: Spec) -> Callable[[Workshop], None]:
    program = settings.find_program(*PROGRAMS, variable=settings.CONDA)
    if program is not None:
        return lambda workshop: _with_program(workshop, spec, program)
    if importlib.util.find_spec("rattler") is not None:
        return lambda workshop: _with_rattler(workshop, spec)
    only_pip = not spec.only_conda
    raise ToolError(
        "there is neither conda, mamba nor micromamba on PATH, nor py-rattler",
        hint="only pip's packages are named, so --env-manager virtualenv builds it without conda"
        if only_pip
        else f"only conda installs {', '.join(spec.only_conda)}: pip install py-rattler, or set "
        f"{settings.CONDA} to a conda",
    )


def _with_program(workshop: Workshop, spec: Spec, program: str) -> None:
    channels = [option for channel in spec.channels for option in ("-c", channel)]
    options = ("--yes", "--override-channels", *channels, "--prefix", str(workshop.prefix))
    workshop.run(program, "create", *options, *spec.conda)
    _pip(workshop, spec)


def _with_rattler(workshop: Workshop, spec: Spec) -> None:
    channels = [_channel(channel) for channel in spec.channels]
    given = json.dumps({"channels": channels, "packages": list(spec.conda)})
    cache = settings.cache_folder() / "conda"
    try:
        workshop.run(sys.executable, _RATTLING, workshop.prefix, cache, given)
    except ToolError as error:
        words = error.message.partition(": ")[2]
        raise ToolError(f"py-rattler failed: {words}") from None
    _pip(workshop, spec)


def _channel(name: str) -> str:
    return Path(name).as_uri() if name.startswith("/") else name


def _pip(workshop: Workshop, spec: Spec) -> None:
    if spec.pip:
        virtualenv.install(workshop, spec.pip)
