"""Files of a run: copied into its `artifacts/` folder, whole or not at all."""

from __future__ import annotations

import errno
import os
import posixpath
import re
import shutil
import stat
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from gittrack import paths
from gittrack.errors import InvalidValueError, NotFoundError, StoreError, some
from gittrack.runs import forgiving

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

Forgive = Callable[[Path], AbstractContextManager[object]]

# What Git commits under no name that it takes for its own folder, and what the store's .gitignore
# (see `paths`) leaves out of every commit.
_NEVER_COPIED = re.compile(
    rf"(\.git|git~1)[. ]*(:.*)?|__pycache__|\.ds_store|\.nfs.*|.*{re.escape(paths.TEMPORARY)}",
    re.IGNORECASE | re.DOTALL,
)
# Git would take rules from these on what it keeps of the artifacts beside them, and how.
_RULES = (".gitignore", ".gitattributes")
_KEPT = "_"
_MAX_NAME = 255
_DRIVE = re.compile(r"[A-Za-z]:")


def place(artifacts: Path, artifact_path: str | None) -> Path:
    """Return the folder below `artifacts` that an `artifact_path` names.

    Raises:
        InvalidValueError: it is absolute, leads out of the run, or would be lost in a commit.
    """
    if artifacts.is_symlink():
        raise InvalidValueError(
            f"{artifacts} is a link, and links out of a run are not followed",
            hint="put the files there in its place",
        )
    if not artifact_path:
        return artifacts
    text = str(artifact_path).replace("\\", "/") if os.name == "nt" else str(artifact_path)
    normal = posixpath.normpath(text)
    leads_out = (
        normal == ".." or normal.startswith(("../", "/")) or _DRIVE.match(normal) is not None
    )
    if leads_out or "\0" in normal or not _can_be_named(normal):
        raise InvalidValueError(
            f"Invalid artifact path: {artifact_path!r}",
            hint="give a path inside the run, such as 'plots'",
        )
    for part in normal.split("/"):
        _check_part(part)
    target = artifacts / normal
    if not target.resolve().is_relative_to(artifacts.resolve()):
        raise InvalidValueError(
            f"Invalid artifact path: {artifact_path!r} leads out of the run by a link"
        )
    return target


def _check_part(part: str) -> None:
    _check_name(part)
    if len(os.fsencode(part)) > _MAX_NAME:
        raise InvalidValueError(
            f"Invalid artifact path: {part[:40]!r}... is too long for a file's name",
            hint=f"use at most {_MAX_NAME} bytes between two slashes",
        )
    if part.lower() in _RULES:
        raise InvalidValueError(
            f"Invalid artifact path: Git would follow the rules in {part!r}",
            hint=f"give it another name, such as {_KEPT + part!r}",
        )


def file_place(artifacts: Path, artifact_file: str) -> Path:
    """Return the file below `artifacts` that an `artifact_file` names; its folder may be missing.

    Raises:
        InvalidValueError: it is empty, a folder, absolute or leads out of the run.
    """
    target = place(artifacts, artifact_file)
    if target == artifacts or str(artifact_file).endswith("/") or target.is_dir():
        raise InvalidValueError(
            f"Invalid artifact file: {artifact_file!r} names no file", hint="such as 'notes.txt'"
        )
    return target


def copy(
    source: Path, artifacts: Path, artifact_path: str | None, *, forgive: Forgive = nullcontext
) -> None:
    """Copy a file, or a folder under its own name, into the folder that `artifact_path` names.

    Args:
        forgive: surrounds each file, so that one which cannot be copied hides no other.

    Raises:
        InvalidValueError: `artifact_path` leads out of the run, or Git would not commit the name.
        NotFoundError: there is nothing at `source`.
        StoreError: it cannot be read or written.
    """
    target = place(artifacts, artifact_path)
    with forgive(target / source.name):
        if stat.S_ISDIR(_mode(source)):
            copy_folder(source, place(target, source.resolve().name), forgive=forgive)
        else:
            copy_file(source, target)


def copy_file(source: Path, folder: Path) -> Path:
    """Copy a file into a folder under its own name; readers see all of it or nothing.

    A `.gitignore` or `.gitattributes` is kept under another name, with a warning.

    Raises:
        InvalidValueError: Git would not commit a file of that name.
        NotFoundError: there is no such file.
        StoreError: it cannot be read or written.
    """
    if not _mode(source):
        raise NotFoundError(
            f"No such file or directory: '{source}'", hint="log_artifact wants a file that exists"
        )
    _check_name(source.name)
    target = folder / _kept_name(source.name, ())
    _copy(source, target)
    _warn_of_renamed([target] if target.name != source.name else [])
    return target


def copy_folder(source: Path, folder: Path, *, forgive: Forgive = nullcontext) -> list[Path]:
    """Copy all files below a folder into another, never a `.git` or what is nobody's work.

    Links to folders are not followed. A `.gitignore` or `.gitattributes` is kept under another
    name, with one warning for all of them.

    Args:
        forgive: see `copy`.

    Raises:
        NotFoundError: there is no such folder.
        StoreError: a file cannot be read or written.
    """
    if not stat.S_ISDIR(_mode(source)):
        raise NotFoundError(
            f"No such directory: '{source}'", hint="log_artifacts wants a folder that exists"
        )
    copied: list[Path] = []
    renamed: list[Path] = []
    into, top = folder.resolve(), source.resolve()

    def pass_over(error: OSError) -> None:
        with forgive(folder / Path(error.filename).relative_to(top)):
            _refuse(error)

    for parent, folders, names in os.walk(top, onerror=pass_over):
        # The folder that holds the target, such as mlruns in the working folder, is not copied into
        # itself.
        inner = (name for name in folders if not into.is_relative_to(Path(parent, name)))
        folders[:] = sorted(name for name in inner if not _is_never_copied(name))
        target = folder / Path(parent).relative_to(top)
        present = [name for name in sorted(names) if stat.S_ISREG(_mode(Path(parent, name)))]
        wanted = [name for name in present if not _is_never_copied(name)]
        for name in wanted:
            kept = target / _kept_name(name, names)
            with forgive(kept):
                _copy(Path(parent, name), kept)
                copied.append(kept)
                renamed += [kept] if kept.name != name else []
    _warn_of_renamed(renamed)
    return copied


def _mode(path: Path) -> int:
    """Return what kind of file is at a path, links followed; 0 where there is none."""
    try:
        return path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return 0
    except OSError as error:
        if error.errno in (errno.ENAMETOOLONG, errno.ELOOP):
            return 0
        _refuse(error)


def _refuse(error: OSError) -> NoReturn:
    raise StoreError(
        f"cannot read {error.filename}: {error.strerror}", hint="check its rights"
    ) from error


def _copy(source: Path, target: Path) -> None:
    temporary = target.with_name(paths.temporary_name())
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, temporary)
        temporary.replace(target)
    except OSError as error:
        raise StoreError(f"cannot copy {source} to {target}: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def _can_be_named(text: str) -> bool:
    try:
        os.fsencode(text)
    except UnicodeEncodeError:
        return False
    return True


def name_in_git(name: str, others: Collection[str] = ()) -> str | None:
    """Return the name that a file or folder is kept under; None where Git would not commit it."""
    return None if _is_never_copied(name) else _kept_name(name, others)


def _is_never_copied(name: str) -> bool:
    return _NEVER_COPIED.fullmatch(name) is not None


def _check_name(name: str) -> None:
    if _is_never_copied(name):
        raise InvalidValueError(
            f"Invalid artifact path: Git would not commit {name!r}", hint="give it another name"
        )


def _kept_name(name: str, others: Collection[str]) -> str:
    """Return the name that a file is kept under beside others."""
    if name.lower() not in _RULES:
        return name
    kept = _KEPT + name
    while kept in others:
        kept = _KEPT + kept
    return kept


def _warn_of_renamed(renamed: Sequence[Path]) -> None:
    if renamed:
        names = some([*map(str, renamed)])
        forgiving.warn(f"renamed, as Git would follow the rules in it: {names}")
