"""The difference of two runs: params, metrics, tags, code, environment, data, models, artifacts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

from gittrack import notebook
from gittrack.compare import code
from gittrack.compare.artifacts import ArtifactChange, artifact_pairs, model_pairs
from gittrack.compare.changes import Change, MetricChange, metric_pairs, pairs, param_pairs, text_of
from gittrack.compare.directions import configured, direction_of
from gittrack.compare.environment import environment_of, package_pairs, read_packages
from gittrack.compare.sparklines import course

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from gittrack.files import Problem
    from gittrack.git.changes import FileChange
    from gittrack.runs.reading import StoredRun
    from gittrack.runs.store import Store

# The fields of each part that can be asked for on its own.
PARTS: Mapping[str, tuple[str, ...]] = {
    "params": ("params",),
    "metrics": ("metrics",),
    "tags": ("tags",),
    "code": ("code", "files", "patch", "unknown"),
    "environment": ("environment", "packages"),
    "datasets": ("datasets",),
    "models": ("models",),
    "artifacts": ("artifacts",),
}
_TRENDS = 50


class DatasetChange(NamedTuple):
    """A dataset: its digests, None on the side of the run that lacks it."""

    name: str
    context: str
    first: str | None
    second: str | None

    @property
    def differs(self) -> bool:
        """Whether the digests are not the same."""
        return self.first != self.second

    def to_dict(self) -> dict[str, object]:
        """Return it as JSON; a side that is absent has no key."""
        return {key: value for key, value in self._asdict().items() if value or key == "name"}


class _Differing(Protocol):
    @property
    def differs(self) -> bool: ...


_Entry = TypeVar("_Entry", Change, MetricChange, DatasetChange)


@dataclass(frozen=True)
class Difference:
    """All that differs between two runs, and what is the same where it was asked for.

    Attributes:
        code: commit, branch, patch, project and command.
        files: the files that differ between the two recorded states of the code.
        patch: what differs in them, where it was asked for.
        unknown: why `files` is not known, or not in full, or "".
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
    patch: str = ""
    unknown: str = ""
    environment: tuple[Change, ...] = ()
    packages: tuple[Change, ...] = ()
    datasets: tuple[DatasetChange, ...] = ()
    models: tuple[Change, ...] = ()
    artifacts: tuple[ArtifactChange, ...] = ()
    problems: tuple[Problem, ...] = ()

    def __bool__(self) -> bool:
        """Tell whether anything differs."""
        parts: tuple[Sequence[_Differing], ...] = (
            *(self.params, self.metrics, self.tags, self.code, self.environment),
            *(self.packages, self.datasets, self.models, self.artifacts),
        )
        return bool(self.files) or any(entry.differs for part in parts for entry in part)

    def _repr_html_(self) -> str:
        return notebook.difference(self.to_dict())

    def only(self, parts: Collection[str]) -> Difference:
        """Return some `PARTS` of it; all where none are named."""
        if not parts:
            return self
        dropped = {key for part, keys in PARTS.items() if part not in parts for key in keys}
        nothing: dict[str, Any] = {
            key: "" if isinstance(getattr(self, key), str) else () for key in dropped
        }
        return replace(self, **nothing)

    def to_dict(self) -> dict[str, object]:
        """Return it as JSON."""
        code: dict[str, object] = {
            "entries": [change.to_dict() for change in self.code],
            "files": [dict(change._asdict()) for change in self.files],
        }
        code |= {key: getattr(self, key) for key in ("patch", "unknown") if getattr(self, key)}
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
            "models": [change.to_dict() for change in self.models],
            "artifacts": [change.to_dict() for change in self.artifacts],
        }


def compare(
    first: StoredRun,
    second: StoredRun,
    store: Store,
    *,
    everything: bool = False,
    patch: bool = False,
) -> Difference:
    """Return what differs between two runs; code is looked up in the store's repository.

    Args:
        everything: also the entries that are the same.
        patch: also what differs in the files of the code, as a patch.
    """
    one, other = first.record, second.record
    changed = code.compare_code(first, second, store.root, text=patch)
    problems: list[Problem] = []
    packages = [read_packages(run.local, problems) for run in (first, second)]

    def shown(entries: Sequence[_Entry]) -> tuple[_Entry, ...]:
        return tuple(entry for entry in entries if everything or entry.differs)

    return Difference(
        first=first,
        second=second,
        params=shown(param_pairs(one.params, other.params)),
        metrics=_with_trends(
            shown(metric_pairs(one.metrics, other.metrics)), (first, second), store
        ),
        tags=shown(pairs(one.tags, other.tags)),
        code=shown(code.source_pairs(first, second)),
        files=changed.files,
        patch=changed.patch,
        unknown=changed.unknown,
        environment=shown(pairs(environment_of(first), environment_of(second), sort=False)),
        packages=shown(package_pairs(*packages)),
        datasets=shown(_datasets(one.inputs, other.inputs)),
        models=shown(_models_of(first, second, problems)),
        artifacts=artifact_pairs(
            first.artifacts, second.artifacts, problems, everything=everything
        ),
        problems=tuple(problems),
    )


def _models_of(first: StoredRun, second: StoredRun, problems: list[Problem]) -> tuple[Change, ...]:
    return model_pairs(first.artifacts, second.artifacts, problems)


def _with_trends(
    metrics: Sequence[MetricChange], runs: tuple[StoredRun, StoredRun], store: Store
) -> tuple[MetricChange, ...]:
    directions = configured(store.root)
    first, second = runs
    return tuple(
        metric._replace(
            direction=direction_of(metric.name, directions),
            trends=(course(first, metric.name), course(second, metric.name))
            if number < _TRENDS
            else ("", ""),
        )
        for number, metric in enumerate(metrics)
    )


def _datasets(
    first: Sequence[Mapping[str, Any]], second: Sequence[Mapping[str, Any]]
) -> tuple[DatasetChange, ...]:
    one, other = _digests(first), _digests(second)
    return tuple(
        DatasetChange(*key, one.get(key), other.get(key)) for key in sorted({**one, **other})
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


def _named(run: StoredRun) -> dict[str, object]:
    record = run.record
    return {"run_id": run.run_id, "name": record.name, "experiment": record.experiment}
