"""The real parts that some tests need: programs, an engine that answers, libraries, environments.

`@pytest.mark.needs("docker", "image:local/python", "program:git-lfs", "module:torch",
"env:mlflow-3.17")` skips a test
where one is missing, with the reason. With GITTRACK_TEST_PARTS=required, as in CI, it fails.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import shutil
import subprocess
from pathlib import Path

# Asked before a test gets a home of its own.
REQUIRED = os.environ.get("GITTRACK_TEST_PARTS") == "required"
ENVIRONMENTS = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gittrack-tests"


@functools.cache
def missing(part: str) -> str:
    """Return why a part cannot be used here, "" where it can."""
    kind, _, name = part.rpartition(":")
    if part == "docker":
        return "" if _answers("docker", "info") else "no Docker engine answers"
    if part == "slurm":
        return "" if _answers("sinfo", "--noheader") else "no Slurm cluster answers"
    if kind == "image":
        found = _answers("docker", "image", "inspect", name)
        return "" if found else f"the Docker image {name} was not made"
    if kind == "program":
        return "" if shutil.which(name) else f"the program {name} is not on PATH"
    if kind == "module":
        return "" if importlib.util.find_spec(name) else f"the module {name} is not installed"
    if kind == "env":
        return "" if environment(name).exists() else f"{environment(name)} was not made"
    raise ValueError(f"{part!r} is no kind of part that tests/parts.py knows")


def environment(name: str) -> Path:
    """Return the Python of an environment of its own, made by `.ci/parts/`."""
    return ENVIRONMENTS / name / "bin" / "python"


def _answers(*command: str) -> bool:
    try:
        asked = subprocess.run(command, check=False, capture_output=True, timeout=120)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return asked.returncode == 0
