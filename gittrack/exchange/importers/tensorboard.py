"""TensorBoard's event files: the scalars in every folder that has some, a run each.

A file is records of `length, checksum, data, checksum`; the data is a protocol buffer: an `Event`
of wall time (1), step (2) and summary (5), which has values (1) of tag (1), number (2) or tensor
(8). Checksums are not looked at: a record that is cut off ends the file.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gittrack import files
from gittrack.exchange.incoming import LAST_TIME, ForeignRun, Left, Source, Waiting
from gittrack.runs.lines import Point
from gittrack.runs.record import FINISHED, RunRecord

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LABEL = "folder of TensorBoard's event files"

_PATTERN = "events.out.tfevents.*"
_LARGEST = 64 << 20
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_FLOAT, _DOUBLE = 1, 2  # the kinds of tensors that hold a scalar


def detect(path: Path) -> bool:
    """Tell whether there are event files below a path."""
    return path.is_dir() and next(path.rglob(_PATTERN), None) is not None


def read(path: Path, left: Left, *, folders: tuple[Path, ...]) -> Source:  # noqa: ARG001 - all take them
    """Return a run for each folder with event files; its name is the folder's path."""
    root = path.resolve()
    found: dict[Path, list[Path]] = {}
    for file in sorted(root.rglob(_PATTERN)):
        found.setdefault(file.parent, []).append(file)
    runs = []
    for folder, present in found.items():
        name = folder.relative_to(root).as_posix() if folder != root else root.name
        first = next((event[0] for file in present for event in _events(file, left)), None)
        if first is None:
            left.add(folder, "is left out: it holds no event")
            continue
        digest = hashlib.sha256(f"{name}\0{first!r}".encode()).hexdigest()
        run_id = f"t{digest[:31]}"
        runs.append(Waiting(run_id, folder, _Reader(run_id, name, root.name, present, left)))
    return Source(runs)


@dataclass(frozen=True)
class _Reader:
    run_id: str
    name: str
    experiment: str
    present: list[Path]
    left: Left

    def __call__(self) -> ForeignRun:
        times = [
            _milliseconds(event[0]) for file in self.present for event in _events(file, Left())
        ]
        record = RunRecord(
            self.run_id, self.name, self.experiment, FINISHED, min(times), max(times)
        )
        return ForeignRun(record, self._points)

    def _points(self) -> Iterator[tuple[str, Point]]:
        others: set[str] = set()
        for file in self.present:
            for time, step, values in _events(file, self.left):
                for tag, value in values:
                    if value is None:
                        others.add(tag)
                    else:
                        yield tag, Point(step, _milliseconds(time), value)
        if others:
            names = ", ".join(sorted(others)[:5])
            self.left.add(self.present[0].parent, f"no scalars, and left out: {names}")


def _milliseconds(seconds: float) -> int:
    return int(min(max(seconds * 1000, 0), LAST_TIME))


def _events(path: Path, left: Left) -> Iterator[tuple[float, int, list[tuple[str, float | None]]]]:
    """Yield wall time, step and values of each event of a file."""
    try:
        with files.open_plain(path) as file:
            while len(head := file.read(12)) == 12:  # noqa: PLR2004 - a length and its checksum
                (length,) = struct.unpack("<Q", head[:8])
                data = file.read(length + 4) if length <= _LARGEST else b""
                if len(data) != length + 4:
                    left.add(path, "the rest is left out: a record is cut off or no record")
                    return
                yield _event(data[:-4])
    except (OSError, ValueError, IndexError, struct.error) as error:
        reason = getattr(error, "strerror", None) or error
        left.add(path, f"the rest is left out: {reason}")


def _event(data: bytes) -> tuple[float, int, list[tuple[str, float | None]]]:
    time, step = 0.0, 0
    values: list[tuple[str, float | None]] = []
    for number, value in _fields(data):
        if number == 1 and isinstance(value, bytes):
            (time,) = struct.unpack("<d", value)
        elif number == 2 and isinstance(value, int):  # noqa: PLR2004 - see the module
            step = value - (1 << 64) if value >> 63 else value
        elif number == 5 and isinstance(value, bytes):  # noqa: PLR2004
            values = [_value(part) for field, part in _fields(value) if field == 1]
    return time, step, values


def _value(data: Any) -> tuple[str, float | None]:
    fields: dict[int, Any] = dict(_fields(data))
    tag = fields.get(1, b"").decode("utf-8", "backslashreplace")
    if isinstance(number := fields.get(2), bytes):
        return tag, float(struct.unpack("<f", number)[0])
    tensor = fields.get(8)
    return tag, _scalar(dict(_fields(tensor))) if isinstance(tensor, bytes) else None


def _scalar(tensor: dict[int, Any]) -> float | None:
    kind = tensor.get(1)
    form = {_FLOAT: "<f", _DOUBLE: "<d"}.get(kind) if isinstance(kind, int) else None
    data = tensor.get(4) or tensor.get(5 if kind == _FLOAT else 6)
    if form is None or not isinstance(data, bytes) or len(data) != struct.calcsize(form):
        return None
    return float(struct.unpack(form, data)[0])


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield the fields of a protocol buffer: numbers as they are, all else as bytes."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        kind = key & 7
        if kind == _VARINT:
            number, at = _varint(data, at)
            yield key >> 3, number
            continue
        if kind == _BYTES:
            length, at = _varint(data, at)
        elif kind in (_FIXED64, _FIXED32):
            length = 8 if kind == _FIXED64 else 4
        else:
            raise ValueError("it is no event")
        if at + length > len(data):
            raise ValueError("an event is cut off")
        yield key >> 3, data[at : at + length]
        at += length


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:  # noqa: PLR2004 - the highest bit says that more follow
            return value & (1 << 64) - 1, at
        if shift > 63:  # noqa: PLR2004
            raise ValueError("it is no event")
