"""An archive of runs, see `gittrack.exchange.archiving`: back into the tree, byte for byte."""

from __future__ import annotations

import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gittrack import files, paths
from gittrack.errors import StoreError
from gittrack.exchange import archiving
from gittrack.exchange.incoming import Extra, Left, Source, Waiting

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from gittrack.exchange.archiving import Entry

LABEL = "archive of runs"
_MOST_SAID = 1 << 20


def detect(path: Path) -> bool:
    """Tell whether a path is an archive."""
    try:
        return path.is_file() and bool(archiving.read_index(path))
    except StoreError:
        return False


def read(path: Path, left: Left, *, folders: tuple[Path, ...]) -> Source:  # noqa: ARG001 - all take them
    """Return what is in an archive."""
    return chosen(path, archiving.read_index(path))


def chosen(path: Path, entries: Collection[Entry]) -> Source:
    """Return some of the runs in an archive, and what is said of their experiments."""
    tar = tarfile.open(path)  # noqa: SIM115 - open while its runs are read
    try:
        members = {member.name: member for member in tar}
    except archiving.BROKEN as error:
        tar.close()
        raise StoreError(f"{path} is cut off: {error}", hint="bring a whole copy") from None
    experiments = {entry.place.split("/")[0] for entry in entries}
    runs = [
        Waiting(entry.run_id, path, lambda entry=entry: ArchivedRun(entry, tar, members))  # type: ignore[misc]
        for entry in entries
    ]
    extras = [
        Extra(path / name, path.__class__(name), lambda member=member: _content(tar, member))  # type: ignore[misc]
        for name, member in members.items()
        if name.count("/") == 1
        and name.split("/")[0] in experiments
        and (name.endswith(f"/{paths.EXPERIMENT_JSON}") or paths.is_edit(name.split("/")[1]))
    ]
    return Source(runs, extras=extras, close=tar.close)


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(member)
    if file is None or member.size > _MOST_SAID:
        raise OSError(f"{member.name} is no plain small file")
    return file.read()


@dataclass(frozen=True)
class ArchivedRun:
    """A run in an archive."""

    entry: Entry
    tar: tarfile.TarFile
    members: dict[str, tarfile.TarInfo]

    @property
    def run_id(self) -> str:
        """Its id."""
        return self.entry.run_id

    @property
    def experiment(self) -> str:
        """The name of its experiment."""
        return self.entry.experiment

    @property
    def experiment_folder(self) -> str | None:
        """The folder of its experiment, which is the same in every tree."""
        return self.entry.place.split("/")[0]

    @property
    def start_time(self) -> int:
        """When it began; what its folder's name says, as the record may say otherwise."""
        return paths.time_of(self.entry.place.split("/")[1]) or 0

    def fill(self, folder: Path, left: Left, *, over: Path | None = None) -> None:  # noqa: ARG002 - never over
        """Write all of it into an empty folder.

        Raises:
            ValueError: a file is missing in the archive, or is not what its index says.
        """
        for name, digest in self.entry.files.items():
            member = self.members.get(name)
            content = (
                self.tar.extractfile(member) if member is not None and member.isreg() else None
            )
            if content is None:
                raise ValueError(f"{name} is not in it")
            target = folder / name.removeprefix(f"{self.entry.place}/")
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("xb") as file:
                found = files.sha256(content, file)
            if found != digest:
                raise ValueError(f"{name} is not what its index says")

    def compare(self, folder: Path) -> str:
        """Tell what it is to the run of that id in a folder."""
        place = f"{folder.parent.name}/{folder.name}"
        return "same" if place == self.entry.place else f"another run has that id: {place}"
