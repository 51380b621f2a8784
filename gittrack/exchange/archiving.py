"""Old runs in one tar file, with an index as its first member, and back again.

index.json                           what is in it: see `Entry`
wine/experiment.json  wine/edit-…    what is said of an experiment
wine/20261123-051200-k3v9x2mq7d/…    a run, byte for byte
"""

from __future__ import annotations

import io
import json
import lzma
import re
import shlex
import shutil
import tarfile
import zlib
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple

from gittrack import files, paths
from gittrack.errors import AlreadyExistsError, StoreError, UsageError
from gittrack.registry import Registry
from gittrack.runs.opening import take_mark
from gittrack.runs.record import ENDED
from gittrack.runs.values import format_time, parse_time, to_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from typing import IO

    from gittrack.exchange.incoming import Left
    from gittrack.runs.reading import StoredRun
    from gittrack.runs.store import Store

    Progress = Callable[[int, int], None]

INDEX = "index.json"
# What reading a file raises that is cut off or no archive.
BROKEN = (OSError, tarfile.TarError, EOFError, zlib.error, lzma.LZMAError)
FORMAT = 1
_PLACE = re.compile(r"[a-z0-9][a-z0-9_-]*/[^/]+")
_MOST_INDEX = 1 << 30
_MODES = {".gz": "w:gz", ".tgz": "w:gz", ".xz": "w:xz", ".bz2": "w:bz2"}


class Entry(NamedTuple):
    """A run in an archive: its place, and the SHA-256 of each of its files by their places."""

    run_id: str
    name: str
    experiment: str
    status: str
    start_time: int
    place: str
    files: Mapping[str, str]


def pack(
    store: Store,
    target: Path,
    runs: Sequence[StoredRun],
    left: Left,
    *,
    keep: bool = False,
    progress: Progress = lambda _done, _all: None,
) -> int:
    """Put runs into a new archive, and take them out of the tree when it has been read back.

    Runs that have not ended, that registered models come from, or that change meanwhile, are left.

    Args:
        keep: leave the runs in the tree too.

    Raises:
        AlreadyExistsError: the target is there.
        UsageError: it is in the tree itself.
        StoreError: it cannot be written, or is not what was written.
    """
    if target.exists():
        raise AlreadyExistsError(f"{target} is there already", hint="name a new file")
    if target.absolute().resolve().is_relative_to(store.root.resolve()):
        raise UsageError(f"{target} would be in the tree itself", hint="name a file elsewhere")
    chosen = list(_packable(store, runs, left))
    if not chosen:
        return 0
    stamps = {run.run_id: _stamps(run.folder) for run in chosen}
    entries = [_entry(store, run) for run in chosen]
    with files.replacing(target, new=True) as file:
        with _new_tar(target, file) as tar:
            _fill(tar, store, entries, progress)
        _verify(file, entries)
    if not keep:
        for run in _packable(store, chosen, left):  # a model may be registered of one by now
            if not _take_out(store, run, stamps[run.run_id], target):
                hint = f"{target} has a copy of what it was before"
                left.add(run.folder, "is left: it changed while it was packed", hint=hint)
    return len(entries)


def read_index(file: Path) -> list[Entry]:
    """Return what is in an archive.

    Raises:
        StoreError: it is none, or cannot be read.
    """
    try:
        with tarfile.open(file) as tar:
            return [_from_json(entry) for entry in json.loads(_index(tar))["runs"]]
    except (*BROKEN, ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"{file} is no archive of runs: {error}", hint="gittrack archive makes one"
        ) from None


def _index(tar: tarfile.TarFile) -> bytes:
    first = tar.next()
    content = tar.extractfile(first) if first is not None and first.name == INDEX else None
    if content is None or first is None or first.size > _MOST_INDEX:
        raise ValueError("it has no index")
    return content.read()


def _packable(store: Store, runs: Iterable[StoredRun], left: Left) -> Iterator[StoredRun]:
    used = Registry(store).used_runs()
    for run in runs:
        if run.record.status not in ENDED:
            left.add(run.folder, "is left: it has not ended")
        elif versions := used.get(run.run_id):
            left.add(run.folder, f"is left: {versions[0].uri} is its model")
        else:
            yield run


def _entry(store: Store, run: StoredRun) -> Entry:
    found: dict[str, str] = {}
    problems: list[files.Problem] = []
    for path in files.walk(run.folder, problems):
        try:
            with files.open_plain(path) as file:
                found[path.relative_to(store.root).as_posix()] = files.sha256(file)
        except OSError as error:
            problems.append(files.Problem(path, error.strerror or str(error)))
    if problems:
        raise StoreError(f"{problems[0]}, and a run is packed whole", hint="gittrack fsck")
    record = run.record
    place = run.folder.relative_to(store.root).as_posix()
    return Entry(
        run.run_id, record.name, record.experiment, record.status, record.start_time, place, found
    )


def _to_json(entry: Entry) -> str:
    return to_json({**entry._asdict(), "start_time": format_time(entry.start_time)})


def _from_json(data: Mapping[str, Any]) -> Entry:
    entry = Entry(**{**data, "start_time": parse_time(data["start_time"])})
    parts = PurePosixPath(entry.place).parts
    parsed = paths.parse_run_folder(parts[-1])
    if not _PLACE.fullmatch(entry.place) or parsed is None or parsed.run_id != entry.run_id:
        raise ValueError(f"{entry.place!r} is no place of a run")
    for name in entry.files:
        if PurePosixPath(name).parts[:2] != parts or ".." in name.split("/"):
            raise ValueError(f"{name!r} is not in {entry.place}")
    return entry


def _said(store: Store, experiments: Iterable[str]) -> Iterator[Path]:
    for experiment in sorted(experiments):
        yield from sorted((store.root / experiment).glob("*.json"))


def _new_tar(target: Path, file: IO[bytes]) -> tarfile.TarFile:
    mode: Any = _MODES.get(target.suffix, "w")
    return tarfile.open(fileobj=file, mode=mode, format=tarfile.PAX_FORMAT)


def _fill(tar: tarfile.TarFile, store: Store, entries: Sequence[Entry], progress: Progress) -> None:
    text = ",\n".join(map(_to_json, entries))
    _add(tar, INDEX, f'{{"format": {FORMAT}, "runs": [\n{text}\n]}}\n'.encode())
    for path in _said(store, {entry.place.split("/")[0] for entry in entries}):
        _add(tar, path.relative_to(store.root).as_posix(), files.read_bytes(path))
    for done, entry in enumerate(entries, 1):
        for name in entry.files:
            member = tarfile.TarInfo(name)
            with files.open_plain(store.root / name) as content:
                member.size = (store.root / name).stat().st_size
                tar.addfile(member, content)
        progress(done, len(entries))


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    tar.addfile(member, io.BytesIO(data))


def _stamps(folder: Path) -> set[tuple[Path, int, int]]:
    """Return what shows that a file of a folder was changed: their names, sizes and times."""
    found = ((path.relative_to(folder), path.lstat()) for path in files.walk(folder))
    return {(name, stat.st_size, stat.st_mtime_ns) for name, stat in found}


def _take_out(
    store: Store, run: StoredRun, packed: set[tuple[Path, int, int]], target: Path
) -> bool:
    """Remove a run; False where it is not as it was packed, or a process has opened it."""
    mark = take_mark(store, run.run_id)
    if mark is None:
        return False
    aside = store.root / paths.CACHE / paths.temporary_name()
    try:
        run.folder.rename(aside)
        if _stamps(aside) != packed:  # looked at where nobody changes it any more
            aside.rename(run.folder)
            return False
        shutil.rmtree(aside)
    except OSError as error:
        raise StoreError(
            f"{target} is whole, but {run.folder} cannot be taken out: {error.strerror}",
            hint=f"if it is not there: mv {shlex.quote(str(aside))} {shlex.quote(str(run.folder))}",
        ) from None
    finally:
        mark.release()
    return True


def _verify(archive: IO[bytes], entries: Iterable[Entry]) -> None:
    wanted = {name: digest for entry in entries for name, digest in entry.files.items()}
    archive.seek(0)
    with tarfile.open(fileobj=archive) as tar:
        for member in tar:
            content = tar.extractfile(member)
            if content is not None and files.sha256(content) == wanted.get(member.name):
                del wanted[member.name]
    if wanted:
        raise StoreError(
            f"{next(iter(wanted))} has changed while it was packed; nothing was taken out",
            hint="try again",
        )
