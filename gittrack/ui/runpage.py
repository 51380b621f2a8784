"""One run, as its page shows it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gittrack import files, paths
from gittrack.errors import ModelError
from gittrack.git import history
from gittrack.models import mlmodel
from gittrack.runs.values import param_text
from gittrack.ui import artifactview, words
from gittrack.ui.table import git_of

if TYPE_CHECKING:
    from pathlib import Path

    from gittrack.files import Problem
    from gittrack.git.history import Described
    from gittrack.models.specs import Schema
    from gittrack.runs.reading import StoredRun
    from gittrack.ui.artifactview import Folder
    from gittrack.ui.source import Runs

_MOST_LOG = 200_000
_MOST_TEXT = 400_000
_SHORT = 10


@dataclass(frozen=True)
class Relative:
    """A parent or child of a run."""

    run_id: str
    name: str
    state: str
    known: bool = True


@dataclass(frozen=True)
class Text:
    """A text file of a run: its size, and what is shown of it."""

    name: str
    size: int
    shown: Any
    cut: bool = False


@dataclass(frozen=True)
class ModelCard:
    """A model among the artifacts of a run."""

    path: str
    flavors: tuple[str, ...]
    inputs: tuple[tuple[str, str], ...]
    outputs: tuple[tuple[str, str], ...]
    requirements: str
    broken: str = ""


def context(run: StoredRun, runs: Runs) -> dict[str, Any]:
    """Return what the template of a run's page needs."""
    record = run.record
    problems: list[Problem] = list(run.problems)
    artifacts = artifactview.tree(run.artifacts, problems)
    patch = _text(run.local, paths.SOURCE_PATCH, problems)
    return {
        "run": run,
        "record": record,
        "state": runs.state(run),
        "duration": record.end_time - record.start_time if record.end_time else None,
        "note": words.markdown(run.note) if run.note.strip() else None,
        "params": [(name, param_text(value)) for name, value in sorted(record.params.items())],
        "metrics": sorted(record.metrics.items()),
        "tags": sorted(record.tags.items()),
        "parent": _parent(run, runs),
        "children": _children(run, runs),
        "git": git_of(run),
        "commit": _commit(run, runs),
        "project": _map(record.source.get("project")),
        "command": str(record.source.get("command") or ""),
        "rerun": rerun(run),
        "artifacts": artifacts,
        "open_folders": artifactview.is_small(artifacts),
        "models": [card(run.artifacts, folder) for folder in artifactview.models(artifacts)],
        "patch": patch,
        "requirements": _text(run.local, paths.REQUIREMENTS, problems),
        "output": _output(run.local, problems),
        "problems": problems,
    }


def _commit(run: StoredRun, runs: Runs) -> Described | None:
    commit = git_of(run).get("commit")
    return history.describe(commit, cwd=runs.store.root.parent) if isinstance(commit, str) else None


def rerun(run: StoredRun) -> str:
    """Return the commands that bring back the code of a run and start it once more."""
    git = git_of(run)
    lines: list[str] = []
    if isinstance(commit := git.get("commit"), str):
        lines.append(f"git checkout --detach {shlex.quote(commit[:_SHORT])}")
        if git.get("dirty") and (run.local / paths.SOURCE_PATCH).is_file():
            place = f"{paths.STORE}/{run.experiment_id}/{run.folder.name}/{paths.SOURCE_PATCH}"
            lines.append(f"git apply {shlex.quote(place)}")
    project = _map(run.record.source.get("project"))
    if project.get("uri"):
        words_ = ["gittrack", "run", str(project["uri"])]
        if project.get("entry_point") not in (None, "main"):
            words_ += ["-e", str(project["entry_point"])]
        for name, value in sorted(run.record.params.items()):
            words_ += ["-P", f"{name}={param_text(value)}"]
        lines.append(shlex.join(words_))
    elif command := run.record.source.get("command"):
        lines.append(str(command))
    return "\n".join(lines)


def card(artifacts: Path, folder: Folder) -> ModelCard:
    """Return what a run's page says of a model."""
    place = artifacts / folder.path if folder.path else artifacts
    try:
        model = mlmodel.read(place)
    except ModelError as error:
        return ModelCard(folder.path, (), (), (), "", broken=error.message)
    needs = _text(place, paths.REQUIREMENTS, [])
    return ModelCard(
        path=folder.path,
        flavors=tuple(sorted(model.flavors)),
        inputs=_schema(model.get_input_schema()),
        outputs=_schema(model.get_output_schema()),
        requirements=str(needs.shown) if needs is not None else "",
    )


def _schema(schema: Schema | None) -> tuple[tuple[str, str], ...]:
    if schema is None:
        return ()
    rows = []
    for place, entry in enumerate(json.loads(schema.to_json())):
        if entry.get("type") == "tensor":
            tensor = entry.get("tensor-spec", {})
            kind = f"{tensor.get('dtype')} {tuple(tensor.get('shape', ()))}"
        else:
            kind = str(entry.get("type"))
        if entry.get("required") is False:
            kind += ", optional"
        rows.append((str(entry.get("name", place)), kind))
    return tuple(rows)


def _parent(run: StoredRun, runs: Runs) -> Relative | None:
    if run.record.parent is None:
        return None
    for other in runs.changes().runs:
        if other.run_id == run.record.parent:
            return Relative(other.run_id, other.record.name, runs.state(other))
    return Relative(run.record.parent, run.record.parent, "", known=False)


def _children(run: StoredRun, runs: Runs) -> list[Relative]:
    return [
        Relative(other.run_id, other.record.name, runs.state(other))
        for other in reversed(runs.all())
        if other.record.parent == run.run_id and not other.deleted
    ]


def _text(folder: Path, name: str, problems: list[Problem]) -> Text | None:
    """Return the beginning of a text file; None where there is none."""
    path = folder / name
    try:
        with files.open_plain(path) as file:
            data = file.read(_MOST_TEXT + 1)
        size = path.lstat().st_size
    except FileNotFoundError:
        return None
    except OSError as error:
        problems.append(files.Problem(path, error.strerror or str(error)))
        return None
    shown: Any = data[:_MOST_TEXT].decode("utf-8", "replace")
    if name == paths.SOURCE_PATCH:
        shown = words.coloured(shown, language="diff")
    return Text(name, size, shown, cut=len(data) > _MOST_TEXT)


def _output(folder: Path, problems: list[Problem]) -> Text | None:
    """Return the end of what a project printed."""
    path = folder / paths.OUTPUT_LOG
    try:
        with files.open_plain(path) as file:
            size = file.seek(0, 2)
            file.seek(max(size - _MOST_LOG, 0))
            data = file.read(_MOST_LOG)
    except FileNotFoundError:
        return None
    except OSError as error:
        problems.append(files.Problem(path, error.strerror or str(error)))
        return None
    shown = words.terminal(data.decode("utf-8", "replace"))
    return Text(paths.OUTPUT_LOG, size, shown, cut=size > _MOST_LOG)


def _map(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
