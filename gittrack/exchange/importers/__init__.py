"""What can be brought in: every importer is a module here, listed in one dictionary."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gittrack.errors import NotFoundError, UsageError
from gittrack.exchange.importers import archive, dvclive, gittrack, mlflow, tensorboard

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Protocol

    from gittrack.exchange.incoming import Left, Source

    class Importer(Protocol):
        """A module that reads what another tool wrote."""

        LABEL: str

        def detect(self, path: Path) -> bool:
            """Tell whether there is something to read at a path."""

        def read(self, path: Path, left: Left, *, folders: tuple[Path, ...]) -> Source:
            """Return what is there; `folders` are further ones that artifacts may be taken from."""


IMPORTERS: Mapping[str, Importer] = {
    "gittrack": gittrack,
    "archive": archive,
    "mlflow": mlflow,
    "dvclive": dvclive,
    "tensorboard": tensorboard,
}


def choose(name: str | None, path: Path) -> Importer:
    """Return the importer of that name, or without one the first that knows what is at a path.

    Raises:
        NotFoundError: there is nothing at the path, or nothing that the importer knows.
        UsageError: there is no such importer.
    """
    names = ", ".join(IMPORTERS)
    if name is not None and name not in IMPORTERS:
        raise UsageError(f"nothing is known of {name!r}", hint=f"give one of: {names}")
    if not path.exists():
        raise NotFoundError(f"there is nothing at {path}", hint="give the path of what to import")
    wanted = IMPORTERS.values() if name is None else (IMPORTERS[name],)
    found = next((importer for importer in wanted if importer.detect(path)), None)
    if found is None:
        what = "nothing that can be imported" if name is None else f"no {IMPORTERS[name].LABEL}"
        raise NotFoundError(f"there is {what} at {path}", hint=f"what can be read: {names}")
    return found
