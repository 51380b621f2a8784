"""MLflow's file store: a folder an experiment, a folder a run, a file a value.

    <experiment>/meta.yaml  tags/<key>
    <experiment>/<run>/meta.yaml  metrics/<key>  params/<key>  tags/<key>  artifacts/
    <experiment>/<run>/inputs/<id>/meta.yaml  outputs/<model>/meta.yaml
    <experiment>/datasets/<id>/meta.yaml  models/<model>/meta.yaml
    .trash/<experiment>/                 deleted experiments

A line of a metric is `time value [step [dataset digest]]`, or ends in a run's id.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gittrack import files, yamlfile
from gittrack.exchange.importers import mlflow_artifacts, mlflow_meaning, mlflow_registry
from gittrack.exchange.importers.mlflow_artifacts import LoggedModel, Places
from gittrack.exchange.incoming import (
    RUN_ID,
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

META = "meta.yaml"
TRASH = ".trash"
REGISTRY = "models"
_NO_RUNS = {"datasets", "models", "traces", "tags", "evaluation_datasets"}
_MOST_TEXT = 1 << 20
_LONGEST_LINE = 4096


@dataclass(frozen=True)
class _Experiment:
    folder: Path
    name: str
    deleted: bool
    places: Places
    models: Mapping[str, list[LoggedModel]]


def detect(path: Path) -> bool:
    """Tell whether there is a file store at a path, or as `mlruns` in it."""
    return _root(path) is not None


def _root(path: Path) -> Path | None:
    for root in (path, path / "mlruns"):
        if any((folder / META).is_file() for folder in _folders(root) if folder.name != REGISTRY):
            return root
    return None


def read(path: Path, left: Left, *, folders: tuple[Path, ...]) -> Source:
    """Return what a file store holds; what is wrong with it is added to `left` as it is read."""
    root = (_root(path) or path).resolve()
    experiments: list[ForeignExperiment] = []
    runs: list[Waiting] = []
    logged: dict[str, LoggedModel] = {}
    for folder in (*_folders(root, left), *_folders(root / TRASH, left)):
        if folder.name == REGISTRY or folder.name.startswith("."):
            continue
        foreign, experiment = _experiment(folder, root, left, folders)
        experiments.append(foreign)
        logged.update({one.model_id: one for group in experiment.models.values() for one in group})
        runs += _runs(experiment, left)
    return Source(runs, experiments, list(_registered(root / REGISTRY, logged, left)))


def _registered(
    folder: Path, logged: Mapping[str, LoggedModel], left: Left
) -> Iterator[ForeignModel]:
    for model in _folders(folder, left):
        try:
            versions = [
                (read_meta(entry), read_texts(entry / "tags", left))
                for entry in _folders(model, left)
                if entry.name.startswith("version-")
            ]
            yield mlflow_registry.model(
                read_meta(model),
                versions,
                tags=read_texts(model / "tags", left),
                aliases={
                    alias: int(number)
                    for alias, number in read_texts(model / "aliases", left).items()
                },
                logged=logged,
            )
        except (ValueError, KeyError, TypeError) as error:
            left.add(model, f"is left out: {error}")


def _experiment(
    folder: Path, root: Path, left: Left, folders: tuple[Path, ...]
) -> tuple[ForeignExperiment, _Experiment]:
    try:
        meta = read_meta(folder)
    except ValueError as error:
        left.add(folder, f"{error}; its runs go to an experiment {folder.name!r}")
        meta = {}
    note, tags = mlflow_meaning.note_and_tags(read_texts(folder / "tags", left))
    deleted = meta.get("lifecycle_stage") == "deleted" or folder.parent.name == TRASH
    name = str(meta.get("name") or folder.name)
    changed = meta.get("last_update_time")
    foreign = ForeignExperiment(
        name, note, tags, deleted=deleted, time=changed if isinstance(changed, int) else 0
    )
    models = mlflow_artifacts.by_run(_models(folder / REGISTRY, left))
    places = Places((root, *folders))
    return foreign, _Experiment(folder, name, deleted, places, models)


def _models(folder: Path, left: Left) -> Iterator[LoggedModel]:
    for model in _folders(folder, left):
        try:
            meta = read_meta(model)
        except ValueError as error:
            left.add(model, f"is left out: {error}")
            continue
        run_id = meta.get("source_run_id")
        if not run_id:
            left.add(model, "is left out: no run logged this model")
            continue
        kept = folder.parent / str(run_id)
        if own := [
            f"{kind}/{name}"
            for kind in ("params", "metrics", "tags")
            for name, _ in _named_files(model / kind, left)
            if not name.startswith("mlflow.") and not (kept / kind / name).is_file()
        ]:
            left.add(model, f"left out, as they have no place in a run: {', '.join(own)}")
        made = meta.get("creation_timestamp")
        name = str(meta.get("name") or model.name)
        yield LoggedModel(
            model.name, str(run_id), name, made if isinstance(made, int) else 0, model / "artifacts"
        )


def _runs(experiment: _Experiment, left: Left) -> Iterator[Waiting]:
    for folder in _folders(experiment.folder, left):
        if folder.name in _NO_RUNS:
            if folder.name == "traces" and _folders(folder):
                left.add(folder, "is left out: traces have no place in a run")
            continue
        yield Waiting(folder.name, folder, _Reader(experiment, folder, left))


@dataclass(frozen=True)
class _Reader:
    experiment: _Experiment
    folder: Path
    left: Left

    def __call__(self) -> ForeignRun:
        folder, experiment, left = self.folder, self.experiment, self.left
        meta = read_meta(folder)
        run_id = str(meta.get("run_id") or meta.get("run_uuid"))
        if run_id != folder.name or not RUN_ID.fullmatch(run_id):
            raise ValueError(f"{META} says run {run_id[:80]!r}")
        record = mlflow_meaning.record_of(
            run_id,
            meta,
            experiment=experiment.name,
            params=read_texts(folder / "params", left),
            tags=read_texts(folder / "tags", left),
            inputs=list(self._inputs()),
        )
        own = experiment.places.folder(meta.get("artifact_uri"), folder / "artifacts", left)
        logged = mlflow_artifacts.placements(experiment.models.get(run_id, ()), own)
        models = [(model.folder, place) for model, place in logged]
        deleted = None
        if meta.get("lifecycle_stage") == "deleted" and not experiment.deleted:
            when = meta.get("deleted_time") or record.end_time or record.start_time
            deleted = mlflow_meaning.time_of(when)
        artifacts = (*([(own, "")] if own else []), *models)
        return ForeignRun(record, self._points, artifacts, deleted)

    def _inputs(self) -> Iterator[dict[str, Any]]:
        for entry in _folders(self.folder / "inputs", self.left):
            try:
                link = read_meta(entry)
                tags = link.get("tags")
                place = self.experiment.folder / "datasets" / Path(str(link["source_id"])).name
                yield mlflow_meaning.input_of(read_meta(place), tags or {})
            except (ValueError, KeyError, AttributeError) as error:
                self.left.add(entry, f"is left out: {error}")

    def _points(self) -> Iterator[tuple[str, Point]]:
        folder = self.folder / "metrics"
        for name, path in _named_files(folder, self.left):
            yield from ((name, point) for point in read_points(path, self.left))


def read_meta(folder: Path) -> dict[str, Any]:
    """Return what `meta.yaml` of a folder says.

    Raises:
        ValueError: it cannot be read.
    """
    try:
        value = yamlfile.load(files.read_bytes(folder / META, most=yamlfile.MAX_BYTES))
    except OSError as error:
        raise ValueError(
            f"{META} {error.strerror or error}".replace("No such", "no such")
        ) from None
    except ValueError as error:
        raise ValueError(f"{META}:{error}") from None
    if not isinstance(value, dict):
        raise ValueError(f"{META} holds no fields")
    return value


def read_texts(folder: Path, left: Left) -> dict[str, str]:
    """Return the values of a folder with a file each; a name with `/` is a path in it."""
    found: dict[str, str] = {}
    for name, path in _named_files(folder, left):
        try:
            data = files.read_bytes(path, most=_MOST_TEXT)
        except OSError as error:
            left.add(path, f"is left out: {error.strerror or error}")
            continue
        try:
            found[name] = data.decode()
        except UnicodeDecodeError:
            found[name] = data.decode(errors="backslashreplace")
            left.add(path, "is not UTF-8: what is not is kept as \\x and its bytes")
    return found


def read_points(path: Path, left: Left) -> Iterator[Point]:
    """Yield the values in the file of a metric; lines that hold none are counted."""
    broken = first = number = 0
    try:
        with files.open_plain(path) as file:
            while line := file.readline(_LONGEST_LINE):
                number += 1
                try:
                    time, value, *more = line.split()
                    yield Point(
                        *mlflow_meaning.point_numbers(int(more[0]) if more else 0, int(time)),
                        float(value),
                    )
                except ValueError:
                    broken, first = broken + 1, first or number
                    if len(line) == _LONGEST_LINE and not line.endswith(b"\n"):
                        left.add(
                            path,
                            "the rest is left out: no line of a metric is so long",
                            line=number,
                        )
                        return
    except OSError as error:
        left.add(path, f"is left out: {error.strerror or error}")
    if broken:
        left.add(path, f"{broken} lines are left out: the first is no metric", line=first)


def _named_files(folder: Path, left: Left) -> Iterator[tuple[str, Path]]:
    problems: list[files.Problem] = []
    for path in files.walk(folder, problems):
        name = path.relative_to(folder).as_posix()
        if name.isprintable():
            yield name, path
        else:
            left.add(path, "is left out: its name is not text")
    left.extend(problems)


def _folders(folder: Path, left: Left | None = None) -> list[Path]:
    try:
        found = sorted(folder.iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        if left is not None:
            left.add(folder, f"is left out: {error.strerror or error}")
        return []
    links = [path for path in found if path.is_symlink()]
    if left is not None:
        left.extend(files.Problem(path, "is left out: links are not followed") for path in links)
    return [path for path in found if path.is_dir() and path not in links]
