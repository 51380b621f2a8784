"""MLflow's database in SQLite: `mlflow.db`, read with the standard library and never written to."""

from __future__ import annotations

import math
import sqlite3
import sys
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gittrack import files
from gittrack.errors import StoreError
from gittrack.exchange.importers import mlflow_artifacts, mlflow_meaning, mlflow_registry
from gittrack.exchange.importers.mlflow_artifacts import LoggedModel, Places
from gittrack.exchange.incoming import (
    ForeignExperiment,
    ForeignModel,
    ForeignRun,
    Left,
    Source,
    Waiting,
)
from gittrack.runs.lines import Point

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_MAGIC = b"SQLite format 3\0"
_LARGEST = sys.float_info.max


# What has no place in a run, and is said: what the tables hold of it.
_NO_PLACE = {
    "traces": "trace_info",
    "models that no run logged": "logged_models WHERE source_run_id IS NULL",
    "params that logged models have and their runs have not": "logged_model_params AS own"
    " JOIN logged_models USING (model_id) LEFT JOIN params ON run_uuid = source_run_id"
    " AND key = param_key WHERE source_run_id IS NOT NULL AND key IS NULL",
    "tags of logged models": "logged_model_tags JOIN logged_models USING (model_id)"
    " WHERE source_run_id IS NOT NULL AND tag_key NOT LIKE 'mlflow.%'",
}


def detect(path: Path) -> bool:
    """Tell whether a path is a database of MLflow's."""
    with suppress(OSError, sqlite3.Error, ValueError):
        if _begins(path):
            with closing(_Database(path)) as database:
                return {"runs", "experiments"} <= database.tables
    return False


def _begins(path: Path) -> bool:
    with files.open_plain(path) as file:
        return file.read(len(_MAGIC)) == _MAGIC


def read(path: Path, left: Left, *, folders: tuple[Path, ...]) -> Source:
    """Return what a database holds; what is wrong with it is added to `left` as it is read.

    Raises:
        StoreError: it cannot be read.
    """
    database = _Database(path.resolve())
    try:
        experiments = {row["experiment_id"]: row for row in database.rows("experiments")}
        tags = database.texts("experiment_tags", "experiment_id")
        foreign = [_experiment(row, tags.get(key, {})) for key, row in experiments.items()]
        logged = list(_models(database))
        reader = _Reader(
            database,
            experiments,
            mlflow_artifacts.by_run(logged),
            Places((path.resolve().parent, *folders)),
            left,
        )
        ids = [row["run_uuid"] for row in database.rows("runs", order="start_time, run_uuid")]
        runs = [Waiting(str(run), path, reader.of(run)) for run in ids]
        registered = list(_registered(database, logged, left))
        for what, rows in _NO_PLACE.items():
            if count := database.count(rows):
                left.add(path, f"left out, as they have no place in a run: {count} {what}")
        return Source(runs, foreign, registered, close=database.close)
    except sqlite3.Error as error:
        database.close()
        raise StoreError(f"cannot read {path}: {error}", hint="is it MLflow's?") from error


class _Database:
    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        self._connection.row_factory = sqlite3.Row
        # Bytes that are no UTF-8 are kept in a way that can be seen.
        self._connection.text_factory = lambda data: data.decode(errors="backslashreplace")
        try:
            found = self._connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            self.tables = {row["name"] for row in found}
        except sqlite3.Error:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def rows(
        self, table: str, wanted: Mapping[str, object] | None = None, *, order: str = ""
    ) -> Iterator[dict[str, Any]]:
        """Yield the rows of a table whose columns have the wanted values; none where it is not."""
        if table not in self.tables:
            return
        wanted = wanted or {}
        where = " AND ".join(f'"{column}" = ?' for column in wanted)
        query = f'SELECT * FROM "{table}"'  # noqa: S608 - names of tables and columns are ours
        query += f" WHERE {where}" * bool(where) + f" ORDER BY {order}" * bool(order)
        for row in self._connection.execute(query, tuple(wanted.values())):
            yield dict(row)

    def count(self, rows: str) -> int:
        """Return how many rows there are; none where there is no such table."""
        with suppress(sqlite3.OperationalError):
            return int(self._connection.execute(f"SELECT count(*) FROM {rows}").fetchone()[0])  # noqa: S608 - ours
        return 0

    def texts(
        self, table: str, by: str, wanted: Mapping[str, object] | None = None
    ) -> dict[Any, dict[str, str]]:
        """Return the rows of a table of keys and values, grouped by a column."""
        found: dict[Any, dict[str, str]] = {}
        for row in self.rows(table, wanted):
            value = row["value"]
            found.setdefault(row[by], {})[str(row["key"])] = "" if value is None else str(value)
        return found


def _experiment(row: Mapping[str, Any], given: Mapping[str, str]) -> ForeignExperiment:
    note, tags = mlflow_meaning.note_and_tags(given)
    time = row.get("last_update_time") or 0
    deleted = row["lifecycle_stage"] == "deleted"
    return ForeignExperiment(str(row["name"]), note, tags, deleted=deleted, time=time)


def _registered(
    database: _Database, logged: list[LoggedModel], left: Left
) -> Iterator[ForeignModel]:
    by_id = {model.model_id: model for model in logged}
    for row in database.rows("registered_models"):
        name = {"name": row["name"]}
        said: dict[int, dict[str, str]] = database.texts("model_version_tags", "version", name)
        aliases = {
            a["alias"]: a["version"] for a in database.rows("registered_model_aliases", name)
        }
        try:
            yield mlflow_registry.model(
                row,
                [
                    (one, said.get(one["version"], {}))
                    for one in database.rows("model_versions", name)
                ],
                tags=database.texts("registered_model_tags", "name", name).get(row["name"], {}),
                aliases=aliases,
                logged=by_id,
            )
        except (ValueError, TypeError) as error:
            left.add(database.path, f"model {row['name']!r} is left out: {error}")


def _models(database: _Database) -> Iterator[LoggedModel]:
    for row in database.rows("logged_models", {"lifecycle_stage": "active"}):
        location = str(row["artifact_location"])
        time = row["creation_timestamp_ms"]
        run_id = str(row["source_run_id"] or "")
        yield LoggedModel(str(row["model_id"]), run_id, str(row["name"]), time, Path(location))


@dataclass(frozen=True)
class _Reader:
    database: _Database
    experiments: Mapping[Any, Mapping[str, Any]]
    models: Mapping[str, list[LoggedModel]]
    places: Places
    left: Left
    datasets: dict[str, dict[str, Any]] = field(default_factory=dict)

    def of(self, run_id: str) -> Any:
        return lambda: self.read(run_id)

    def read(self, run_id: str) -> ForeignRun:
        try:
            return self._read(run_id)
        except sqlite3.Error as error:
            raise ValueError(f"run {run_id}: {error}") from None

    def _read(self, run_id: str) -> ForeignRun:
        database = self.database
        meta = next(database.rows("runs", {"run_uuid": run_id}))
        experiment = self.experiments.get(meta["experiment_id"])
        if experiment is None:
            raise ValueError(f"run {run_id}: there is no experiment {meta['experiment_id']}")
        record = mlflow_meaning.record_of(
            run_id,
            meta,
            experiment=str(experiment["name"]),
            params=database.texts("params", "run_uuid", {"run_uuid": run_id}).get(run_id, {}),
            tags=database.texts("tags", "run_uuid", {"run_uuid": run_id}).get(run_id, {}),
            inputs=list(self._inputs(run_id)),
        )
        own = self.places.folder(meta["artifact_uri"], None, self.left)
        models = [
            (folder, place)
            for model, place in mlflow_artifacts.placements(self.models.get(run_id, ()), own)
            if (folder := self.places.folder(str(model.folder), None, self.left)) is not None
        ]
        deleted = None
        if meta["lifecycle_stage"] == "deleted" and experiment["lifecycle_stage"] != "deleted":
            when = meta.get("deleted_time") or record.end_time or record.start_time
            deleted = mlflow_meaning.time_of(when)
        artifacts = (*(((own, ""),) if own else ()), *models)
        return ForeignRun(record, lambda: self._points(run_id), artifacts, deleted)

    def _inputs(self, run_id: str) -> Iterator[dict[str, Any]]:
        wanted = {"destination_id": run_id, "source_type": "DATASET"}
        for link in self.database.rows("inputs", wanted):
            tags = {
                str(row["name"]): str(row["value"])
                for row in self.database.rows("input_tags", {"input_uuid": link["input_uuid"]})
            }
            for row in self.database.rows("datasets", {"dataset_uuid": link["source_id"]}):
                plain = {key.removeprefix("dataset_"): value for key, value in row.items()}
                yield mlflow_meaning.input_of(plain, tags)

    def _points(self, run_id: str) -> Iterator[tuple[str, Point]]:
        order = "key, step, timestamp, value"
        for row in self.database.rows("metrics", {"run_uuid": run_id}, order=order):
            yield str(row["key"]), Point(row["step"], row["timestamp"], _value(row))


def _value(row: Mapping[str, Any]) -> float:
    if row["is_nan"]:
        return math.nan
    value = float(row["value"])
    # MLflow writes an infinity as the largest number there is, as databases have none.
    return math.copysign(math.inf, value) if abs(value) >= _LARGEST else value
