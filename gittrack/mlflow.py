"""`python -m gittrack.mlflow script.py ARGUMENTS`: run a script that imports `mlflow`.

`-m MODULE ARGUMENTS` runs a module. Every `import mlflow` in it, and in the processes that it
starts, is served by gittrack.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

from gittrack import settings
from gittrack.errors import GittrackError, NotFoundError, UsageError
from gittrack.standin import IMPORTABLE, install_as_mlflow

_HOW = "python -m gittrack.mlflow script.py ARGUMENTS, or -m MODULE ARGUMENTS"


def main(arguments: list[str]) -> None:
    """Run a script or a module as Python itself would, with gittrack as `mlflow`."""
    try:
        target, as_module = _target(arguments)
        install_as_mlflow()
    except GittrackError as error:
        from gittrack.cli import render

        render.problem(error)
        raise SystemExit(error.exit_code) from None
    settings.add_to_python_path(IMPORTABLE)
    sys.path.insert(1, str(IMPORTABLE))  # what multiprocessing hands on to those it spawns
    if as_module:
        sys.argv = arguments[1:]
        runpy.run_module(target, run_name="__main__", alter_sys=True)
    else:
        sys.argv = arguments
        sys.path[0] = str(Path(target).resolve().parent)
        runpy.run_path(target, run_name="__main__")


def _target(arguments: list[str]) -> tuple[str, bool]:
    as_module = arguments[:1] == ["-m"]
    rest = arguments[1:] if as_module else arguments
    if not rest or rest[0].startswith("-"):
        raise UsageError("no script to run", hint=_HOW)
    if not as_module and not Path(rest[0]).is_file():
        raise NotFoundError(f"no script at {rest[0]}", hint=_HOW)
    return rest[0], as_module


if __name__ == "__main__":
    main(sys.argv[1:])
