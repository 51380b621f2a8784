"""What a project printed, kept as `output.log`: whole lines, without secrets, up to a limit."""

from __future__ import annotations

import os
import re
import threading
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

from gittrack import files, secrets

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gittrack.process import Stream

MAX_LOG = 10 * 1024 * 1024
TAIL = 64 * 1024

_LONGEST_LINE = 1024 * 1024
_KEPT_OF_A_BAR = 64 * 1024
_KEY_END = re.compile(r"-----END [A-Z0-9 ]*PRIVATE KEY")


class OutputLog:
    """A log that output is fed into; of what is too long, beginning and end are kept.

    Attributes:
        problem: why nothing is kept, "" where it is.
        listener: given each line.
    """

    def __init__(self, path: Path, *, limit: int = MAX_LOG) -> None:
        self.problem = ""
        self.listener: Callable[[str], None] | None = None
        self._path = path
        self._room = limit
        self._dropped = 0
        self._tail: deque[bytes] = deque()
        self._tail_size = 0
        self._streams: dict[Stream, _Lines] = {}
        self._lock = threading.Lock()
        self._descriptor: int | None = None
        try:
            self._descriptor = files.open_append(path)
        except OSError as error:
            self._give_up(error)

    def feed(self, stream: Stream, data: bytes) -> None:
        """Take a piece of output; safe to call from several threads."""
        with self._lock:
            self._take(self._streams.setdefault(stream, _Lines()).feed(data))

    def close(self) -> None:
        """Write what is left, and put the file back where it was removed meanwhile."""
        with self._lock:
            for lines in self._streams.values():
                self._take(lines.finish())
            if self._dropped:
                left_out = self._dropped - self._tail_size
                self._write(
                    f"[gittrack: {left_out} bytes are left out here, the log is full]\n".encode()
                )
                self._write(b"".join(self._tail))
            if self._descriptor is None:
                return
            with suppress(OSError):
                self._put_back(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = None

    def _take(self, lines: list[bytes]) -> None:
        if self.listener is not None:
            for line in lines:
                self.listener(line.decode("utf-8", "replace"))
        whole = b"".join(lines)
        if not self._dropped and len(whole) <= self._room:
            self._room -= len(whole)
            self._write(whole)
            return
        for line in lines:
            self._add(line)

    def _add(self, line: bytes) -> None:
        if not self._dropped and len(line) <= self._room:
            self._room -= len(line)
            self._write(line)
            return
        self._dropped += len(line)
        self._tail.append(line[-TAIL:])
        self._tail_size += len(self._tail[-1])
        while self._tail_size > TAIL:
            self._tail_size -= len(self._tail.popleft())

    def _write(self, data: bytes) -> None:
        if self._descriptor is None:
            return
        try:
            files.write_all(self._descriptor, data)
        except OSError as error:
            self._give_up(error)

    def _put_back(self, descriptor: int) -> None:
        # `git stash -u` and `git clean` remove a file that is still being written.
        if os.fstat(descriptor).st_nlink == 0:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.write_bytes(files.read_descriptor(descriptor))

    def _give_up(self, error: OSError) -> None:
        # The run goes on without its log.
        self.problem = f"the output is not kept in {self._path}: {error.strerror or error}"
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


class _Lines:
    """Cuts a stream into lines as a terminal would show them at last."""

    def __init__(self) -> None:
        self._rest = b""
        self._in_key = False

    def feed(self, data: bytes) -> list[bytes]:
        *lines, self._rest = (self._rest + data).split(b"\n")
        found = self._shown(lines)
        # Of a progress bar the last state is all that counts; anything else without an end is cut.
        if len(self._rest) > _KEPT_OF_A_BAR:
            self._rest = self._rest[self._rest.rfind(b"\r", 0, -1) + 1 :]
        if len(self._rest) > _LONGEST_LINE:
            found += self.finish()
        return found

    def finish(self) -> list[bytes]:
        rest, self._rest = self._rest, b""
        return self._shown([rest]) if rest else []

    def _shown(self, lines: list[bytes]) -> list[bytes]:
        texts = [
            line.rstrip(b"\r").rpartition(b"\r")[2].decode("utf-8", "replace") for line in lines
        ]
        # Most output holds no secret, and looking for one at a time is much faster than at lines.
        if not self._in_key and secrets.find("\n".join(texts)) is None:
            return [f"{text}\n".encode() for text in texts]
        return [line for text in texts if (line := self._without_secrets(text))]

    def _without_secrets(self, text: str) -> bytes:
        if self._in_key:
            self._in_key = not _KEY_END.search(text)
            return b""
        if secrets.find(text) == "private key":
            self._in_key = not _KEY_END.search(text)
        return f"{secrets.redact(text)}\n".encode()
