"""DVCLive's folder: `params.yaml`, `metrics.json` and a table a metric below `plots/metrics`."""

from __future__ import annotations

import csv
import hashlib
import json
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from gittrack import files, yamlfile
from gittrack.exchange.incoming import ForeignRun, Left, Source, Waiting, plain_params
from gittrack.runs.lines import Point
from gittrack.runs.record import FINISHED, RunRecord
from gittrack.runs.values import to_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

LABEL = "folder of DVCLive's"
_TABLES = "plots/metrics"
_FOLDERS = ("artifacts", "plots/images", "plots/custom", "plots/sklearn")
_MOST_BYTES = 64 << 20


def detect(path: Path) -> bool:
    """Tell whether a path is a folder of DVCLive's, or holds one as `dvclive`."""
    return _root(path) is not None


def _root(path: Path) -> Path | None:
    for root in (path, path / "dvclive"):
        if (root / _TABLES).is_dir() or (root / "metrics.json").is_file():
            return root
    return None


def read(path: Path, left: Left, *, folders: tuple[Path, ...]) -> Source:  # noqa: ARG001 - all take them
    """Return the one run of a folder; its experiment is that of the project's folder."""
    root = (_root(path) or path).resolve()
    reader = _Reader(root, left)
    # It has no id of its own: what a run begins with tells it from others, wherever it lies.
    begin = [list(islice(reader.rows(table), 1)) for table in reader.tables()]
    content = to_json([root.parent.name, reader.params(), begin])
    run_id = f"d{hashlib.sha256(content.encode()).hexdigest()[:31]}"
    return Source([Waiting(run_id, root, lambda: reader.run(run_id))])


@dataclass(frozen=True)
class _Reader:
    root: Path
    left: Left

    def run(self, run_id: str) -> ForeignRun:
        """Return the run."""
        times = [row["timestamp"] for table in self.tables() for row in self.rows(table)]
        mtimes = [int(path.stat().st_mtime * 1000) for path in files.walk(self.root)]
        known = [time for time in times if time] or mtimes or [0]
        experiment = self.root.parent.name or "dvclive"
        record = RunRecord(
            run_id,
            self.root.name if self.root.name != "dvclive" else experiment,
            experiment,
            FINISHED,
            min(known),
            max(known),
            params=plain_params(self.params()),
        )
        artifacts = [(self.root / name, name) for name in _FOLDERS if (self.root / name).is_dir()]
        return ForeignRun(record, lambda: self.points(record), artifacts)

    def tables(self) -> list[Path]:
        """Return the table of every metric that was logged step by step."""
        return [path for path in files.walk(self.root / _TABLES) if path.suffix in (".tsv", ".csv")]

    def rows(self, table: Path) -> Iterator[dict[str, Any]]:
        """Yield step, time (0 where it was not recorded) and value of each row of a table."""
        name, delimiter = table.stem, "\t" if table.suffix == ".tsv" else ","
        try:
            text = files.read_bytes(table, most=_MOST_BYTES).decode(errors="backslashreplace")
        except OSError as error:
            self.left.add(table, f"is left out: {error.strerror or error}")
            return
        broken = 0
        for row in csv.DictReader(text.splitlines(), delimiter=delimiter):
            try:
                value, step = float(row[name] or ""), int(row["step"] or "")
                yield {"step": step, "timestamp": int(row.get("timestamp") or 0), "value": value}
            except (ValueError, KeyError, TypeError):
                broken += 1
        if broken:
            self.left.add(table, f"{broken} rows are left out: they hold no number")

    def points(self, record: RunRecord) -> Iterator[tuple[str, Point]]:
        """Yield every value, and those of `metrics.json` that no table has."""
        tables = {
            path.relative_to(self.root / _TABLES).with_suffix("").as_posix(): path
            for path in self.tables()
        }
        for name, table in tables.items():
            for row in self.rows(table):
                time = row["timestamp"] or record.start_time
                yield name, Point(row["step"], time, row["value"])
        summary = self._flat("metrics.json", "/")
        step = summary.pop("step", 0)
        for name, value in summary.items():
            if name not in tables and isinstance(value, (int, float)):
                at = step if isinstance(step, int) else 0
                yield name, Point(at, record.end_time or record.start_time, float(value))

    def params(self) -> dict[str, Any]:
        """Return the params, those of a mapping named `outer.inner`."""
        return self._flat("params.yaml", ".")

    def _flat(self, name: str, separator: str) -> dict[str, Any]:
        path = self.root / name
        try:
            data = files.read_bytes(path, most=_MOST_BYTES)
            value = json.loads(data) if path.suffix == ".json" else yamlfile.load(data)
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, RecursionError) as error:
            self.left.add(path, f"is left out: {getattr(error, 'strerror', None) or error}")
            return {}
        return dict(_flattened(value, separator)) if isinstance(value, dict) else {}


def _flattened(value: Mapping[str, Any], separator: str) -> Iterator[tuple[str, Any]]:
    for name, item in value.items():
        if isinstance(item, dict):
            inner = _flattened(item, separator)
            yield from ((f"{name}{separator}{rest}", leaf) for rest, leaf in inner)
        else:
            yield str(name), to_json(item) if isinstance(item, list) else item
