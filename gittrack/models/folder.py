"""A model's folder: it appears whole or not at all, and nothing in it leads outside."""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import sys
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING

from gittrack import files, paths
from gittrack.errors import ModelError, NotFoundError, StoreError, some

if TYPE_CHECKING:
    from collections.abc import Iterator

KINDS = "give runs:/RUN/path, models:/NAME/3, models:/NAME@ALIAS, a path, or file:"

# What a folder cannot be renamed to: a folder that is not empty, a file; on Windows, any (EACCES).
_IN_THE_WAY = {errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR, errno.EACCES}
_TRIES = 20
_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


def existing(path: Path) -> Path:
    """Return the folder of a model that is there, also where its MLmodel is named.

    Raises:
        NotFoundError: it is not.
        ModelError: it is no model.
    """
    if not path.exists():
        raise NotFoundError(f"no model at {path}: no such folder", hint=KINDS)
    if path.name == paths.MLMODEL and path.is_file():
        return path.parent
    if not (path / paths.MLMODEL).is_file():
        hint = models_of(path) if path.is_dir() else KINDS
        raise ModelError(f"{path} is no model: it has no {paths.MLMODEL}", hint=hint)
    return path


def models_of(artifacts: Path) -> str:
    """Return in words which models there are below a folder."""
    found = sorted(
        path.parent.relative_to(artifacts).as_posix() for path in artifacts.rglob(paths.MLMODEL)
    )
    return f"its models: {some(found, 3)}" if found else "it has no model"


def member(folder: Path, name: object) -> Path:
    """Return the path of a file that MLmodel names, which must lie inside the model's folder.

    Raises:
        ModelError: it is no relative path, leads outside (also through a link), or is not there.
    """
    if not isinstance(name, str) or not name:
        raise ModelError(f"{folder / paths.MLMODEL} names {name!r}, which is no file name")
    windows = PureWindowsPath(name)
    outside = (
        windows.drive or windows.root or ".." in windows.parts or PurePosixPath(name).is_absolute()
    )
    path = folder / name
    if outside or "\0" in name or not path.resolve().is_relative_to(folder.resolve()):
        raise ModelError(
            f"{folder / paths.MLMODEL} names {name!r}, which lies outside the model's folder",
            hint="do not load this model unless you know who made it",
        )
    if not path.exists():
        raise ModelError(
            f"{path} is missing, though {paths.MLMODEL} names it",
            hint=f"git status -- {folder} shows whether it was left out or deleted",
        )
    return path


@contextmanager
def filled(target: Path, *, replace: bool, flush: bool = True) -> Iterator[Path]:
    """Give an empty folder beside `target` that takes its place when the block ends well.

    Args:
        flush: its files are on the disk by then, safe from a power cut.

    Raises:
        ModelError: `target` is there, holds something, and `replace` is false.
        StoreError: the folder cannot be written.
    """
    if not replace and os.path.lexists(target) and not _is_empty(target):
        raise ModelError(
            f"{target} exists and is not empty", hint="name another path, or remove it"
        )
    files.make_folder(target.parent)
    temporary = target.with_name(paths.temporary_name())
    files.make_folder(temporary, exist_ok=False)
    try:
        yield temporary
        if flush:
            _flush(temporary)
        _put(temporary, target)
    except OSError as error:
        raise StoreError(
            f"cannot write {target}: {error.strerror or error}",
            hint=f"check space and rights of {target.parent}",
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _put(temporary: Path, target: Path) -> None:
    """Rename a folder to `target`; what was there is removed."""
    old: list[Path] = []
    for _ in range(_TRIES):  # not looked for before, as other ranks may be as fast
        try:
            temporary.replace(target)
            break
        except OSError as error:
            if error.errno not in _IN_THE_WAY:
                raise
            blocked = error
        if _exchange(temporary, target):
            old.append(temporary)
            break
        # Without an exchange there is a moment with nothing under the name, never with a part.
        with suppress(FileNotFoundError):
            old.append(target.rename(target.with_name(paths.temporary_name())))
    else:
        raise blocked
    for folder in old:
        _remove(folder)
    files.sync_folder(target.parent)


def _exchange(first: Path, second: Path) -> bool:
    """Swap two names in one step; False where the system cannot."""
    if sys.platform != "linux":
        return False
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return False
    flags = ctypes.c_uint(_RENAME_EXCHANGE)
    result = rename(_AT_FDCWD, os.fsencode(first), _AT_FDCWD, os.fsencode(second), flags)
    return bool(result == 0)


def _flush(folder: Path) -> None:
    for path in files.walk(folder):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _is_empty(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink() and not any(path.iterdir())


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()
