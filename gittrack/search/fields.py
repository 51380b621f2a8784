"""What a filter can look at: names of entities and attributes, and how a run answers to them."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from gittrack import paths
from gittrack.entities import system_tags
from gittrack.runs.values import param_text
from gittrack.search.syntax import All, Either, Entity, Key, Node, Not, Order

if TYPE_CHECKING:
    from gittrack.runs.reading import StoredRun
    from gittrack.runs.values import ParamValue

# What a run has under a key. Several values, as of its datasets, are a list, which gives no order.
Answer: TypeAlias = "str | float | list[str] | None"

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
# Attributes that the place of a run's folder tells.
PLACES = ("experiment_id", "artifact_uri")

_ATTRIBUTES: Mapping[str, Callable[[StoredRun], Answer]] = {
    "run_id": lambda run: run.run_id,
    "run_name": lambda run: run.record.name,
    "experiment": lambda run: run.record.experiment,
    "experiment_id": lambda run: run.experiment_id,
    "status": lambda run: run.record.status,
    "user_id": lambda run: run.record.user,
    "artifact_uri": lambda run: (run.folder / paths.ARTIFACTS).absolute().as_uri(),
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


def answer(run: StoredRun, key: Key) -> Answer:
    """Return what a run has under a key; None where it has nothing."""
    record = run.record
    if key.entity == "metric":
        summary = record.metrics.get(key.name)
        return None if summary is None else summary.last
    if key.entity == "param":
        return _param(record.params[key.name]) if key.name in record.params else None
    if key.entity == "dataset":
        found = (item.get(key.name) for item in record.inputs)
        return [value for value in found if isinstance(value, str)] or None
    if key.entity == "attribute":
        return _ATTRIBUTES[key.name](run)
    value = record.tags.get(key.name)
    if value is None and key.name.startswith(_SYSTEM):
        return system_tags(record, run.note).get(key.name)
    return value


def answers(run: StoredRun) -> dict[Key, Answer]:
    """Return all that a run has, by key, but for what its place tells."""
    record = run.record
    found: dict[Key, Answer] = {
        Key("metric", name): summary.last for name, summary in record.metrics.items()
    }
    for name, given in record.params.items():
        found[Key("param", name)] = _param(given)
    for name, text in {**system_tags(record, run.note), **record.tags}.items():
        found[Key("tag", name)] = text
    others = [Key("attribute", name) for name in _ATTRIBUTES if name not in PLACES]
    if record.inputs:
        others += [Key("dataset", name) for name in DATASET_KEYS]
    for key in others:
        if (value := answer(run, key)) is not None:
            found[key] = value
    return found


def _param(value: ParamValue) -> Answer:
    if value is None:
        return ["None"]  # which is there, but gives no order
    return param_text(value) if isinstance(value, bool) else value


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the known name that a misspelt one is closest to, or ""."""
    by_lower = {item.lower(): item for item in known}
    close = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[close[0]] if close else ""


def unknown_keys(node: Node, known: AbstractSet[Key], orders: Iterable[Order] = ()) -> list[str]:
    """Return a sentence for each metric, param or tag that no run has, with the nearest name.

    Those of a filter, and of an order; `known` is all that runs have.
    """
    asked = [*keys(node), *(order.key for order in orders)]
    wanted = dict.fromkeys(key for key in asked if key.entity in ("metric", "param", "tag"))
    return [sentence for key in wanted if (sentence := _unknown(key, known))]


def _unknown(key: Key, known: AbstractSet[Key]) -> str:
    if not known or key in known or (key.entity == "tag" and key.name.startswith(_SYSTEM)):
        return ""
    close = nearest(key.name, (other.name for other in known if other.entity == key.entity))
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
