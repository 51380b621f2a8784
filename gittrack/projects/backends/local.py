"""This machine: a process of its own, which goes on when its starter has ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gittrack import settings
from gittrack.environments.entering import PACKAGE
from gittrack.errors import UsageError
from gittrack.projects.order import LOCAL as NAME

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gittrack.projects.job import Job

__all__ = ["NAME", "check", "submit", "worker_command", "worker_variables"]

_WORKER = "gittrack.projects.worker"


@dataclass(frozen=True)
class Process:
    """A worker in the background."""

    process: subprocess.Popen[bytes]

    def wait(self) -> None:
        """Wait for its end."""
        self.process.wait()

    def cancel(self) -> None:
        """Tell it to stop; it hands the signal on and ends the run."""
        with suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGTERM)
        self.process.wait()


def worker_command(file: Path) -> list[str]:
    """Return the command that runs a job which is written in a file."""
    return [sys.executable, "-m", _WORKER, str(file)]


def worker_variables() -> dict[str, str]:
    """Return what a worker needs besides our environment."""
    entries = [settings.child_environment({}).get("PYTHONPATH", ""), str(PACKAGE.parent)]
    return {"PYTHONPATH": os.pathsep.join(filter(None, entries))}


def check(config: Mapping[str, object]) -> None:
    """Refuse any setting: there are none.

    Raises:
        UsageError: there is one.
    """
    if config:
        raise UsageError(f"the backend {NAME} has no settings", hint="leave --backend-config out")


def submit(job: Job, file: Path, *, config: Mapping[str, object]) -> Process:
    """Start the job in the background."""
    del config, job
    process = subprocess.Popen(
        worker_command(file),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=settings.child_environment(worker_variables()),
        start_new_session=True,
    )
    return Process(process)
