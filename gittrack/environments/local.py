"""The current environment: `python` is the interpreter that gittrack runs under."""

from __future__ import annotations

import os
import sys
import sysconfig
from pathlib import Path

from gittrack import settings
from gittrack.environments.base import Launch, Task

NAME = "local"

_PACKAGE_FOLDER = Path(__file__).resolve().parents[2]


def launch(task: Task) -> Launch:
    """Return the process that runs the task with this interpreter first on PATH."""
    inherited = settings.child_environment({})
    own = {
        "PATH": _joined(str(Path(sys.executable).parent), inherited.get("PATH", os.defpath)),
        "PYTHONUNBUFFERED": inherited.get("PYTHONUNBUFFERED") or "1",
    }
    # An installed gittrack is found as it is, and the other packages beside it are not to hide any.
    installed = (Path(sysconfig.get_path(kind)).resolve() for kind in ("purelib", "platlib"))
    if _PACKAGE_FOLDER not in installed:
        own["PYTHONPATH"] = _joined(inherited.get("PYTHONPATH", ""), str(_PACKAGE_FOLDER))
    return Launch(
        command=("bash", "-c", task.script),
        cwd=task.folder,
        env={**inherited, **own, **task.variables},
    )


def _joined(*entries: str) -> str:
    return os.pathsep.join(entry for entry in entries if entry)
