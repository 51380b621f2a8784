"""What a backend is given and gives back.

Another package adds one by the entry point `gittrack.backends`, which names a module or an object
with this protocol; `--backend NAME` then takes its name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gittrack.projects.job import Job


class Handle(Protocol):
    """A job that was handed over."""

    def wait(self) -> None:
        """Return when nothing runs any more."""

    def cancel(self) -> None:
        """Stop it."""


class Backend(Protocol):
    """Something that runs `worker_command(FILE)` where it sees the store."""

    NAME: str

    def check(self, config: Mapping[str, object]) -> None:
        """Refuse settings that it does not know, and a machine where it cannot work."""

    def submit(self, job: Job, file: Path, *, config: Mapping[str, object]) -> Handle:
        """Start the job that is written in a file, now or when there is room."""
