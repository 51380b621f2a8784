"""System metrics of a run, read back: `system.jsonl`, whose lines are those of `metrics.jsonl`.

They say how busy the machine was, not what came out, and are not part of a run's summary.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from gittrack import files, paths
from gittrack.runs.lines import FileFold, MetricFold, line_files
from gittrack.runs.trees import DISK, Tree

if TYPE_CHECKING:
    from pathlib import Path

PREFIX = "system/"
_TAIL = 64 * 1024


def system_files(folder: Path, tree: Tree = DISK) -> list[Path]:
    """Return a run's files of system metrics, each followed by those it was continued in."""
    return line_files(folder, paths.is_system_file, tree)


def latest(folder: Path, tree: Tree = DISK) -> dict[str, MetricFold]:
    """Return the last values of a run's system metrics, read off the end of each file."""
    fold = FileFold()
    for path in system_files(folder, tree):
        for line in _tail(path):
            with suppress(ValueError, RecursionError):  # the first one may be cut off
                entry = json.loads(line)
                if isinstance(entry, dict):
                    fold.add(entry)
    return fold.metrics


def _tail(path: Path) -> list[bytes]:
    try:
        with files.open_plain(path) as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL))
            return file.read().splitlines()
    except OSError:
        return []
