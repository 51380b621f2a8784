"""What a filter can look at: names of entities and attributes, and how a run answers to them."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from gittrack.entities import system_tags
from gittrack.search.syntax import All, Either, Entity, Key, Node, Not, Order

if TYPE_CHECKING:
    from gittrack.runs.reading import StoredRun
    from gittrack.runs.values import ParamValue

Answer = str | float | None

ENTITIES: Mapping[str, Entity] = {
    "metrics": "metric",
    "metric": "metric",
    "params": "param",
    "param": "param",
    "parameters": "param",
    "parameter": "param",
    "tags": "tag",
    "tag": "tag",
    "attributes": "attribute",
    "attribute": "attribute",
    "attr": "attribute",
    "run": "attribute",
    "datasets": "dataset",
    "dataset": "dataset",
}
DATASET_KEYS = ("name", "digest", "context")
_SYSTEM = "mlflow."
TIMES = ("start_time", "end_time")

_ATTRIBUTES: Mapping[str, Callable[[StoredRun], Answer]] = {
    "run_id": lambda run: run.run_id,
    "run_name": lambda run: run.record.name,
    "experiment": lambda run: run.record.experiment,
    "experiment_id": lambda run: run.experiment_id,
    "status": lambda run: run.record.status,
    "user_id": lambda run: run.record.user,
    "artifact_uri": lambda run: str(run.artifacts),
    "start_time": lambda run: run.record.start_time,
    "end_time": lambda run: run.record.end_time,
    "parent": lambda run: run.record.parent,
    "commit": lambda run: _git(run, "commit"),
    "branch": lambda run: _git(run, "branch"),
}
_ALIASES = {"run name": "run_name", "name": "run_name", "user": "user_id", "created": "start_time"}


class Subject(NamedTuple):
    """What is searched for: the kinds of entry that it has, and its attributes as a run's."""

    noun: str
    entities: frozenset[Entity]
    attributes: Mapping[str, str]

    def attribute(self, name: str) -> str | None:
        """Return the name an attribute is stored under; None where there is no such one."""
        return self.attributes.get(name.lower())

    def names(self) -> list[str]:
        """Return everything that may stand at the beginning of a clause."""
        words = [word for word, entity in ENTITIES.items() if entity in self.entities]
        return [*words, *self.attributes]


RUNS = Subject(
    "runs", frozenset(ENTITIES.values()), {**{name: name for name in _ATTRIBUTES}, **_ALIASES}
)
# An experiment is looked at as a run of its name, id and tags, from its beginning to its last
# change.
EXPERIMENTS = Subject(
    "experiments",
    frozenset({"tag", "attribute"}),
    {
        "name": "run_name",
        "experiment_id": "experiment_id",
        "creation_time": "start_time",
        "last_update_time": "end_time",
    },
)


def text_or_number(run: StoredRun, key: Key) -> Answer:
    """Return what a run has as this metric, tag or attribute; None where it has nothing."""
    if key.entity == "metric":
        summary = run.record.metrics.get(key.name)
        return None if summary is None else summary.last
    if key.entity == "tag":
        value = run.record.tags.get(key.name)
        if value is None and key.name.startswith(_SYSTEM):
            return system_tags(run.record, run.note).get(key.name)
        return value
    return _ATTRIBUTES[key.name](run)


def param(run: StoredRun, key: Key) -> tuple[bool, ParamValue]:
    """Return whether a run has a param, and its value, which may be None."""
    return key.name in run.record.params, run.record.params.get(key.name)


def dataset_values(run: StoredRun, key: Key) -> list[str]:
    """Return what the run's datasets have under a key."""
    return [value for item in run.record.inputs if isinstance(value := item.get(key.name), str)]


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the known name that a misspelt one is closest to, or ""."""
    by_lower = {item.lower(): item for item in known}
    close = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[close[0]] if close else ""


def unknown_keys(node: Node, runs: Iterable[StoredRun], orders: Iterable[Order] = ()) -> list[str]:
    """Return a sentence for each metric, param or tag that no run has, with the nearest name.

    Those of a filter, and of an order.
    """
    seen = list(runs)
    asked = [*keys(node), *(order.key for order in orders)]
    wanted = dict.fromkeys(key for key in asked if key.entity in ("metric", "param", "tag"))
    return [sentence for key in wanted if (sentence := _unknown(key, seen))]


def _unknown(key: Key, runs: list[StoredRun]) -> str:
    if key.entity == "tag" and key.name.startswith(_SYSTEM):
        return ""
    names = {name for run in runs for name in getattr(run.record, f"{key.entity}s")}
    if not runs or key.name in names:
        return ""
    close = nearest(key.name, names)
    return f"no run has a {key.entity} {key.name!r}" + (
        f"; did you mean {close!r}?" if close else ""
    )


def keys(node: Node) -> Iterator[Key]:
    """Yield what a filter looks at."""
    if isinstance(node, Not):
        yield from keys(node.term)
    elif isinstance(node, (All, Either)):
        for term in node.terms:
            yield from keys(term)
    else:
        yield node.key


def _git(run: StoredRun, name: str) -> str | None:
    git = run.record.source.get("git")
    return _text(git.get(name)) if isinstance(git, Mapping) else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
