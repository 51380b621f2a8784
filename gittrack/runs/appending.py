"""The line file that this process appends to.

And how it survives what happens to the tree meanwhile.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from gittrack import files, paths

if TYPE_CHECKING:
    from pathlib import Path

CHECK_MS = 1000


class LineWriter:
    """Appends lines to a file that this process alone writes; made at the first line.

    A line is acknowledged when `append` returns: it is in the system's cache, where the death of
    the process cannot reach it. Where the file is removed meanwhile (`git stash -u`, `git clean`,
    `rm -rf`), it is written again. `count` is how many lines were acknowledged, `restored` how many
    files were written again.
    """

    def __init__(self, folder: Path, *, rank: int | None = None) -> None:
        self.folder = folder
        self.count = self.restored = 0
        self._rank = rank
        self._descriptor = -1
        self._name = ""
        self._full: dict[str, int] = {}
        self._broken = False
        self._size = 0
        self._checked = 0

    @property
    def names(self) -> tuple[str, ...]:
        """The files' names, oldest first; none before the first line."""
        return (*self._full, self._name) if self._name else ()

    def append(self, line: bytes, *, now: int) -> None:
        """Write one line; `now` in ms since 1970 UTC.

        Raises:
            OSError: it could not be written whole; the next line begins on a new line all the same.
            StoreError: it was written to a file that was removed, which cannot be put back yet.
        """
        if self._descriptor < 0:
            self._open(now)
        if self._broken:
            line = b"\n" + line
        written = 0
        try:
            written = os.write(self._descriptor, line)
            if written != len(line):
                self._broken = True
                files.write_all(self._descriptor, line[written:])
                written = len(line)
            self._broken = False
            self.count += 1
        finally:
            self._size += written
        if self._size >= paths.MAX_LINE_FILE:
            self._roll()
        if now - self._checked > CHECK_MS:
            self.check(now=now)

    def check(self, *, now: int) -> None:
        """Put back the files that somebody removed.

        Raises:
            OSError: they cannot be written again.
            StoreError: likewise.
        """
        self._checked = now
        for name, descriptor in list(self._full.items()):
            if self._is_lost(name, descriptor):
                again, fresh = self._restore(name, descriptor)
                del self._full[name]
                self._full[again] = fresh
        if self._descriptor >= 0 and self._is_lost(self._name, self._descriptor):
            self._name, self._descriptor = self._restore(self._name, self._descriptor)

    def close(self) -> None:
        """Close the files; the next line would open another."""
        for descriptor in (*self._full.values(), self._descriptor):
            if descriptor >= 0:
                with suppress(OSError):
                    os.close(descriptor)
        self._full, self._descriptor, self._name = {}, -1, ""

    def _open(self, now: int) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._name, self._descriptor = self._create(
            paths.line_file_name(first=True, rank=self._rank)
        )
        self._size, self._broken, self._checked = 0, False, now

    def _create(self, name: str) -> tuple[str, int]:
        while True:
            try:
                return name, files.open_append(self.folder / name)
            except FileExistsError:
                name = paths.line_file_name(first=False, rank=self._rank)

    def _roll(self) -> None:
        try:
            descriptor = files.open_append(self.folder / paths.next_line_file(self._name))
        except OSError:
            return  # the file grows on; the next line tries again
        # The full file stays open: only through its descriptor could it be put back.
        self._full[self._name] = self._descriptor
        self._name, self._descriptor = paths.next_line_file(self._name), descriptor
        self._size, self._broken = 0, False

    def _is_lost(self, name: str, descriptor: int) -> bool:
        ours = os.fstat(descriptor)
        try:
            there = (self.folder / name).lstat()
        except OSError:
            return True
        # Another file may stand there while ours lives on under another name, such as a backup's.
        return ours.st_nlink == 0 or (there.st_ino != ours.st_ino and there.st_size != ours.st_size)

    def _restore(self, name: str, old: int) -> tuple[str, int]:
        data = files.read_descriptor(old)
        path = self.folder / name
        self.folder.mkdir(parents=True, exist_ok=True)
        if path.is_file() and data.startswith(path.read_bytes()):
            # An older state of the same file, put back by Git: ours holds all of it and more.
            files.write_atomic(path, data)
            descriptor = os.open(path, os.O_RDWR | os.O_APPEND)
        else:
            name, descriptor = self._create(name)
            files.write_all(descriptor, data)
        os.close(old)
        self.restored += 1
        return name, descriptor
