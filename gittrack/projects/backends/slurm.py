"""Slurm: an sbatch script a run, on a file system that the nodes share.

`--backend-config` names options of sbatch: {"partition": "gpu", "time": "1:00:00", "gres": "gpu:1"}
"""

from __future__ import annotations

import re
import shlex
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gittrack import settings
from gittrack.errors import ToolError, UsageError
from gittrack.projects.backends.local import worker_command, worker_variables

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gittrack.projects.job import Job

NAME = "slurm"

_OPTION = re.compile(r"[a-z][a-z0-9-]*")
# What would run something else, or take the script from elsewhere.
_OURS = ("wrap", "chdir", "output", "error", "job-name", "parsable", "export", "export-file")
_POLL_SECONDS = 0.5
_MOST_POLL_SECONDS = 10.0


@dataclass(frozen=True)
class SlurmJob:
    """A job in the queue or on a node."""

    number: str

    def wait(self) -> None:
        """Wait until the queue does not list it any more."""
        pause = _POLL_SECONDS
        while _call("squeue", "--noheader", "--job", self.number, "--format=%T", check=False):
            time.sleep(pause)
            pause = min(pause * 1.5, _MOST_POLL_SECONDS)

    def cancel(self) -> None:
        """Take it out of the queue, or stop it."""
        _call("scancel", self.number)
        self.wait()


def check(config: Mapping[str, object]) -> None:
    """Refuse what is no option of sbatch, and a machine without it.

    Raises:
        UsageError: an option cannot be one, or is ours.
        ToolError: there is no sbatch.
    """
    for name in config:
        if not _OPTION.fullmatch(str(name)) or name in _OURS:
            raise UsageError(
                f"{name!r} is no setting of the backend {NAME}",
                hint="give long options of sbatch without dashes, such as partition or time",
            )
    if settings.find_program("sbatch") is None:
        raise ToolError("there is no sbatch on PATH", hint="run this where Slurm is installed")


def submit(job: Job, file: Path, *, config: Mapping[str, object]) -> SlurmJob:
    """Write the batch script, and queue it.

    Raises:
        ToolError: Slurm refuses it.
    """
    script = file.with_suffix(".sh")
    exports = "".join(f"export {k}={shlex.quote(v)}\n" for k, v in worker_variables().items())
    script.write_text(f"#!/bin/sh\n{exports}exec {shlex.join(worker_command(file))}\n")
    options = [
        f"--{name}" if value is True else f"--{name}={value}" for name, value in config.items()
    ]
    try:
        number = _call(
            "sbatch",
            "--parsable",
            f"--job-name=gittrack-{job.run_id}",
            f"--output={file.with_suffix('.log')}",
            *options,
            str(script),
        )
    finally:
        script.unlink()  # Slurm has a copy
    return SlurmJob(number.partition(";")[0])


def _call(*command: str, check: bool = True) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if check and done.returncode:
        said = done.stderr.strip() or f"exit code {done.returncode}"
        raise ToolError(f"{command[0]} failed: {said}", hint="sinfo shows what the cluster offers")
    return done.stdout.strip()
