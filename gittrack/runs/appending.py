"""The line file that this process appends to, whatever happens to the tree meanwhile."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import partial
from os import write
from typing import TYPE_CHECKING

from gittrack import files, paths

if TYPE_CHECKING:
    from pathlib import Path


class LineWriter:
    """Appends lines to a file that this process alone writes; made at the first line.

    A line is acknowledged when `append` returns: it is in the system's cache, where the death of
    the process cannot reach it. Where the file is removed meanwhile (`git stash -u`, `git clean`,
    `rm -rf`), `check` writes it again. `restored` is how many files it wrote.
    """

    def __init__(self, folder: Path, *, rank: int | None = None, kind: str = "metrics") -> None:
        self.folder = folder
        self.restored = 0
        self._named = partial(paths.line_file_name, rank=rank, kind=kind)
        self._descriptor = -1
        self._name = ""
        self._full: dict[str, int] = {}
        self._sound = False
        self._room = 0

    @property
    def names(self) -> tuple[str, ...]:
        """The files' names, oldest first; none before the first line."""
        return (*self._full, self._name) if self._name else ()

    def append(self, line: bytes) -> None:
        """Write one line.

        Raises:
            OSError: it could not be written whole; a part of it is taken back.
            StoreError: the file cannot be made.
        """
        if not self._sound:
            self._append_anew(line)
            return
        size = len(line)
        written = write(self._descriptor, line)
        if written != size:
            self._write_rest(line[written:], begun=written)
        self._room -= size
        if self._room <= 0:
            self._roll()

    def _append_anew(self, line: bytes) -> None:
        """Write a line where there is no file yet, or after one that could not be written whole."""
        if self._descriptor < 0:
            self.folder.mkdir(parents=True, exist_ok=True)
            first = self._named(first=True)
            self._take(*self._create(first))
            self.append(line)
        else:
            self._write_rest(b"\n" + line, begun=0)

    def _write_rest(self, data: bytes, *, begun: int) -> None:
        """Write the rest of a line of which `begun` bytes are there, or take those back."""
        start = os.lseek(self._descriptor, 0, os.SEEK_END) - begun
        self._sound = False
        try:
            files.write_all(self._descriptor, data)
            self._sound = True
        except OSError:
            # Nobody else appends to the file. Where it cannot be cut, the next line begins anew.
            with suppress(OSError):
                os.ftruncate(self._descriptor, start)
                self._sound = True
            raise

    def check(self) -> None:
        """Put back the files that somebody removed.

        Raises:
            OSError: they cannot be written again.
            StoreError: likewise.
        """
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
        self._full, self._descriptor, self._name, self._sound = {}, -1, "", False

    def _take(self, name: str, descriptor: int) -> None:
        self._name, self._descriptor = name, descriptor
        self._room, self._sound = paths.MAX_LINE_FILE, True

    def _create(self, name: str) -> tuple[str, int]:
        while True:
            try:
                return name, files.open_append(self.folder / name)
            except FileExistsError:
                name = self._named(first=False)

    def _roll(self) -> None:
        try:
            descriptor = files.open_append(self.folder / paths.next_line_file(self._name))
        except OSError:
            return  # the file grows on; the next line tries again
        # The full file stays open: only through its descriptor could it be put back.
        self._full[self._name] = self._descriptor
        self._take(paths.next_line_file(self._name), descriptor)

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
