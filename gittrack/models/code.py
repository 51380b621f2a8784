"""The modules that come with a model: a copy in `code/`, which Python finds once it is loaded."""

from __future__ import annotations

import shutil
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gittrack.errors import UsageError
from gittrack.models.folder import member

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

FOLDER = "code"


@contextmanager
def importable(sources: Sequence[str | Path] | None, folder: Path) -> Iterator[None]:
    """Copy files and folders into a model's `code/`, from where they are imported in the block.

    Raises:
        UsageError: one is not there.
    """
    if not sources:
        yield
        return
    if isinstance(sources, (str, Path)):
        raise UsageError("code_paths is no list", hint=f"code_paths=[{str(sources)!r}]")
    target = folder / FOLDER
    target.mkdir()
    for source in map(Path, sources):
        name = source.resolve().name
        try:
            if source.is_dir():
                ignored = shutil.ignore_patterns("__pycache__", ".git", "mlruns")
                shutil.copytree(source, target / name, ignore=ignored)
            else:
                shutil.copyfile(source, target / name)
        except (OSError, shutil.Error) as error:
            raise UsageError(f"code_paths: cannot read {source}: {error}") from None
    sys.path.insert(0, str(target))
    try:
        yield
    finally:
        sys.path.remove(str(target))
        for cache in target.rglob("__pycache__"):
            shutil.rmtree(cache, ignore_errors=True)


def add_to_path(folder: Path, entry: Mapping[str, Any]) -> None:
    """Let Python find the modules that come with a model, from now on."""
    if entry.get("code") and (path := str(member(folder, entry["code"]))) not in sys.path:
        sys.path.insert(0, path)
