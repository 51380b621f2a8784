"""The artifacts of a run as a tree, and one of them as it can be looked at.

Links are never followed: a tree does not lead out of itself.
"""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Literal

from gittrack import files, paths
from gittrack.errors import NotFoundError
from gittrack.ui import words

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gittrack.files import Problem

Kind = Literal["image", "html", "pdf", "table", "markdown", "code", "none"]

IMAGES = {
    ".avif": "image/avif",
    ".bmp": "image/bmp",
    ".gif": "image/gif",
    ".ico": "image/x-icon",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".webp": "image/webp",
}
MOST_TEXT = 1_000_000
_MOST_ROWS, _MOST_COLUMNS, _MOST_CELL = 200, 60, 200
_FEW_FILES = 30


@dataclass
class Folder:
    """A folder of the tree: its name, its path, what is in it, and whether it holds a model."""

    name: str
    path: str
    folders: dict[str, Folder] = field(default_factory=dict)
    files: list[File] = field(default_factory=list)

    @property
    def is_model(self) -> bool:
        """Tell whether it is a model's folder."""
        return any(file.name == paths.MLMODEL for file in self.files)


@dataclass(frozen=True)
class File:
    """A file of the tree."""

    name: str
    path: str
    size: int


@dataclass(frozen=True)
class Preview:
    """What a page shows of an artifact: its kind, and the content that the kind needs."""

    path: str
    size: int
    kind: Kind
    content: Any = None
    rows: tuple[tuple[str, ...], ...] = ()
    header: tuple[str, ...] = ()
    cut: str = ""


def tree(artifacts: Path, problems: list[Problem]) -> Folder:
    """Return the artifacts of a run as a tree, links left out."""
    root = Folder("", "")
    for path, size in files.sizes(artifacts, problems).items():
        if (artifacts / path).is_symlink():
            continue
        *parents, name = path.split("/")
        folder = root
        for parent in parents:
            inner = f"{folder.path}/{parent}".lstrip("/")
            folder = folder.folders.setdefault(parent, Folder(parent, inner))
        folder.files.append(File(name, path, size))
    return root


def flat(folder: Folder) -> Iterable[File]:
    """Yield all files of a tree."""
    yield from folder.files
    for inner in folder.folders.values():
        yield from flat(inner)


def models(folder: Folder) -> list[Folder]:
    """Return the folders of a tree that are models."""
    found = [folder] if folder.is_model else []
    for inner in folder.folders.values():
        found += models(inner)
    return found


def is_small(folder: Folder) -> bool:
    """Tell whether a tree is shown with all its folders open."""
    return sum(1 for _ in flat(folder)) <= _FEW_FILES


def inside(folder: Path, path: str) -> Path:
    """Return the plain file that a path names below a folder.

    Raises:
        NotFoundError: there is none, or it is reached by a link.
    """
    missing = NotFoundError(f"no file {path!r}")
    parts = path.split("/")
    if not path or "\0" in path or any(part in ("", ".", "..") for part in parts):
        raise missing
    found = folder
    try:
        if folder.is_symlink():
            raise missing
        for part in parts:
            found /= part
            if found.is_symlink():
                raise missing
        if not found.is_file():
            raise missing
    except OSError:
        raise missing from None
    return found


def kind_of(path: str) -> Kind:
    """Return how a file of that name is looked at, as far as the name tells."""
    suffix = PurePosixPath(path.lower()).suffix
    if suffix in IMAGES:
        return "image"
    by_suffix: dict[str, Kind] = {
        ".html": "html",
        ".htm": "html",
        ".pdf": "pdf",
        ".csv": "table",
        ".tsv": "table",
        ".md": "markdown",
    }
    return by_suffix.get(suffix, "code")


def preview(file: Path, path: str) -> Preview:
    """Return what to show of an artifact.

    Raises:
        NotFoundError: it cannot be read.
    """
    try:
        size = file.stat().st_size
        kind = kind_of(path)
        if kind in ("image", "html", "pdf"):
            return Preview(path, size, kind)
        with files.open_plain(file) as opened:
            data = opened.read(MOST_TEXT)
    except OSError as error:
        raise NotFoundError(f"{path!r} cannot be read: {error.strerror}") from None
    text = _text(data)
    if text is None:
        return Preview(path, size, "none")
    cut = f"The first {words.size(len(data))} of {words.size(size)}." if size > len(data) else ""
    if kind == "table":
        return _table(path, size, text)
    if kind == "markdown":
        return Preview(path, size, kind, words.markdown(text), cut=cut)
    if path.lower().endswith(".json") and not cut:
        return _json(path, size, text)
    return Preview(path, size, "code", words.coloured(text, name=_lexed(path)), cut=cut)


def _text(data: bytes) -> str | None:
    if b"\0" in data:
        return None
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        # The limit may have cut a character in two.
        return data[: error.start].decode() if error.start > len(data) - 4 else None


def _lexed(path: str) -> str:
    name = PurePosixPath(path).name
    return {paths.MLMODEL: "MLmodel.yaml", "MLproject": "MLproject.yaml"}.get(name, name)


def _table(path: str, size: int, text: str) -> Preview:
    delimiter = "\t" if path.lower().endswith(".tsv") else ","
    rows: list[tuple[str, ...]] = []
    more = False
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
            if len(rows) > _MOST_ROWS:
                more = True
                break
            rows.append(tuple(cell[:_MOST_CELL] for cell in row[:_MOST_COLUMNS]))
    except csv.Error:
        return Preview(path, size, "code", text)
    header, body = (rows[0], tuple(rows[1:])) if rows else ((), ())
    cut = f"The first {_MOST_ROWS} rows of {words.size(size)}." if more else ""
    return Preview(path, size, "table", rows=body, header=header, cut=cut)


def _json(path: str, size: int, text: str) -> Preview:
    try:
        value = json.loads(text)
        pretty = json.dumps(value, indent=2, ensure_ascii=False)
        pretty.encode()
    except (ValueError, RecursionError):
        return Preview(path, size, "code", text)
    if isinstance(value, dict) and set(value) == {"columns", "data"} and _is_table(value):
        rows = tuple(
            tuple(str(cell)[:_MOST_CELL] for cell in row[:_MOST_COLUMNS])
            for row in value["data"][:_MOST_ROWS]
        )
        more = len(value["data"]) > _MOST_ROWS
        cut = f"The first {_MOST_ROWS} of {len(value['data'])} rows." if more else ""
        header = tuple(str(name) for name in value["columns"][:_MOST_COLUMNS])
        return Preview(path, size, "table", rows=rows, header=header, cut=cut)
    return Preview(path, size, "code", words.coloured(pretty, language="json"))


def _is_table(value: dict[str, Any]) -> bool:
    columns, rows = value["columns"], value["data"]
    return (
        isinstance(columns, list)
        and isinstance(rows, list)
        and all(isinstance(row, list) for row in rows)
    )
