"""A file store that real MLflow of 1.x to 3.x reads, with every value."""

from __future__ import annotations

import hashlib
import json
import posixpath
import re
import shutil
from typing import TYPE_CHECKING, Any, NamedTuple

from gittrack import files, paths
from gittrack.entities import dataset_input_of, system_tags
from gittrack.errors import AlreadyExistsError, GittrackError, RunBeingMadeError, StoreError
from gittrack.exchange import copying
from gittrack.registry import Registry
from gittrack.runs import jsonlines, lines, series
from gittrack.runs.reading import NOTE_TAG, read_run
from gittrack.runs.record import STATUSES
from gittrack.runs.values import metric_value, param_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from gittrack.exchange.incoming import Left
    from gittrack.registry import RegisteredModel
    from gittrack.runs.reading import StoredRun
    from gittrack.runs.store import Experiment, Store

    Progress = Callable[[int, int], None]

_NAME = re.compile(r"[/\w.\- :]{1,250}")
_NUMBER_OF = {status: number for number, status in enumerate(STATUSES, 1)}
_FOLDERS = ("artifacts", "metrics", "params", "tags")  # MLflow 3 wants the first three to be there
_TRASH = ".trash"
_MOST_WAITING = 1_000_000
_SMALL = 4 << 20  # bytes of lines that are read once for each metric, which is faster
_STAGES = {"staging": "Staging", "production": "Production", "archived": "Archived"}


class Exported(NamedTuple):
    """How many runs were written, and how many were there already."""

    runs: int
    known: int


def export(
    store: Store,
    target: Path,
    folders: Sequence[Path],
    left: Left,
    *,
    progress: Progress = lambda _done, _all: None,
) -> Exported:
    """Write runs, their experiments and all registered models into a file store.

    Each run appears whole or not at all; one that is there already stays as it is.

    Raises:
        AlreadyExistsError: the target holds something else.
        StoreError: it cannot be written.
    """
    target = target.absolute()
    if target.exists() and any(target.iterdir()) and not (target / "0" / "meta.yaml").is_file():
        raise AlreadyExistsError(f"{target} holds something else", hint="name a new folder")
    try:
        files.make_folder(target)
        writer = _Writer(store, target, left)
        for done, folder in enumerate(folders, 1):
            writer.run(folder)
            progress(done, len(folders))
        for model in Registry(store).models():
            writer.model(model)
        return Exported(writer.runs, writer.known)
    except OSError as error:
        raise StoreError(
            f"cannot write {error.filename or target}: {error.strerror or error}",
            hint="check space and rights; the same command goes on",
        ) from error


class _Writer:
    def __init__(self, store: Store, target: Path, left: Left) -> None:
        self.runs = self.known = 0
        self._store = store
        self._target = target
        self._left = left
        self._experiments = {item.experiment_id: item for item in store.experiments(deleted=True)}
        for experiment in self._experiments.values():
            self._experiment(experiment)

    def _folder(self, experiment: Experiment) -> Path:
        number = experiment_number(experiment.experiment_id)
        return self._target / _TRASH / number if experiment.deleted else self._target / number

    def _experiment(self, experiment: Experiment) -> None:
        folder = self._folder(experiment)
        folder.mkdir(parents=True, exist_ok=True)
        times = [
            time
            for entry in (self._store.root / experiment.experiment_id).glob("2*")
            if (time := paths.time_of(entry.name)) is not None
        ]
        meta = {
            "artifact_location": (self._target / folder.name).as_uri(),
            "creation_time": min(times, default=0),
            "experiment_id": folder.name,
            "last_update_time": max(times, default=0),
            "lifecycle_stage": "deleted" if experiment.deleted else "active",
            "name": experiment.name,
        }
        (folder / "meta.yaml").write_text(_yaml(meta), encoding="utf-8")
        note = {NOTE_TAG: experiment.description} if experiment.description else {}
        self._texts(folder / "tags", {**experiment.tags, **note})

    def run(self, folder: Path) -> None:
        """Write one run."""
        try:
            run = read_run(folder)
        except RunBeingMadeError:
            return
        except GittrackError as error:
            self._left.add(folder, f"is left out: {error.message}", hint=error.hint)
            return
        experiment = self._folder(self._experiments[run.experiment_id])
        final = experiment / run.run_id
        if final.exists():
            self.known += 1
            return
        temporary = self._target / paths.temporary_name()
        try:
            for name in _FOLDERS:
                (temporary / name).mkdir(parents=True)
            self._fill(temporary, run, experiment)
            temporary.rename(final)
            self.runs += 1
        except OSError:
            if not final.exists():  # else another export was faster
                raise
            self.known += 1
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def _fill(self, folder: Path, run: StoredRun, experiment: Path) -> None:
        record = run.record
        is_deleted = run.deleted or experiment.parent.name == _TRASH
        meta: dict[str, Any] = {
            "artifact_uri": (self._target / experiment.name / run.run_id / "artifacts").as_uri(),
            "end_time": record.end_time,
            "entry_point_name": "",
            "experiment_id": experiment.name,
            "lifecycle_stage": "deleted" if is_deleted else "active",
            "run_id": run.run_id,
            "run_name": record.name,
            "run_uuid": run.run_id,
            "source_name": "",
            "source_type": 4,
            "source_version": "",
            "start_time": record.start_time,
            "status": _NUMBER_OF[record.status],
            "tags": [],
            "user_id": record.user or "",
        }
        if is_deleted:
            meta["deleted_time"] = record.end_time or record.start_time
        (folder / "meta.yaml").write_text(_yaml(meta), encoding="utf-8")
        params = {name: param_text(value) for name, value in record.params.items()}
        self._texts(folder / "params", params)
        self._texts(folder / "tags", {**system_tags(record, run.note), **record.tags})
        self._metrics(folder / "metrics", run)
        self._inputs(folder / "inputs", run, experiment)
        if run.artifacts.exists():
            copying.copy(run.artifacts, folder / "artifacts", self._left.extend)

    def _texts(self, folder: Path, texts: Mapping[str, str]) -> None:
        if texts:
            folder.mkdir(exist_ok=True)
        for name, text in texts.items():
            if (path := self._place(folder, name)) is not None:
                try:
                    path.write_bytes(text.encode(errors="surrogatepass"))
                except IsADirectoryError:
                    self._left.add(folder, f"{name!r} is left out: others begin with it and /")

    def _place(self, folder: Path, name: str) -> Path | None:
        """Return where MLflow keeps what has a name; None where it could not read it."""
        is_plain = posixpath.normpath(name) == name and not name.startswith((".", "/"))
        try:
            if is_plain and _NAME.fullmatch(name):
                if "/" in name:
                    (folder / name).parent.mkdir(parents=True, exist_ok=True)
                return folder / name
        except (FileExistsError, NotADirectoryError):
            self._left.add(folder, f"{name!r} is left out: another is named as its beginning")
            return None
        self._left.add(folder, f"{name!r} is left out: MLflow takes no such name")
        return None

    def _metrics(self, folder: Path, run: StoredRun) -> None:
        waiting: dict[str, list[str]] = {}
        places = {name: self._place(folder, name) for name in run.record.metrics}

        def take(entry: dict[str, Any]) -> None:
            for name, value in entry.get("metrics", {}).items():
                text = f"{entry['time']} {metric_value(value)!r} {entry.get('step', 0)}\n"
                waiting.setdefault(name, []).append(text)
            if sum(map(len, waiting.values())) > _MOST_WAITING:
                flush()

        def flush() -> None:
            for name, texts in waiting.items():
                if texts and (path := places.get(name)) is not None:
                    with path.open("a", encoding="utf-8") as file:
                        file.writelines(texts)
            waiting.clear()

        present = lines.line_files(run.folder)
        if sum(run.record.files.values()) < _SMALL:
            for name in run.record.metrics:
                points = series.history(present, name)
                waiting[name] = [f"{time} {value!r} {step}\n" for step, time, value in points]
        else:
            for path in present:
                self._left.extend(jsonlines.read_lines(path, take).problems)
        flush()
        # A history that is not here, as where only records are committed: MLflow fails on a
        # metric without a value.
        for name, known in run.record.metrics.items():
            if (place := places[name]) is not None and not place.exists():
                time = run.record.end_time or run.record.start_time
                waiting[name] = [f"{time} {known.last!r} {known.step}\n"]
        flush()

    def _inputs(self, folder: Path, run: StoredRun, experiment: Path) -> None:
        for given, entry in zip(
            run.record.inputs, map(dataset_input_of, run.record.inputs), strict=True
        ):
            dataset = entry.dataset
            number = _md5(dataset.name, dataset.digest)
            source = str(given.get("source", ""))
            meta = {
                "digest": dataset.digest,
                "name": dataset.name,
                "profile": dataset.profile,
                "schema": dataset.schema,
                "source": source if source.startswith("{") else dataset.source or json.dumps({}),
                "source_type": dataset.source_type or "local",
            }
            place = experiment / "datasets" / number / "meta.yaml"
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(_yaml(meta), encoding="utf-8")
            link = {
                "destination_id": run.run_id,
                "destination_type": "RUN",
                "source_id": number,
                "source_type": "DATASET",
                "tags": {tag.key: tag.value for tag in entry.tags},
            }
            place = folder / _md5(number, run.run_id) / "meta.yaml"
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(_yaml(link), encoding="utf-8")

    def model(self, model: RegisteredModel) -> None:
        """Write a registered model with its versions and aliases."""
        folder = self._target / "models" / model.name
        found = Registry(self._store).versions(model.name)
        self._left.extend(found.problems)
        folder.mkdir(parents=True, exist_ok=True)
        times = [version.time for version in found.versions]
        meta = {
            "aliases": {alias: str(number) for alias, number in model.aliases.items()},
            "creation_timestamp": min(times, default=0),
            "description": model.note,
            "last_updated_timestamp": max([*times, model.changed], default=0),
            "name": model.name,
        }
        (folder / "meta.yaml").write_text(_yaml(meta), encoding="utf-8")
        self._texts(folder / "tags", model.tags)
        self._texts(folder / "aliases", {name: str(n) for name, n in model.aliases.items()})
        for version in found.versions:
            stages = [_STAGES[name.lower()] for name in version.aliases if name.lower() in _STAGES]
            source = self._source(version.run_id, version.path)
            said = {
                "aliases": list(version.aliases),
                "creation_timestamp": version.time,
                "current_stage": stages[0] if stages else "None",
                "description": version.note,
                "last_updated_timestamp": max(version.time, version.changed),
                "name": model.name,
                "run_id": version.run_id,
                "run_link": None,
                "source": source,
                "status": "READY",
                "status_message": None,
                "storage_location": source,
                "user_id": version.user,
                "version": version.number,
            }
            place = folder / f"version-{version.number}"
            place.mkdir(exist_ok=True)
            (place / "meta.yaml").write_text(_yaml(said), encoding="utf-8")
            self._texts(place / "tags", version.tags)

    def _source(self, run_id: str, path: str) -> str:
        places = [folder / run_id for folder in map(self._folder, self._experiments.values())]
        run = next((place for place in places if place.is_dir()), places[0])
        return (run / "artifacts" / path).as_uri()


def experiment_number(folder: str) -> str:
    """Return the id that MLflow gets for an experiment: the same for the same, whoever asks."""
    if folder == paths.DEFAULT_FOLDER:
        return "0"
    digest = int(hashlib.sha256(folder.encode()).hexdigest()[:15], 16)
    return str(10**17 + digest % (9 * 10**17))


def _md5(*texts: str) -> str:
    return hashlib.md5("".join(texts).encode(), usedforsecurity=False).hexdigest()


def _yaml(entries: Mapping[str, Any]) -> str:
    return "".join(f"{name}: {_yaml_value(value)}\n" for name, value in entries.items())


def _yaml_value(value: Any) -> str:
    if isinstance(value, dict):
        pairs: Iterable[str] = (f"{_yaml_value(k)}: {_yaml_value(v)}" for k, v in value.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_yaml_value, value))}]"
    if isinstance(value, str):
        # Python's escapes are those that YAML has between double quotes.
        escaped = value.encode("unicode_escape").decode("ascii").replace('"', '\\"')
        return f'"{escaped}"'
    return "null" if value is None else str(value)
