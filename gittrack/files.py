"""Bytes on disk: atomic writes, appending that survives a kill, reading that survives damage."""

from __future__ import annotations

import errno
import json
import os
import stat
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal, NamedTuple

from gittrack import paths
from gittrack.errors import AlreadyExistsError, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_O_BINARY = getattr(os, "O_BINARY", 0)
_O_DIRECTORY = getattr(os, "O_DIRECTORY", 0)
_O_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
_O_NONBLOCK = getattr(os, "O_NONBLOCK", 0)
_LEFTOVER_SECONDS = 86_400
# What file systems without them say: exFAT, shares, FUSE; Android's EACCES, Windows' EINVAL.
_NO_HARD_LINKS = {
    *(errno.EPERM, errno.EACCES, errno.EINVAL, errno.ENOSYS, errno.EMLINK, errno.EXDEV),
    *(errno.ENOTSUP, errno.EOPNOTSUPP),
}
_NO_LINKS = "is a link, and links are not followed"


class Problem(NamedTuple):
    """Something wrong in a file, as a value, so that one bad file does not hide the others."""

    path: Path
    message: str
    line: int = 0
    hint: str = ""

    def __str__(self) -> str:
        where = f"{self.path}:{self.line}" if self.line else str(self.path)
        return f"{where}: {self.message}"


def write_atomic(path: Path, data: bytes, *, flush: Literal["all", "file", "none"] = "all") -> None:
    """Write a file so that readers see the old bytes or the new, never a part.

    Args:
        flush: what is on the disk, safe from a power cut, when the call returns: the file and its
            name; the file, whose old state may come back; or what the system gets round to.

    Raises:
        StoreError: the folder cannot be written.
    """
    temporary = path.with_name(paths.temporary_name())
    try:
        with open(temporary, "xb", buffering=0) as file:
            write_all(file.fileno(), data)
            if flush != "none":
                os.fsync(file.fileno())
        os.replace(temporary, path)
        if flush == "all":
            sync_folder(path.parent)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        raise _not_writable(path, error) from error


def sha256(file: IO[bytes], into: IO[bytes] | None = None) -> str:
    """Return the SHA-256 of the rest of a file, which is copied `into` another on the way."""
    import hashlib  # which takes OpenSSL along, and a run is begun without

    found = hashlib.sha256()
    while block := file.read(1 << 20):
        found.update(block)
        if into is not None:
            into.write(block)
    return found.hexdigest()


@contextmanager
def replacing(path: Path, *, new: bool = False) -> Iterator[IO[bytes]]:
    """Open a file for writing that takes a path's place when all is written, and not before.

    It can be read back; a `new` one takes the place of no other.

    Raises:
        AlreadyExistsError: it is `new`, and there is another.
        StoreError: it cannot be written.
    """
    temporary = path.with_name(paths.temporary_name())
    try:
        with temporary.open("x+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if new:
            _take_name(temporary, path)
        else:
            os.replace(temporary, path)
    except OSError as error:
        raise _not_writable(path, error) from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def write_new(path: Path, data: bytes) -> bool:
    """Write a file that must not exist yet, whole or not at all; False where it exists already.

    Raises:
        StoreError: the folder cannot be written.
    """
    try:
        with replacing(path, new=True) as file:
            file.write(data)
    except AlreadyExistsError:
        return False
    return True


def make_folder(path: Path, *, exist_ok: bool = True) -> None:
    """Make a folder and those above it.

    Raises:
        StoreError: it cannot be made.
        FileExistsError: it is there and `exist_ok` is false.
    """
    if exist_ok and path.is_dir():
        return
    try:
        path.mkdir(parents=True, exist_ok=exist_ok)
    except FileExistsError:
        if exist_ok:
            raise StoreError(
                f"{path} is in the way: it is not a folder", hint=f"move it: mv {path} elsewhere"
            ) from None
        raise
    except OSError as error:
        raise _not_writable(path, error) from error


def write_all(descriptor: int, data: bytes | memoryview) -> None:
    """Write all of the bytes, in as many calls as the system needs."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def sync_folder(folder: Path) -> None:
    """Flush a folder's entries to disk, where the system can."""
    if not _O_DIRECTORY:
        return
    descriptor = os.open(folder, os.O_RDONLY | _O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def open_append(path: Path) -> int:
    """Create a file for appending and reading back, and return its descriptor.

    Raises:
        FileExistsError: another process has made it.
    """
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | _O_BINARY, 0o666)


@contextmanager
def locked(path: Path, *, waiting: Callable[[], None] = lambda: None) -> Iterator[int]:
    """Hold the lock of a file for the time of the block, which is given its descriptor.

    A child process that inherits the descriptor holds the lock too, until it ends. Where there are
    no locks the block runs without.

    Args:
        waiting: called where another process holds it.

    Raises:
        StoreError: the file cannot be made.
    """
    make_folder(path.parent)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise _not_writable(path, error) from error
    try:
        _lock(descriptor, waiting)
        yield descriptor
    finally:
        os.close(descriptor)


def _lock(descriptor: int, waiting: Callable[[], None]) -> None:
    try:
        import fcntl
    except ImportError:  # Windows: best effort
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        waiting()
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError:  # a file system without locks: likewise
        return


def read_descriptor(descriptor: int) -> bytes:
    """Read a whole file through an open descriptor, also where its name is gone."""
    chunks: list[bytes] = []
    offset = 0
    while chunk := os.pread(descriptor, 1 << 20, offset):
        chunks.append(chunk)
        offset += len(chunk)
    return b"".join(chunks)


@contextmanager
def open_plain(path: Path) -> Iterator[IO[bytes]]:
    """Open a plain file; a link, a pipe or a device in its place is not followed or waited for.

    Raises:
        FileNotFoundError: it is not there.
        OSError: it cannot be read, or is no plain file.
    """
    with open(_open_plain(path), "rb") as file:
        yield file


def _open_plain(path: Path) -> int:
    if not _O_NOFOLLOW and path.is_symlink():
        raise OSError(errno.ELOOP, _NO_LINKS)
    try:
        descriptor = os.open(path, os.O_RDONLY | _O_BINARY | _O_NOFOLLOW | _O_NONBLOCK)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError(errno.ELOOP, _NO_LINKS) from None
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "is not a plain file")
    return descriptor


def read_bytes(path: Path, *, most: int | None = None) -> bytes:
    """Read a plain file whole, see `open_plain`; one of more than `most` bytes is an OSError."""
    if most is None:
        with open(_open_plain(path), "rb", buffering=0) as whole:
            return whole.readall()
    with open_plain(path) as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise OSError(errno.EFBIG, f"is larger than {most} bytes")
    return data


def read_json(path: Path) -> dict[str, object]:
    """Read a file that holds one JSON object.

    Raises:
        OSError: it is not there, cannot be read, or is no plain file.
        ValueError: it is no JSON object, or holds conflict markers.
    """
    return parse_json(read_bytes(path))


def parse_json(data: bytes) -> dict[str, object]:
    """Read one JSON object.

    Raises:
        ValueError: it is no JSON object, or holds conflict markers.
    """
    if data.startswith(b"<<<<<<<") or b"\n<<<<<<< " in data:
        raise ValueError("holds the conflict markers of a Git merge")
    try:
        value = json.loads(data)
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    if not isinstance(value, dict):
        raise ValueError(f"holds {type(value).__name__}, not an object")
    return value


def walk(folder: Path, problems: list[Problem] | None = None) -> Iterator[Path]:
    """Yield every file below a folder, sorted, without following links to folders.

    What a killed process left half-written is left out. What cannot be read is added to `problems`.
    """
    found = problems if problems is not None else []
    waiting = [folder]
    try:
        if not stat.S_ISDIR(os.lstat(folder).st_mode):
            found.append(Problem(folder, "is no folder, and links are not followed"))
            return
    except OSError as error:
        if not isinstance(error, FileNotFoundError):
            found.append(Problem(folder, error.strerror or str(error)))
        return
    while waiting:
        parent = waiting.pop()
        try:
            with os.scandir(parent) as listed:
                entries = sorted(listed, key=lambda entry: entry.name, reverse=True)
        except OSError as error:
            found.append(Problem(parent, error.strerror or str(error)))
            continue
        entries = [entry for entry in entries if not entry.name.endswith(paths.TEMPORARY)]
        waiting += [Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False)]
        yield from (Path(entry.path) for entry in reversed(entries) if not _is_folder(entry))


def is_leftover(path: Path) -> bool:
    """Tell whether a file is half-written, and so old that its process must be gone.

    Raises:
        OSError: it has gone itself, or may not be looked at.
    """
    is_half = path.name.endswith(paths.TEMPORARY)
    return is_half and time.time() - path.lstat().st_mtime > _LEFTOVER_SECONDS


def sizes(folder: Path, problems: list[Problem]) -> dict[str, int]:
    """Return the size of every file below a folder by its path there; see `walk`."""
    found: dict[str, int] = {}
    for path in walk(folder, problems):
        try:
            found[path.relative_to(folder).as_posix()] = path.lstat().st_size
        except OSError as error:
            problems.append(Problem(path, error.strerror or str(error)))
    return found


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _take_name(temporary: Path, path: Path) -> None:
    try:
        _link(temporary, path)
    except FileExistsError:
        raise AlreadyExistsError(f"{path} is there already", hint="name a new file") from None


def _link(temporary: Path, path: Path) -> None:
    try:
        os.link(temporary, path)
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        # The claim is an empty file, which a reader may find for a moment and say so. Without it,
        # of two writers one would overwrite the other, and nobody would know.
        path.touch(exist_ok=False)
        try:
            os.replace(temporary, path)
        except OSError:
            path.unlink()
            raise


def _not_writable(path: Path, error: OSError) -> StoreError:
    folder = path.parent
    hint = f"check space and rights of {folder}, or name another store with GITTRACK_DIR"
    if error.errno == errno.ENOENT:
        hint = f"there is no folder {folder}: mkdir -p makes it"
    return StoreError(f"cannot write {path}: {error.strerror or error}", hint=hint)
