"""Projects in zip files, of this machine or from the web: unpacked with nothing that leads out."""

from __future__ import annotations

import stat
import zipfile
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING

from gittrack.errors import ProjectError
from gittrack.git import fetch
from gittrack.projects import web

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_FILES = 100_000


def is_archive(uri: str) -> bool:
    """Tell whether a project's URI names a zip file."""
    place = uri.partition("#")[0]
    return place.lower().endswith(".zip") and (web.is_url(place) or is_file(place))


def is_file(place: str) -> bool:
    """Tell whether a path or `file:` URI names a file of this machine."""
    try:
        return fetch.local_folder(place).is_file()
    except (OSError, ValueError):
        return False


def unpack(uri: str, into: Path) -> Path:
    """Unpack a zip file into an empty folder, and return the project's folder.

    Where all of it lies in one folder, as hosting sites pack it, that is the top.

    Raises:
        ProjectError: it is no zip file, too large, or a name in it leads out or is a link.
        NotFoundError: it has no such folder.
        ToolError: it cannot be fetched.
    """
    place, _, subdirectory = uri.partition("#")
    with _opened(place) as file:
        try:
            with zipfile.ZipFile(file) as archive:
                _check(archive.infolist(), place)
                archive.extractall(into)
        except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError) as error:
            raise ProjectError(
                f"{place} cannot be unpacked: {error}", hint="pack it anew"
            ) from None
    entries = list(into.iterdir())
    top = entries[0] if len(entries) == 1 and entries[0].is_dir() else into
    return fetch.subfolder(top, subdirectory, of=place)


@contextmanager
def _opened(place: str) -> Iterator[IO[bytes]]:
    if not web.is_url(place):
        with fetch.local_folder(place).open("rb") as file:
            yield file
        return
    with TemporaryFile() as copy:
        web.download(place, copy)
        copy.seek(0)
        yield copy


def _check(members: list[zipfile.ZipInfo], place: str) -> None:
    if len(members) > MAX_FILES or sum(member.file_size for member in members) > web.MAX_BYTES:
        raise ProjectError(f"{place} is too large to be a project", hint="unpack it by hand")
    for member in members:
        path = PurePosixPath(member.filename)
        kind = stat.S_IFMT(member.external_attr >> 16)
        leads_out = path.is_absolute() or ".." in path.parts or "\\" in member.filename
        # A folder .git would bring settings along, in which Git is told what to run.
        if leads_out or any(part.lower() == ".git" for part in path.parts):
            raise ProjectError(
                f"{place}: {member.filename!r} leads out of the project", hint="do not trust it"
            )
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise ProjectError(
                f"{place}: {member.filename!r} is a link, and links are not unpacked",
                hint="pack the file itself",
            )
