"""What differs of two files: values of JSON, cells of CSV, pixels of images, lines of text."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Literal, NamedTuple

from gittrack import files
from gittrack.compare.changes import ABSENT, Change, text_of
from gittrack.errors import ToolError
from gittrack.git import changes

if TYPE_CHECKING:
    from pathlib import Path

    from gittrack.runs.values import ParamValue

MOST_BYTES = 4 * 1024 * 1024
MOST_ENTRIES = 200

_MOST_PIXELS = 50_000_000
_DEEPEST = 50
_IMAGES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff")
_TABLES = {".csv": ",", ".tsv": "\t"}


class Content(NamedTuple):
    """How the contents of two files differ: in a few words, entry by entry, or as a patch."""

    kind: Literal["json", "csv", "image", "text"]
    summary: str
    entries: tuple[Change, ...] = ()
    patch: str = ""


def compare_contents(first: Path, second: Path) -> Content | None:
    """Compare two files by what they hold; None where they are too large or of no known kind."""
    suffix = first.suffix.lower()
    try:
        if suffix in _IMAGES:
            return _images(first, second)
        one, other = (files.read_bytes(path, most=MOST_BYTES) for path in (first, second))
        if b"\0" in one or b"\0" in other:
            return None
        texts = one.decode(), other.decode()
        if suffix == ".json":
            return _json(*texts)
        if suffix in _TABLES:
            return _tables(*texts, _TABLES[suffix])
        return _text(first, second)
    except (OSError, ValueError, RecursionError, csv.Error, ToolError):
        return _plain_text(first, second) if suffix == ".json" or suffix in _TABLES else None


def _plain_text(first: Path, second: Path) -> Content | None:
    try:
        return _text(first, second)
    except (OSError, ValueError, ToolError):
        return None


def _text(first: Path, second: Path) -> Content:
    added, removed, patch = changes.between_files(first, second)
    return Content("text", f"+{added} -{removed} lines", patch=patch)


def _json(first: str, second: str) -> Content:
    one, other = _flat(json.loads(first)), _flat(json.loads(second))
    return _by_entry("json", one, other, "value")


def _flat(value: object, path: str = "", depth: int = 0) -> dict[str, ParamValue]:
    """Return the plain values in a JSON value by their paths."""
    if depth < _DEEPEST and value and isinstance(value, dict):
        items = [(f"{path}.{key}" if path else str(key), item) for key, item in value.items()]
    elif depth < _DEEPEST and value and isinstance(value, list):
        items = [(f"{path}[{index}]", item) for index, item in enumerate(value)]
    else:
        plain = value is None or isinstance(value, (bool, int, float, str))
        return {path: value if plain else text_of(value)}  # type: ignore[dict-item]
    return {name: leaf for key, item in items for name, leaf in _flat(item, key, depth + 1).items()}


def _tables(first: str, second: str, delimiter: str) -> Content:
    one, other = _cells(first, delimiter), _cells(second, delimiter)
    return _by_entry("csv", one, other, "cell")


def _cells(text: str, delimiter: str) -> dict[str, ParamValue]:
    """Return the cells of a table by row number and column name."""
    header, *rows = csv.reader(io.StringIO(text), delimiter=delimiter)
    return {
        f"{number} {header[index] if index < len(header) else index + 1}": cell
        for number, row in enumerate(rows, 1)
        for index, cell in enumerate(row)
    }


def _by_entry(
    kind: Literal["json", "csv"],
    one: dict[str, ParamValue],
    other: dict[str, ParamValue],
    unit: str,
) -> Content:
    found = [
        Change(name, one.get(name, ABSENT), other.get(name, ABSENT)) for name in {**one, **other}
    ]
    differing = [change for change in found if change.differs]
    counts = {
        "changed": sum(ABSENT not in change for change in differing),
        "added": sum(change.first is ABSENT for change in differing),
        "removed": sum(change.second is ABSENT for change in differing),
    }
    words = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    plural = "s" * (len(differing) != 1)
    summary = f"{unit}{plural}: {words}" if differing else "other formatting"
    return Content(kind, summary, tuple(differing[:MOST_ENTRIES]))


def _images(first: Path, second: Path) -> Content | None:
    try:
        from PIL import Image, ImageChops
    except ImportError:  # the sizes in bytes have to do
        return None
    with files.open_plain(first) as file, files.open_plain(second) as other:
        try:
            pictures = [Image.open(file), Image.open(other)]
        except (Image.DecompressionBombError, SyntaxError):
            return None
        sizes = [f"{picture.width} x {picture.height}" for picture in pictures]
        if sizes[0] != sizes[1]:
            return Content("image", "other size", (Change("size", *sizes),))
        if pictures[0].width * pictures[0].height > _MOST_PIXELS:
            return None
        one, two = (picture.convert("RGBA") for picture in pictures)
        bands = ImageChops.difference(one, two).split()
        joined = bands[0]
        for band in bands[1:]:
            joined = ImageChops.lighter(joined, band)
        same = joined.histogram()[0] / (one.width * one.height)
    return Content("image", f"{(1 - same) * 100:.3g} % of {sizes[0]} pixels differ")
