"""Every file and folder name that gittrack writes, and the rules that make them.

The tree is described in the README, section "What is on disk".
"""

from __future__ import annotations

import os
import re
import unicodedata
from datetime import datetime, timezone
from itertools import count, islice
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

STORE = "mlruns"
CACHE = ".cache"
LIVE = "live"
LOCKS = "locks"
JOBS = "jobs"
REGISTRY = "models"
ARTIFACTS = "artifacts"

RUN_JSON = "run.json"
EXPERIMENT_JSON = "experiment.json"
MODEL_JSON = "model.json"
SOURCE_PATCH = "source.patch"
REQUIREMENTS = "requirements.txt"
OUTPUT_LOG = "output.log"
MLMODEL = "MLmodel"
TEMPORARY = ".gittrack-tmp"

DEFAULT_EXPERIMENT = "Default"
DEFAULT_FOLDER = "default"
MAX_LINE_FILE = 32 * 1024 * 1024

GITIGNORE_BYTES = b"""\
!*
/.cache/
*.gittrack-tmp
.nfs*
__pycache__/
.DS_Store
"""
GITATTRIBUTES_BYTES = b"""\
* -text
/*/*/run.json diff=gittrack-run
/*/*/metrics*.jsonl linguist-generated diff=gittrack-lines
/*/*/system*.jsonl linguist-generated diff=gittrack-lines
"""

_CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"
_RANDOM_LENGTH = 8
_FORERUNNERS = 9
_LETTERS = _CROCKFORD[10:]
_PLAIN_FOLDER = re.compile(r"[a-z0-9][a-z0-9_-]{0,54}")
_HASHED_FOLDER = re.compile(r".*-[0-9a-f]{8}")
_RUN_FOLDER = re.compile(r"(\d{8}-\d{6})-([A-Za-z0-9][\w-]{0,255})")
_EDIT = "edit-"
_EDIT_FILE = re.compile(r"edit-\d{8}-\d{6}-[0-9a-z]{8}\.json")
_METRICS_FILE = re.compile(r"metrics(\.(r\d+-)?[0-9a-z]{8})?(\.\d+)?\.jsonl")
_SYSTEM_FILE = re.compile(_METRICS_FILE.pattern.replace("metrics", "system"))
_RESERVED = {REGISTRY, "con", "prn", "aux", "nul"} | {
    f"{port}{n}" for port in ("com", "lpt") for n in range(10)
}


class RunFolder(NamedTuple):
    """The two halves of a run folder's name."""

    stamp: str
    run_id: str


def random_text(length: int) -> str:
    """Return `length` random characters of lower-case Crockford base-32."""
    return "".join(_CROCKFORD[byte & 31] for byte in os.urandom(length))


def temporary_name() -> str:
    """Return a new name for what is half-written; short, so that every name has room for one."""
    return f"{random_text(12)}{TEMPORARY}"


def new_run_id() -> str:
    """Return a fresh run id: ten characters of Crockford base-32, the first a letter (48 bits)."""
    return _LETTERS[os.urandom(1)[0] % len(_LETTERS)] + random_text(9)


def stamp(milliseconds: int) -> str:
    """Return a UTC time as `YYYYMMDD-HHMMSS`, so that folders sort by time."""
    return datetime.fromtimestamp(milliseconds / 1000, timezone.utc).strftime("%Y%m%d-%H%M%S")


def run_folder_name(run_id: str, start_time: int) -> str:
    """Return the folder name of a run that started at `start_time` (ms since 1970 UTC)."""
    return f"{stamp(start_time)}-{run_id}"


def parse_run_folder(name: str) -> RunFolder | None:
    """Split a run folder's name; None where it is not one."""
    match = _RUN_FOLDER.fullmatch(name)
    return RunFolder(match[1], match[2]) if match else None


def edit_name(milliseconds: int) -> str:
    """Return a new name for an edit made at that time."""
    return f"edit-{stamp(milliseconds)}-{random_text(_RANDOM_LENGTH)}.json"


def edit_name_of(milliseconds: int, content: str) -> str:
    """Return the name of an edit that is always the same for the same content."""
    import hashlib

    digest = hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()
    return f"edit-{stamp(milliseconds)}-{digest[:_RANDOM_LENGTH]}.json"


def is_edit(name: str) -> bool:
    """Tell whether a file name is an edit's."""
    return name.startswith(_EDIT) and _EDIT_FILE.fullmatch(name) is not None


def edits_among(names: Iterable[str]) -> list[str]:
    """Return the file names that are edits'."""
    # Beside an experiment's edits lie all its runs, so most names must cost no call.
    return [name for name in names if name.startswith(_EDIT) and is_edit(name)]


def time_of(name: str) -> int | None:
    """Return the time in the name of a run's folder or an edit, ms since 1970 UTC, or None."""
    match = _RUN_FOLDER.fullmatch(name) or _EDIT_FILE.fullmatch(name)
    if match is None:
        return None
    text = name.removeprefix(_EDIT)[:15]
    try:
        moment = datetime.strptime(text, "%Y%m%d-%H%M%S").replace(tzinfo=timezone.utc)
    except ValueError:
        return None
    return int(moment.timestamp()) * 1000


def is_line_file(name: str) -> bool:
    """Tell whether a file name is one of a run's metrics files."""
    return name.startswith("metrics") and _METRICS_FILE.fullmatch(name) is not None


def is_system_file(name: str) -> bool:
    """Tell whether a file name is one of a run's files of system metrics."""
    return _SYSTEM_FILE.fullmatch(name) is not None


def line_file_name(*, first: bool, rank: int | None = None, kind: str = "metrics") -> str:
    """Return the name of a process's line file, of the kind "metrics" or "system".

    The plain one for the first, a random one for the others.
    """
    if first and not rank:
        return f"{kind}.jsonl"
    prefix = f"r{rank}-" if rank else ""
    return f"{kind}.{prefix}{random_text(_RANDOM_LENGTH)}.jsonl"


def next_line_file(name: str) -> str:
    """Return the name that follows a full line file.

    `metrics.jsonl`, `metrics.2.jsonl`, `metrics.3.jsonl` ...
    """
    base, number = line_file_order(name)
    return f"{base}.{number + 1}.jsonl"


def line_file_order(name: str) -> tuple[str, int]:
    """Return what a run's line files sort by: the process that wrote it, and which of its files."""
    stem = name.removesuffix(".jsonl")
    base, _, number = stem.rpartition(".")
    if base and number.isdecimal() and len(number) < _RANDOM_LENGTH:
        return base, int(number)
    return stem, 1


def folder_for(name: str) -> str:
    """Return the folder of an experiment or a registered model of that name.

    Plain lower-case names are their own folder. Every other name becomes a slug of its NFC form and
    8 hex digits of that form's SHA-256, so that different names are different folders on every file
    system.
    """
    if name == DEFAULT_EXPERIMENT:
        return DEFAULT_FOLDER
    if (
        _PLAIN_FOLDER.fullmatch(name)
        and not is_reserved(name)
        and not _HASHED_FOLDER.fullmatch(name)
    ):
        return name if name != DEFAULT_FOLDER else hashed_folder(name)
    return hashed_folder(name)


def hashed_folder(name: str) -> str:
    """Return slug and digest of a name, for names that cannot be a folder as they stand."""
    normal = unicodedata.normalize("NFC", name)
    import hashlib

    digest = hashlib.sha256(normal.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    plain = unicodedata.normalize("NFKD", normal).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:46].rstrip("-")
    return f"{slug or 'x'}-{digest}"


def folders_for(name: str) -> Iterator[str]:
    """Yield the folders for that name in turn: the next is for one whose forerunner was renamed."""
    yield folder_for(name)
    yield hashed_folder(name)
    yield from (hashed_folder(f"{name}\0{number}") for number in count(2))


def is_made_for(folder: str, name: str) -> bool:
    """Tell whether a folder is one of the first that a name is given."""
    return folder in islice(folders_for(name), _FORERUNNERS)


def first_free(name: str, name_in: Callable[[str], str | None]) -> str:
    """Return the folder of a name that is new, or that another process gives at this moment.

    Args:
        name_in: tells the name of what lies in a folder, the folder's where nothing says another;
            None where there is nothing.
    """
    return next(folder for folder in folders_for(name) if name_in(folder) in {None, name, folder})


def is_reserved(name: str) -> bool:
    """Tell whether a folder may not have this name: the registry's, or a Windows device's."""
    return name.split(".", 1)[0].lower() in _RESERVED
