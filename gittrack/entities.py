"""Runs and experiments in the shape that MLflow's API gives them.

Params are text, metrics are their last values, times are ms since 1970 UTC, and what `run.json`
says of the source stands in tags named `mlflow.*`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar

from gittrack import notebook, paths
from gittrack.runs.reading import NOTE_TAG
from gittrack.runs.values import param_text
from gittrack.states import LifecycleStage, RunStatus, SourceType, ViewType

if TYPE_CHECKING:
    from pathlib import Path

    from gittrack.runs.lines import Point
    from gittrack.runs.reading import StoredRun
    from gittrack.runs.record import RunRecord
    from gittrack.runs.store import Experiment as StoredExperiment
    from gittrack.runs.store import Store


__all__ = [
    "Dataset",
    "DatasetInput",
    "Experiment",
    "ExperimentTag",
    "FileInfo",
    "InputTag",
    "LifecycleStage",
    "Metric",
    "Param",
    "Run",
    "RunData",
    "RunInfo",
    "RunInputs",
    "RunOutputs",
    "RunStatus",
    "RunTag",
    "SourceType",
    "ViewType",
]

CONTEXT_TAG = "mlflow.data.context"


class _Entity:
    """What all entities can, as MLflow's: `dict(entity)` and `entity.to_dictionary()`."""

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        for each in fields(self):  # type: ignore[arg-type]
            yield each.name, getattr(self, each.name)

    def to_dictionary(self) -> dict[str, Any]:
        """Return it as plain dictionaries."""
        return {name: _plain(value) for name, value in self}


@dataclass(frozen=True)
class _Pair(_Entity):
    key: str
    value: str


@dataclass(frozen=True)
class Metric(_Entity):
    """One logged value; `timestamp` in ms since 1970 UTC."""

    key: str
    value: float
    timestamp: int
    step: int = 0


class Param(_Pair):
    """One param, its value as text."""


class RunTag(_Pair):
    """One tag of a run."""


@dataclass(frozen=True)
class RunInfo(_Entity):
    """What identifies a run and how it stands; times in ms since 1970 UTC."""

    run_id: str
    run_name: str
    experiment_id: str
    user_id: str
    status: str
    start_time: int
    end_time: int | None
    artifact_uri: str
    lifecycle_stage: str = LifecycleStage.ACTIVE

    @property
    def run_uuid(self) -> str:
        """The run's id, under its oldest name."""
        return self.run_id


@dataclass(frozen=True)
class RunData(_Entity):
    """What a run logged: the last value of each metric, params as text, tags."""

    metrics: Mapping[str, float] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


class ExperimentTag(_Pair):
    """One tag of an experiment."""


class InputTag(_Pair):
    """One tag of a dataset in a run; its context is that of the key `mlflow.data.context`."""


@dataclass(frozen=True)
class FileInfo(_Entity):
    """An artifact, by its path among the run's; a folder has no size."""

    path: str
    is_dir: bool
    file_size: int | None


@dataclass(frozen=True)
class Dataset(_Entity):
    """A dataset as a run recorded it; source, schema and profile as JSON texts."""

    name: str
    digest: str
    source_type: str = ""
    source: str = ""
    schema: str | None = None
    profile: str | None = None


@dataclass(frozen=True)
class DatasetInput(_Entity):
    """A dataset that a run read, and what for."""

    dataset: Dataset
    tags: Sequence[InputTag] = ()


@dataclass(frozen=True)
class RunInputs(_Entity):
    """The datasets that a run read; models are artifacts here, and no inputs."""

    dataset_inputs: tuple[DatasetInput, ...] = ()
    model_inputs: tuple[()] = ()


@dataclass(frozen=True)
class RunOutputs(_Entity):
    """What MLflow 3 keeps beside a run; its models are artifacts here."""

    model_outputs: tuple[()] = ()


@dataclass(frozen=True)
class Run(_Entity):
    """One run."""

    info: RunInfo
    data: RunData
    inputs: RunInputs = field(default_factory=RunInputs)
    outputs: RunOutputs = field(default_factory=RunOutputs)

    def _repr_html_(self) -> str:
        return notebook.run(self.to_dictionary())


class Runs(list[Run]):
    """A list of runs, which notebooks show as a table."""

    def _repr_html_(self) -> str:
        return notebook.runs(run.to_dictionary() for run in self)


@dataclass(frozen=True)
class Experiment(_Entity):
    """One experiment; its id is the name of its folder."""

    DEFAULT_EXPERIMENT_NAME: ClassVar[str] = paths.DEFAULT_EXPERIMENT

    experiment_id: str
    name: str
    artifact_location: str
    lifecycle_stage: str = LifecycleStage.ACTIVE
    tags: Mapping[str, str] = field(default_factory=dict)
    creation_time: int | None = None
    last_update_time: int | None = None


def run_of(stored: StoredRun, *, whole: bool = False) -> Run:
    """Return a stored run in MLflow's shape; `whole` has the system metrics among its metrics."""
    record = stored.record
    info = info_of(record, stored.folder, deleted=stored.deleted)
    data = RunData(
        metrics={
            **(stored.system_metrics() if whole else {}),
            **{name: summary.last for name, summary in record.metrics.items()},
        },
        params={name: param_text(value) for name, value in record.params.items()},
        tags={**system_tags(record, stored.note), **record.tags},
    )
    return Run(info, data, RunInputs(tuple(dataset_input_of(item) for item in record.inputs)))


def info_of(record: RunRecord, folder: Path, *, deleted: bool = False) -> RunInfo:
    """Return what a record says of a run's identity and standing, in MLflow's shape."""
    return RunInfo(
        run_id=record.run_id,
        run_name=record.name,
        experiment_id=folder.parent.name,
        user_id=record.user or "",
        status=record.status,
        start_time=record.start_time,
        end_time=record.end_time,
        artifact_uri=(folder / paths.ARTIFACTS).absolute().as_uri(),
        lifecycle_stage=LifecycleStage.DELETED if deleted else LifecycleStage.ACTIVE,
    )


def experiment_of(stored: StoredExperiment, store: Store) -> Experiment:
    """Return a stored experiment in MLflow's shape; its times are those of its runs and edits."""
    times = _times(store.root / stored.experiment_id)
    note = {NOTE_TAG: stored.description} if stored.description else {}
    return Experiment(
        experiment_id=stored.experiment_id,
        name=stored.name,
        artifact_location=(store.root / stored.experiment_id).as_uri(),
        lifecycle_stage=LifecycleStage.DELETED if stored.deleted else LifecycleStage.ACTIVE,
        tags={**stored.tags, **note},
        creation_time=min(times, default=None),
        last_update_time=max(times, default=None),
    )


def dataset_input_of(entry: Mapping[str, Any]) -> DatasetInput:
    """Return an entry of `inputs` in `run.json` in MLflow's shape."""
    source, schema, profile = (entry.get(key) for key in ("source", "schema", "profile"))
    dataset = Dataset(
        name=str(entry.get("name", "")),
        digest=str(entry.get("digest", "")),
        source_type=str(entry.get("source_type", "")),
        source="" if source is None else json.dumps({"uri": source}),
        schema=None if schema is None else json.dumps(schema),
        profile=None if profile is None else json.dumps(profile),
    )
    tags = {key: str(value) for key, value in _map(entry, "tags").items()}
    if context := entry.get("context"):
        tags[CONTEXT_TAG] = str(context)
    return DatasetInput(dataset, tuple(InputTag(key, value) for key, value in tags.items()))


def metric_of(name: str, point: Point) -> Metric:
    """Return one point of a metric's history in MLflow's shape."""
    return Metric(key=name, value=point.value, timestamp=point.time, step=point.step)


def system_tags(record: RunRecord, note: str = "") -> dict[str, str]:
    """Return what MLflow keeps in tags of its own of a run's name, source and parent."""
    git, project = _map(record.source, "git"), _map(record.source, "project")
    command = str(record.source.get("command") or "")
    found = {
        "mlflow.runName": record.name,
        NOTE_TAG: note,
        "mlflow.user": record.user,
        "mlflow.parentRunId": record.parent,
        "mlflow.source.name": project.get("uri") or _script_in(command),
        "mlflow.source.type": record.source.get("type"),
        "mlflow.source.git.commit": git.get("commit"),
        "mlflow.source.git.branch": git.get("branch"),
        "mlflow.source.git.repoURL": git.get("remote"),
        "mlflow.project.entryPoint": project.get("entry_point"),
        "mlflow.project.backend": project.get("backend"),
        "mlflow.project.env": project.get("environment"),
    }
    return {name: str(value) for name, value in found.items() if value}


def _plain(value: Any) -> Any:
    if isinstance(value, _Entity):
        return value.to_dictionary()
    if isinstance(value, Mapping):
        return dict(value)
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def _times(folder: Path) -> list[int]:
    try:
        names = [entry.name for entry in folder.iterdir()]
        made = int(folder.stat().st_mtime * 1000)
    except OSError:
        return []
    found = (paths.time_of(name) for name in names)
    return [time for time in found if time is not None] or [made]


def _map(source: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = source.get(key)
    return value if isinstance(value, Mapping) else {}


def _script_in(command: str) -> str:
    words = command.split()
    return next((word for word in words[1:] if not word.startswith("-")), words[0] if words else "")


@dataclass(frozen=True)
class ModelVersion:
    """One version of a registered model; `source` is the model in its run."""

    name: str
    version: str
    creation_timestamp: int
    last_updated_timestamp: int
    source: str
    run_id: str
    user_id: str = ""
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    aliases: Sequence[str] = ()
    current_stage: str = "None"
    status: str = "READY"
    status_message: str | None = None
    run_link: str = ""


@dataclass(frozen=True)
class RegisteredModel:
    """A name in the registry."""

    name: str
    creation_timestamp: int | None = None
    last_updated_timestamp: int | None = None
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    latest_versions: Sequence[ModelVersion] = ()


@dataclass(frozen=True)
class ModelVersionTag:
    """One tag of a version."""

    key: str
    value: str
