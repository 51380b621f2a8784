"""Where a store's files are read from: the disk, or a revision in Git's objects.

A tree of another kind gives its files the paths that they would have, and brings those of a folder
to the disk where somebody has to open them.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Any, Protocol

from gittrack import files
from gittrack.errors import StoreError
from gittrack.runs import jsonlines

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gittrack.files import Problem
    from gittrack.runs.jsonlines import LinesRead


class Tree(Protocol):
    """What reading runs asks of the place where they are."""

    def folders(self, path: Path) -> list[str]:
        """Return the names of the folders in a folder, sorted; none where it is missing.

        Links are left out.

        Raises:
            StoreError: it cannot be read, or what is in it cannot be reached.
        """
        ...

    def names(self, folder: Path) -> list[str]:
        """Return what is in a folder.

        Raises:
            OSError: it cannot be read.
        """
        ...

    def is_folder(self, path: Path) -> bool:
        """Tell whether a folder is there that no link stands for."""
        ...

    def is_file(self, path: Path) -> bool:
        """Tell whether a file is there."""
        ...

    def size(self, path: Path) -> int:
        """Return a file's size in bytes.

        Raises:
            OSError: it is not there.
        """
        ...

    def read_json(self, path: Path) -> dict[str, object]:
        """Read a file that holds one JSON object, see `files.read_json`."""
        ...

    def read_lines(self, path: Path, take: Callable[[dict[str, Any]], None]) -> LinesRead:
        """Read a JSON-lines file, see `jsonlines.read_lines`."""
        ...

    def sizes(self, folder: Path, problems: list[Problem]) -> dict[str, int]:
        """Return the size in bytes of every file below a folder by its path there."""
        ...

    def local(self, path: Path) -> Path:
        """Return a folder or file after its files were brought to where they can be opened."""
        ...

    def place(self, path: Path) -> str:
        """Return where a person finds a file or folder: its path, or `REVISION:PATH`."""
        ...

    def revisions(self, folder: Path) -> tuple[str, ...]:
        """Return the revisions that hold a run's folder; none of a folder on disk."""
        ...


class Disk:
    """The files as they lie in the store's folder."""

    def folders(self, path: Path) -> list[str]:
        """Return the names of the folders in a folder, sorted; none where it is missing."""
        try:
            with os.scandir(path) as found:
                names = sorted(entry.name for entry in found if entry.is_dir(follow_symlinks=False))
            if names and not os.access(path, os.X_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StoreError(
                f"cannot read {path}: {error.strerror}", hint="check its rights"
            ) from error
        return names

    def names(self, folder: Path) -> list[str]:
        """Return what is in a folder."""
        return os.listdir(folder)  # noqa: PTH208 - a listing does this for every run

    def is_folder(self, path: Path) -> bool:
        """Tell whether a folder is there that no link stands for."""
        return path.is_dir() and not path.is_symlink()

    def is_file(self, path: Path) -> bool:
        """Tell whether a file is there."""
        return os.path.exists(path)  # noqa: PTH110 - which is False where it cannot be told

    def size(self, path: Path) -> int:
        """Return a file's size in bytes."""
        return os.lstat(path).st_size

    def read_json(self, path: Path) -> dict[str, object]:
        """Read a file that holds one JSON object."""
        return files.read_json(path)

    def read_lines(self, path: Path, take: Callable[[dict[str, Any]], None]) -> LinesRead:
        """Read a JSON-lines file."""
        return jsonlines.read_lines(path, take)

    def sizes(self, folder: Path, problems: list[Problem]) -> dict[str, int]:
        """Return the size in bytes of every file below a folder by its path there."""
        return files.sizes(folder, problems)

    def local(self, path: Path) -> Path:
        """Return the path, which is where the file or folder is."""
        return path

    def place(self, path: Path) -> str:
        """Return the path."""
        return str(path)

    def revisions(self, folder: Path) -> tuple[str, ...]:  # noqa: ARG002 - as of any other tree
        """Return none."""
        return ()


DISK = Disk()
