"""The digest of a model's files: SHA-256 of one line a file, as `sha256sum` writes it.

    5e0c…  MLmodel
    91ab…  model.pkl

Sorted by path, and without what Git never commits, so that a checkout has the digest of its origin.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from gittrack import files
from gittrack.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

_BLOCK = 1 << 20
_NOT_COUNTED = re.compile(r"__pycache__|\.DS_Store|\.nfs.*")
_LFS_POINTER = b"version https://git-lfs"


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


def _of_file(path: Path) -> str:
    found = hashlib.sha256()
    with files.open_plain(path) as file:
        while block := file.read(_BLOCK):
            found.update(block)
    return found.hexdigest()


def _cause(folder: Path) -> str:
    for path in files.walk(folder):
        with files.open_plain(path) as file:
            if file.read(len(_LFS_POINTER)) == _LFS_POINTER:
                return f"git lfs pull: {path.name} is but a pointer to a file that was not fetched"
    return f"git status -- {folder} and git log -- {folder} show what changed"
