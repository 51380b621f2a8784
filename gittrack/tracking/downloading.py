"""Where artifacts are: all of them lie in the tree, so that downloading one is finding it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from gittrack import artifactfiles, paths, search, settings
from gittrack.entities import FileInfo
from gittrack.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from gittrack.runs.store import Store

_RUNS = re.compile(r"runs:/+([^/]+)/*(.*)", re.DOTALL)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")


def run_and_path(uri: str) -> tuple[str, str] | None:
    """Return the two parts of `runs:/RUN/path`; None where it is no such URI."""
    match = _RUNS.fullmatch(uri)
    return (match[1], match[2].strip("/")) if match else None


def locate(uri: str, store: Store) -> Path:
    """Return the file or folder that an artifact's URI names; it may be missing.

    Args:
        uri: `runs:/RUN/path`, a path, or `file:`.

    Raises:
        UsageError: it is no URI that gittrack reads.
        NotFoundError: there is no such run.
        InvalidValueError: the path leads out of the run.
    """
    if (named := run_and_path(uri)) is not None:
        return artifactfiles.place(search.find(store, named[0]).artifacts, named[1])
    if _SCHEME.match(uri) and not uri.lower().startswith("file:") and not Path(uri).exists():
        raise UsageError(
            f"artifact URI {uri!r}: gittrack does not read {uri.partition(':')[0]}: yet",
            hint="give runs:/RUN/path, a path, or file:",
        )
    return settings.local_path(uri, source="artifact URI")


def listed(root: Path, path: str | None = None) -> list[FileInfo]:
    """Return what is directly in a folder below `root`, sorted; nothing where it is no folder.

    Raises:
        InvalidValueError: the path leads out of `root`.
    """
    folder = artifactfiles.place(root, path)
    found = sorted(folder.iterdir()) if folder.is_dir() else []
    return [
        FileInfo(
            item.relative_to(root).as_posix(),
            item.is_dir(),
            None if item.is_dir() else item.lstat().st_size,
        )
        for item in found
        if not item.name.endswith(paths.TEMPORARY)
    ]


def downloaded(source: Path, dst_path: str | Path | None) -> str:
    """Return where an artifact is; with `dst_path`, copy it into that folder first.

    Raises:
        NotFoundError: there is none.
        StoreError: it cannot be copied.
    """
    whole = (source.parent / paths.RUN_JSON).is_file()  # a run without artifacts has no such folder
    if not source.exists() and not whole:
        raise NotFoundError(
            f"No such artifact: {str(source)!r}", hint="list_artifacts shows those there are"
        )
    if dst_path is None:
        return str(source)
    target = Path(dst_path).absolute()
    target.mkdir(parents=True, exist_ok=True)
    if source.is_file():
        return str(artifactfiles.copy_file(source, target))
    target = target if whole else target / source.name
    if source.exists():
        artifactfiles.copy_folder(source, target)
    return str(target)
