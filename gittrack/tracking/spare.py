"""A run where the store cannot be written: no record is a reason to stop the work."""

from __future__ import annotations

import os
from pathlib import Path

from gittrack import paths
from gittrack.errors import StoreError
from gittrack.runs.forgiving import warn
from gittrack.runs.store import Store
from gittrack.runs.writer import RunWriter, adrift


def create(name: str | None, error: StoreError) -> RunWriter:
    """Start a run in a temporary store, and say so once, with the reason."""
    spare = Store(Path(_folder(), f"gittrack-{paths.random_text(8)}", paths.STORE))
    warn(f"{error.message}; this run is kept in {spare.root}, from where it can be moved")
    experiment = spare.experiment("0")
    try:
        return RunWriter.create(spare, experiment, name=name, code=spare.root.parent)
    except StoreError:
        return adrift(spare, experiment, name=name)


def _folder() -> str:
    import tempfile

    try:
        return tempfile.gettempdir()
    except OSError:  # no folder can be written, or no file opened
        return os.sep
