"""Environments built once for their content: in a cache, under a lock, whole or not at all."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING

from gittrack import files, paths, process, settings
from gittrack.environments.base import Built, Reporter
from gittrack.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from gittrack.environments.reading import Spec

FOLDER = "environments"

_MARK = "gittrack.json"
_OF_ANOTHER = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "CONDA_PREFIX", "__PYVENV_LAUNCHER__")
# What pip is told by variables, for uv, which reads only its own.
_FOR_UV = {
    "PIP_INDEX_URL": "UV_DEFAULT_INDEX",
    "PIP_EXTRA_INDEX_URL": "UV_INDEX",
    "PIP_FIND_LINKS": "UV_FIND_LINKS",
    "PIP_CERT": "SSL_CERT_FILE",
}


@dataclass(frozen=True)
class Workshop:
    """Where an environment is built.

    Attributes:
        prefix: its folder.
        lock: the descriptor that every tool inherits, so that none outlives the lock.
    """

    prefix: Path
    lock: int
    to: Reporter

    def run(self, *command: str | Path) -> None:
        """Run a tool, its output shown as progress.

        Raises:
            ToolError: it fails.
        """
        env = settings.child_environment({}, without=_OF_ANOTHER)
        env.update(
            {
                theirs: env[ours]
                for ours, theirs in _FOR_UV.items()
                if ours in env and theirs not in env
            }
        )
        process.work([str(part) for part in command], env=env, line=self.to.step, keep=(self.lock,))

    def requirements(self, lines: tuple[str, ...]) -> Path:
        """Write a requirements file, and return its path."""
        path = self.prefix / paths.REQUIREMENTS
        path.write_text("".join(f"{line}\n" for line in lines))
        return path


def prefix_of(manager: str, spec: Spec, python: str) -> Path:
    """Return the folder of an environment in the cache, made or not."""
    content = json.dumps([manager, python, astuple(spec)])
    name = f"{manager}-{hashlib.sha256(content.encode()).hexdigest()[:16]}"
    return settings.cache_folder() / FOLDER / name


def is_built(prefix: Path) -> bool:
    """Tell whether an environment is there, whole, with a Python that still is."""
    return (prefix / _MARK).is_file() and python_of(prefix).exists()


def build(prefix: Path, what: str, make: Callable[[Workshop], None], *, to: Reporter) -> None:
    """Build an environment where it is not there; what fails is thrown away.

    Args:
        what: what is built, in words.
        make: builds it.

    Raises:
        ToolError: it cannot be built.
    """
    if is_built(prefix):
        return
    lock = prefix.with_name(f"{prefix.name}.lock")
    with files.locked(lock, waiting=lambda: to.say(f"waiting for another process: {what}")) as held:
        if is_built(prefix):
            return
        shutil.rmtree(prefix, ignore_errors=True)
        to.say(f"building the environment: {what}")
        begin = time.monotonic()
        try:
            make(Workshop(prefix, held, to))
            known = {"what": what, "python": _version(python_of(prefix))}
            files.write_atomic(prefix / _MARK, json.dumps(known).encode() + b"\n")
        except BaseException as error:
            shutil.rmtree(prefix, ignore_errors=True)
            if isinstance(error, ToolError):
                raise ToolError(
                    f"cannot build the environment ({what}): {error.message}",
                    hint=error.hint
                    or "correct its file, or use the current one: --env-manager local",
                ) from None
            raise
        to.say(f"built in {time.monotonic() - begin:.1f} s")


def _version(python: Path) -> str:
    script = "import sys; print('%d.%d.%d' % sys.version_info[:3])"
    said: list[str] = []
    process.work(
        [str(python), "-I", "-c", script], env=settings.child_environment({}), line=said.append
    )
    return said[-1]


def python_of(prefix: Path) -> Path:
    """Return the path of an environment's Python."""
    windows = prefix / "Scripts" / "python.exe"
    return windows if windows.exists() else prefix / "bin" / "python"


def entered(manager: str, prefix: Path, variables: Mapping[str, str]) -> Built:
    """Return a built environment, with its folder of programs first on PATH."""
    python = python_of(prefix)
    packages = tuple(sorted(prefix.glob("[Ll]ib/python3*/site-packages"))) or (
        prefix / "Lib" / "site-packages",
    )
    version = str(files.read_json(prefix / _MARK).get("python"))
    return Built(
        manager=manager,
        python=str(python),
        version=tuple(int(part) for part in version.split(".") if part.isdecimal()),
        variables={"PATH": settings.path_with(python.parent), **variables},
        packages=packages,
        has_mlflow=any((folder / "mlflow").is_dir() for folder in packages),
    )
