"""What a model needs: requirements.txt, conda.yaml and python_env.yaml."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from gittrack import paths
from gittrack.errors import UsageError
from gittrack.models import packages

CONDA = "conda.yaml"
PYTHON_ENV = "python_env.yaml"

Requirements = str | Path | Sequence[str] | None


def pinned(modules: Iterable[str]) -> list[str]:
    """Return what installs each top module as it is here, sorted."""
    return sorted({packages.pinned(module) for module in modules})


def misfits(folder: Path) -> list[str]:
    """Return the packages that a model was saved with in another version than is installed."""
    from importlib import metadata

    try:
        lines = (folder / paths.REQUIREMENTS).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
    found = []
    for line in lines:
        name, equals, wanted = line.partition(";")[0].strip().partition("==")
        try:
            here = metadata.version(name) if equals else wanted
        except (metadata.PackageNotFoundError, ValueError):
            here = "missing"
        if here != wanted:
            found.append(f"{name} {wanted} (here {here})")
    return found


def given(requirements: Requirements, *, argument: str) -> list[str]:
    """Return requirements that a caller gave as a list, or as the path of a requirements file.

    Raises:
        UsageError: they are neither, or the file cannot be read.
    """
    if requirements is None:
        return []
    if isinstance(requirements, (str, Path)):
        path = Path(requirements)
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(
                f"{argument}: cannot read {path}: {error}",
                hint="give a list, or the path of a requirements file",
            ) from None
        return [
            line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")
        ]
    if all(isinstance(line, str) and line and "\n" not in line for line in requirements):
        return list(requirements)
    raise UsageError(
        f"{argument} holds what is no requirement", hint="give texts such as 'scikit-learn==1.5.0'"
    )


def write(
    folder: Path, lines: Sequence[str], *, conda_env: Mapping[str, Any] | str | Path | None = None
) -> None:
    """Write the three files; `conda_env` is taken as given where there is one.

    Raises:
        UsageError: `conda_env` is a path that cannot be read.
    """
    import yaml

    python = platform.python_version()
    if isinstance(conda_env, (str, Path)):
        try:
            conda = Path(conda_env).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(
                f"conda_env: cannot read {conda_env}: {error}", hint="give its path"
            ) from None
    else:
        conda = yaml.safe_dump(
            dict(conda_env) if conda_env else _conda(python, lines), sort_keys=False
        )
    environment = {
        "python": python,
        "build_dependencies": ["pip", "setuptools", "wheel"],
        "dependencies": [f"-r {paths.REQUIREMENTS}"],
    }
    _write(folder / paths.REQUIREMENTS, "".join(f"{line}\n" for line in lines))
    _write(folder / CONDA, conda)
    _write(folder / PYTHON_ENV, yaml.safe_dump(environment, sort_keys=False))


def _conda(python: str, lines: Sequence[str]) -> dict[str, Any]:
    dependencies = [f"python={python}", "pip", {"pip": list(lines)}]
    return {"name": "gittrack-env", "channels": ["conda-forge"], "dependencies": dependencies}


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
