"""Files of a run: copied into its `artifacts/` folder, whole or not at all."""

from __future__ import annotations

import os
import posixpath
import re
import shutil
from contextlib import suppress
from pathlib import Path

from gittrack import paths
from gittrack.errors import InvalidValueError, NotFoundError, StoreError

_NEVER_COPIED = {".git"}
_DRIVE = re.compile(r"[A-Za-z]:")


def place(artifacts: Path, artifact_path: str | None) -> Path:
    """Return the folder below `artifacts` that an `artifact_path` names.

    Raises:
        InvalidValueError: it is absolute or leads out of the run.
    """
    if not artifact_path:
        return artifacts
    text = str(artifact_path).replace("\\", "/") if os.name == "nt" else str(artifact_path)
    normal = posixpath.normpath(text)
    leads_out = (
        normal == ".." or normal.startswith(("../", "/")) or _DRIVE.match(normal) is not None
    )
    if leads_out or "\0" in normal:
        raise InvalidValueError(
            f"Invalid artifact path: {artifact_path!r}",
            hint="give a path inside the run, such as 'plots'",
        )
    if any(_is_never_copied(part) for part in normal.split("/")):
        raise InvalidValueError(
            f"Invalid artifact path: {artifact_path!r}",
            hint="Git commits nothing that lies in a folder .git: give another name",
        )
    target = artifacts / normal
    if not target.resolve().is_relative_to(artifacts.resolve()):
        raise InvalidValueError(
            f"Invalid artifact path: {artifact_path!r} leads out of the run by a link"
        )
    return target


def copy_file(source: Path, folder: Path) -> Path:
    """Copy a file into a folder under its own name; readers see all of it or nothing.

    Raises:
        NotFoundError: there is no such file.
        StoreError: it cannot be read or written.
    """
    if not source.exists():
        raise NotFoundError(
            f"No such file or directory: '{source}'", hint="log_artifact wants a file that exists"
        )
    target = folder / source.name
    temporary = folder / f"{source.name}.{paths.random_text(8)}{paths.TEMPORARY}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, temporary)
        temporary.replace(target)
    except OSError as error:
        raise StoreError(f"cannot copy {source} to {target}: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            temporary.unlink()
    return target


def copy_folder(source: Path, folder: Path) -> list[Path]:
    """Copy all files below a folder into another, never a `.git`.

    Links to folders are not followed.

    Raises:
        NotFoundError: there is no such folder.
        StoreError: a file cannot be read or written.
    """
    if not source.is_dir():
        raise NotFoundError(
            f"No such directory: '{source}'", hint="log_artifacts wants a folder that exists"
        )
    copied: list[Path] = []
    into = folder.resolve()
    for parent, folders, names in os.walk(source.resolve()):
        # The folder that holds the target, such as mlruns in the working folder, is not copied into
        # itself.
        inner = (name for name in folders if not into.is_relative_to(Path(parent, name)))
        folders[:] = sorted(name for name in inner if not _is_never_copied(name))
        target = folder / Path(parent).relative_to(source.resolve())
        present = [name for name in sorted(names) if Path(parent, name).is_file()]
        wanted = [name for name in present if not _is_never_copied(name)]
        copied += [copy_file(Path(parent, name), target) for name in wanted]
    return copied


def _is_never_copied(name: str) -> bool:
    return name.lower() in _NEVER_COPIED
