"""What differs between two runs: params, metrics, tags, code, environment, datasets, artifacts."""

from __future__ import annotations

import filecmp
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from gittrack import files, paths
from gittrack.errors import ToolError
from gittrack.files import Problem
from gittrack.git import changes
from gittrack.runs.values import ParamValue, same_param

if TYPE_CHECKING:
    from gittrack.git.changes import FileChange
    from gittrack.runs.reading import StoredRun
    from gittrack.runs.record import MetricSummary
    from gittrack.runs.store import Store

MAX_REQUIREMENTS = 4 * 1024 * 1024
_REQUIREMENT = re.compile(r"([A-Za-z0-9][\w.-]*)\s*(.*)")


class Absent:
    """What a run has under a key that it does not have; a param can be None."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT = Absent()
Side: TypeAlias = "ParamValue | Absent"


class Change(NamedTuple):
    """An entry that differs; `ABSENT` on the side of the run that lacks it."""

    name: str
    first: Side
    second: Side

    def to_dict(self) -> dict[str, object]:
        """Return it as JSON; a side that is absent has no key."""
        sides = {"first": self.first, "second": self.second}
        present = {side: value for side, value in sides.items() if value is not ABSENT}
        return {"name": self.name, **present}


class MetricChange(NamedTuple):
    """A metric whose last value differs; None on the side of the run that lacks it."""

    name: str
    first: float | None
    second: float | None

    @property
    def change(self) -> float | None:
        """The second less the first; None where that is no finite number."""
        if self.first is None or self.second is None:
            return None
        change = self.second - self.first
        return change if math.isfinite(change) else None

    @property
    def relative(self) -> float | None:
        """The change as a part of the first; None where that is no finite number."""
        if self.change is None or not self.first:
            return None
        relative = self.change / abs(self.first)
        return relative if math.isfinite(relative) else None

    def to_dict(self) -> dict[str, object]:
        """Return it as JSON; what does not exist has no key."""
        values = (self.first, self.second, self.change, self.relative)
        entries = zip(("first", "second", "change", "relative"), values, strict=True)
        return {"name": self.name, **{key: value for key, value in entries if value is not None}}


class DatasetChange(NamedTuple):
    """A dataset whose content differs: its digests, None on the side of the run that lacks it."""

    name: str
    context: str
    first: str | None
    second: str | None

    def to_dict(self) -> dict[str, object]:
        """Return it as JSON; a side that is absent has no key."""
        return {key: value for key, value in self._asdict().items() if value or key == "name"}


class ArtifactChange(NamedTuple):
    """An artifact whose content differs: its sizes, None on the side of the run that lacks it."""

    path: str
    first: int | None
    second: int | None

    def to_dict(self) -> dict[str, object]:
        """Return it as JSON; a side that is absent has no key."""
        sides = {"first": self.first, "second": self.second}
        sizes = {side: {"size": size} for side, size in sides.items() if size is not None}
        return {"path": self.path, **sizes}


@dataclass(frozen=True)
class Difference:
    """All that differs between two runs, and nothing else.

    Attributes:
        code: commit, branch, patch, project and command.
        files: the files that differ between the two commits.
        unknown: why `files` is not known, or "".
        environment: Python and platform.
        problems: what could not be compared, which may differ or not.
    """

    first: StoredRun
    second: StoredRun
    params: tuple[Change, ...] = ()
    metrics: tuple[MetricChange, ...] = ()
    tags: tuple[Change, ...] = ()
    code: tuple[Change, ...] = ()
    files: tuple[FileChange, ...] = ()
    unknown: str = ""
    environment: tuple[Change, ...] = ()
    packages: tuple[Change, ...] = ()
    datasets: tuple[DatasetChange, ...] = ()
    artifacts: tuple[ArtifactChange, ...] = ()
    problems: tuple[Problem, ...] = ()

    def __bool__(self) -> bool:
        """Tell whether anything differs."""
        return any(
            (
                self.params,
                self.metrics,
                self.tags,
                self.code,
                self.files,
                self.environment,
                self.packages,
                self.datasets,
                self.artifacts,
            )
        )

    def to_dict(self) -> dict[str, object]:
        """Return it as JSON."""
        code: dict[str, object] = {
            "entries": [change.to_dict() for change in self.code],
            "files": [dict(change._asdict()) for change in self.files],
        }
        if self.unknown:
            code["unknown"] = self.unknown
        return {
            "first": _named(self.first),
            "second": _named(self.second),
            "different": bool(self),
            "params": [change.to_dict() for change in self.params],
            "metrics": [change.to_dict() for change in self.metrics],
            "tags": [change.to_dict() for change in self.tags],
            "code": code,
            "environment": {
                "entries": [change.to_dict() for change in self.environment],
                "packages": [change.to_dict() for change in self.packages],
            },
            "datasets": [change.to_dict() for change in self.datasets],
            "artifacts": [change.to_dict() for change in self.artifacts],
        }


def compare(first: StoredRun, second: StoredRun, store: Store) -> Difference:
    """Return what differs between two runs; code is looked up in the store's repository."""
    one, other = first.record, second.record
    code_files, unknown = _code_files(first, second, store)
    problems: list[Problem] = []
    packages = [_packages(run.local, problems) for run in (first, second)]
    return Difference(
        first=first,
        second=second,
        params=_params(one.params, other.params),
        metrics=_metrics(one.metrics, other.metrics),
        tags=_changes(one.tags, other.tags),
        code=_code_changes(first, second),
        files=code_files,
        unknown=unknown,
        environment=_changes(_environment(first), _environment(second), sort=False),
        packages=_package_changes(*packages),
        datasets=_datasets(one.inputs, other.inputs),
        artifacts=_artifacts(first.artifacts, second.artifacts, problems),
        problems=tuple(problems),
    )


def text_of(value: object) -> str:
    """Return any JSON value of a record as text."""
    try:
        return str(value)
    except RecursionError:
        return "nested too deeply"


def _changes(
    first: Mapping[str, ParamValue], second: Mapping[str, ParamValue], *, sort: bool = True
) -> tuple[Change, ...]:
    names: Iterable[str] = {**first, **second}
    pairs = [
        Change(name, first.get(name, ABSENT), second.get(name, ABSENT))
        for name in (sorted(names) if sort else names)
    ]
    return tuple(pair for pair in pairs if pair.first != pair.second)


def _params(
    first: Mapping[str, ParamValue], second: Mapping[str, ParamValue]
) -> tuple[Change, ...]:
    pairs = [
        Change(name, first.get(name, ABSENT), second.get(name, ABSENT))
        for name in sorted({**first, **second})
    ]
    return tuple(pair for pair in pairs if not _same(pair.first, pair.second))


def _same(first: Side, second: Side) -> bool:
    if isinstance(first, Absent) or isinstance(second, Absent):
        return first is second
    return same_param(first, second)


def _metrics(
    first: Mapping[str, MetricSummary], second: Mapping[str, MetricSummary]
) -> tuple[MetricChange, ...]:
    pairs = [
        MetricChange(
            name,
            first[name].last if name in first else None,
            second[name].last if name in second else None,
        )
        for name in sorted({**first, **second})
    ]
    return tuple(pair for pair in pairs if not _same_metric(pair.first, pair.second))


def _same_metric(first: float | None, second: float | None) -> bool:
    if first is None or second is None:
        return first is second
    return first == second or (math.isnan(first) and math.isnan(second))


def _code(run: StoredRun) -> dict[str, ParamValue]:
    source = run.record.source
    git, project = source.get("git"), source.get("project")
    entries: dict[str, object] = {}
    if isinstance(git, Mapping):
        entries = {name: git.get(name) for name in ("commit", "branch", "remote")}
        entries["uncommitted"] = bool(git.get("dirty"))
        entries["patch"] = git.get("patch_sha256")
    if isinstance(project, Mapping):
        entries["project"] = project.get("uri")
        entries["entry point"] = project.get("entry_point")
    entries["command"] = source.get("command")
    return _present(entries)


def _code_changes(first: StoredRun, second: StoredRun) -> tuple[Change, ...]:
    one, other = _code(first), _code(second)
    keys = ("project", "entry point")
    if one.get("project") and all(one.get(key) == other.get(key) for key in keys):
        # Their commands are made of the params, which are compared on their own.
        one.pop("command", None)
        other.pop("command", None)
    return _changes(one, other, sort=False)


def _environment(run: StoredRun) -> dict[str, ParamValue]:
    return _present({"python": run.record.python, "platform": run.record.platform})


def _present(entries: Mapping[str, object]) -> dict[str, ParamValue]:
    return {
        name: value for name, value in entries.items() if isinstance(value, (str, bool, int, float))
    }


def _code_files(
    first: StoredRun, second: StoredRun, store: Store
) -> tuple[tuple[FileChange, ...], str]:
    commits = [_code(run).get("commit") for run in (first, second)]
    one, other = (commit if isinstance(commit, str) else "" for commit in commits)
    if one == other or not one or not other:
        return (), ""
    folder = next((path for path in (store.root, *store.root.parents) if path.is_dir()), store.root)
    try:
        return tuple(changes.between(one, other, cwd=folder)), ""
    except ToolError as error:
        return (), error.message


def _packages(folder: Path, problems: list[Problem]) -> dict[str, ParamValue]:
    """Return the packages of a run's requirements.txt and their versions."""
    path = folder / paths.REQUIREMENTS
    try:
        text = files.read_bytes(path, most=MAX_REQUIREMENTS).decode("utf-8", "replace")
    except FileNotFoundError:
        return {}
    except OSError as error:
        problems.append(Problem(path, error.strerror or str(error)))
        return {}
    packages: dict[str, ParamValue] = {}
    for line in text.splitlines():
        entry = line.strip()
        if not entry or entry.startswith("#"):
            continue
        match = _REQUIREMENT.fullmatch(entry)
        name, version = (match[1].lower(), match[2]) if match else (entry, "")
        packages[name] = version.removeprefix("==")
    return packages


def _package_changes(
    first: Mapping[str, ParamValue], second: Mapping[str, ParamValue]
) -> tuple[Change, ...]:
    # Where one run recorded none at all, a list of all packages of the other would say nothing.
    return _changes(first, second) if first and second else ()


def _datasets(
    first: Sequence[Mapping[str, Any]], second: Sequence[Mapping[str, Any]]
) -> tuple[DatasetChange, ...]:
    one, other = _digests(first), _digests(second)
    return tuple(
        DatasetChange(*key, one.get(key), other.get(key))
        for key in sorted({**one, **other})
        if one.get(key) != other.get(key)
    )


def _digests(inputs: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], str]:
    """Return the digests of datasets by name and context, all of them where a name has several."""
    found: dict[tuple[str, str], set[str]] = {}
    for item in inputs:
        name, context, digest = (
            text_of(item.get(key, "")) for key in ("name", "context", "digest")
        )
        found.setdefault((name, context), set()).add(digest)
    return {key: ", ".join(sorted(digests)) for key, digests in found.items()}


def _artifacts(first: Path, second: Path, problems: list[Problem]) -> tuple[ArtifactChange, ...]:
    one, other = (files.sizes(folder, problems) for folder in (first, second))
    changes = [
        ArtifactChange(path, one.get(path), other.get(path)) for path in sorted({**one, **other})
    ]
    return tuple(
        change
        for change in changes
        if change.first is None
        or change.second is None
        or not _same_file(first / change.path, second / change.path, problems)
    )


def _same_file(first: Path, second: Path, problems: list[Problem]) -> bool:
    try:
        # A link is its text: what it leads to may be anywhere, and anything.
        if first.is_symlink() or second.is_symlink():
            links = [path.readlink() if path.is_symlink() else None for path in (first, second)]
            return links[0] == links[1]
        return filecmp.cmp(first, second, shallow=False)
    except OSError as error:
        problems.append(Problem(Path(error.filename or first), error.strerror or str(error)))
        return True


def _named(run: StoredRun) -> dict[str, object]:
    record = run.record
    return {"run_id": run.run_id, "name": record.name, "experiment": record.experiment}
