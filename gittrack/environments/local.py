"""The current environment: `python` is the interpreter that gittrack runs under."""

from __future__ import annotations

import sys
from pathlib import Path

from gittrack import settings
from gittrack.environments import entering
from gittrack.environments.base import Built, Environment, Reporter

NAME = "local"

launch = entering.launch


def describe(environment: Environment | None) -> str:
    """Return in words that it is the current one."""
    del environment
    return f"the current environment (Python {_version()})"


def prepare(environment: Environment | None, *, to: Reporter) -> Built:
    """Return the current environment, whatever the project names."""
    del environment, to
    folders = tuple(Path(entry) for entry in sys.path if entry)
    return Built(
        manager=NAME,
        python=sys.executable,
        version=sys.version_info[:3],
        variables={"PATH": settings.path_with(Path(sys.executable).parent)},
        packages=folders,
        has_mlflow=any((folder / "mlflow" / "__init__.py").is_file() for folder in folders),
    )


def _version() -> str:
    return "{}.{}.{}".format(*sys.version_info[:3])
