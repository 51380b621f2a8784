"""The digest of a model's files: SHA-256 of one line a file, as `sha256sum` writes it.

    5e0c…  MLmodel
    91ab…  model.pkl

Sorted by path, and without what Git never commits, so that a checkout has the digest of its origin.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from typing import TYPE_CHECKING

from gittrack import files
from gittrack.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

_NOT_COUNTED = re.compile(r"__pycache__|\.DS_Store|\.nfs.*")
_SETTLED = 2_000_000_000  # nanoseconds
_REMEMBERED = 10_000
# A file that nobody touched since is not read again, so that loading a model twice costs it once.
_known: dict[tuple[int, ...], str] = {}


def of_folder(folder: Path, *, without: Collection[str] = ()) -> str:
    """Return the digest of all files of a model, less those at the paths of `without`.

    Raises:
        ModelError: a file cannot be read, or is a link.
    """
    lines = []
    for path in files.walk(folder):
        name = path.relative_to(folder).as_posix()
        if name in without or any(_NOT_COUNTED.fullmatch(part) for part in name.split("/")):
            continue
        try:
            lines.append(f"{_of_file(path)}  {name}\n")
        except OSError as error:
            raise ModelError(
                f"cannot read {path}: {error.strerror}", hint="check its rights; links are not read"
            ) from None
    text = "".join(sorted(lines, key=lambda line: line.partition("  ")[2]))
    return f"sha256:{hashlib.sha256(text.encode(errors='surrogateescape')).hexdigest()}"


def check(folder: Path, digest: str, *, without: Collection[str] = ()) -> None:
    """Compare the files of a model with the digest that was written down for them.

    Raises:
        ModelError: they are not the same.
    """
    if digest.startswith("sha256:") and of_folder(folder, without=without) != digest:
        raise ModelError(
            f"the files of {folder} are not those that were saved: their digest does not fit",
            hint=_cause(folder),
        )


def _key(about: os.stat_result) -> tuple[int, ...]:
    return (about.st_dev, about.st_ino, about.st_size, about.st_mtime_ns, about.st_ctime_ns)


def _of_file(path: Path) -> str:
    with files.open_plain(path) as file:
        about = os.fstat(file.fileno())
        key = _key(about)
        if (known := _known.get(key)) is not None:
            return known
        found = files.sha256(file)
    # What was written a moment ago may be written again at what the system takes for the same time.
    if time.time_ns() - about.st_ctime_ns > _SETTLED and len(_known) < _REMEMBERED:
        _known[key] = found
    return found


def _cause(folder: Path) -> str:
    from gittrack.git.objects import is_pointer

    for path in files.walk(folder):
        if is_pointer(path):
            return f"git lfs pull: {path.name} is but a pointer to a file that was not fetched"
    return f"git status -- {folder} and git log -- {folder} show what changed"
