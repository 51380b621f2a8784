"""Find runs: MLflow's filter language, with numbers for params, `or`, `not` and brackets.

metrics.acc > 0.9 and (params.solver = 'saga' or params.alpha < 0.1) and tags.team ILIKE 'a%'
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from gittrack.entities import Experiment, experiment_of
from gittrack.errors import (
    AmbiguousError,
    GittrackError,
    InvalidValueError,
    NotFoundError,
    RunBeingMadeError,
)
from gittrack.files import Problem
from gittrack.runs import naming, revisions
from gittrack.runs.naming import Glance
from gittrack.runs.reading import StoredRun, read_run
from gittrack.runs.record import RunRecord
from gittrack.search import fields
from gittrack.search.evaluate import fitting, matcher
from gittrack.search.fields import Answer, keys, unknown_keys
from gittrack.search.order import ordered, parse_order, places
from gittrack.search.parser import parse_filter
from gittrack.search.snapshot import Snapshot, look
from gittrack.search.syntax import Key, Node, Order

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from gittrack.runs.store import Store

_LISTED = 10

ViewType = Literal["ACTIVE_ONLY", "DELETED_ONLY", "ALL"]

__all__ = [
    "Found",
    "Key",
    "Table",
    "ViewType",
    "experiments",
    "find",
    "find_anywhere",
    "find_deleted",
    "keys",
    "known_keys",
    "matcher",
    "ordered",
    "parse_filter",
    "parse_order",
    "runs",
    "table",
    "unknown_keys",
]


class Found(NamedTuple):
    """A page of the runs that were found, what could not be read, and how many there are in all."""

    runs: list[StoredRun]
    problems: list[Problem]
    total: int


class Table(NamedTuple):
    """What was asked of every run that was found, by key; one value a run, in its order."""

    folders: list[Path]
    columns: dict[Key, list[Answer]]
    problems: list[Problem]


def runs(
    store: Store,
    *,
    experiments: Iterable[str] | None = None,
    filter_string: str = "",
    order_by: Sequence[str] = (),
    start: int = 0,
    max_results: int | None = None,
    view: ViewType = "ACTIVE_ONLY",
) -> Found:
    """Return the runs that a filter fits, in order, and what could not be read.

    Args:
        experiments: names or ids; default: all that are not deleted.
        order_by: `entity.key [ASC|DESC]` each; among equals the newest first, then by id.
        start: how many of them to leave out at the beginning, as pages do.

    Raises:
        FilterError: the filter or the order cannot be read.
        NotFoundError: there is no such experiment.
    """
    if max_results is not None and max_results < 0:
        raise InvalidValueError(f"max_results is {max_results}", hint="give 0 or more")
    end = None if max_results is None else start + max_results

    def use(snapshot: Snapshot, at: list[int]) -> tuple[list[Path], int]:
        return _folders(snapshot, at[start:end]), len(at)

    known = _known(store)
    chosen = _chosen(store, experiments, known)
    problems: list[Problem] = []
    query = _Query(parse_filter(filter_string), parse_order(order_by), view, known)
    folders, total = look(
        store,
        lambda snapshot: use(snapshot, _places(snapshot, query)),
        experiments=chosen,
        problems=problems,
        keys=query.keys,
    )
    return Found(list(_read(store, folders, known, problems)), problems, total)


def table(
    store: Store,
    wanted: Sequence[Key],
    *,
    experiments: Iterable[str] | None = None,
    filter_string: str = "",
    order_by: Sequence[str] = (),
    view: ViewType = "ACTIVE_ONLY",
) -> Table:
    """Return what the runs that a filter fits have under some keys, see `runs`; reads none of them.

    Raises:
        FilterError: the filter or the order cannot be read.
        NotFoundError: there is no such experiment.
    """
    problems: list[Problem] = []

    def use(snapshot: Snapshot, at: list[int]) -> Table:
        columns = {key: [snapshot.column(key)[place] for place in at] for key in wanted}
        return Table(_folders(snapshot, at), columns, problems)

    known = _known(store)
    query = _Query(parse_filter(filter_string), parse_order(order_by), view, known)
    return look(
        store,
        lambda snapshot: use(snapshot, _places(snapshot, query)),
        experiments=_chosen(store, experiments, known),
        problems=problems,
        keys={*query.keys, *wanted},
    )


def find(store: Store, reference: str) -> StoredRun:
    """Return the run that a person names, as `Store.find` does, by the index."""
    return naming.find(store, reference, _glances)


def find_deleted(store: Store, reference: str) -> StoredRun:
    """Return the run that a reference names, also by the name that it had before its deletion.

    Raises:
        GittrackError: as of `find`.
    """
    try:
        return find(store, reference)
    except NotFoundError as error:
        named = [run for run in store.runs(deleted=True).runs if run.record.name == reference]
        if isinstance(error, AmbiguousError) or not named:
            raise
    if len(named) > 1:
        ids = ", ".join(run.run_id for run in named[:_LISTED])
        words = f"{reference!r} fits {len(named)} deleted runs: {ids}"
        raise AmbiguousError(words, hint="give the id of one")
    return named[0]


def find_anywhere(store: Store, reference: str) -> StoredRun:
    """Return the run that a person names, which may be `REVISION:RUN`; see `revisions.find`."""
    return revisions.find(store, reference, _glances)


def _glances(store: Store, metric: str) -> list[Glance]:
    name, value = Key("attribute", "run_name"), Key("metric", metric)
    found = table(store, (name, value))
    rows = zip(found.folders, found.columns[name], found.columns[value], strict=True)
    return [
        Glance(folder, str(name), value if isinstance(value, (int, float)) else None)
        for folder, name, value in rows
    ]


def known_keys(store: Store) -> set[Key]:
    """Return what any run of the store has something under, those of deleted experiments too."""
    return look(store, Snapshot.keys, experiments=_known(store), problems=[])


class _Query(NamedTuple):
    """Which runs are looked for, in which order; `known` tells which experiments are deleted."""

    node: Node
    orders: Sequence[Order]
    view: ViewType
    known: Mapping[str, bool]

    @property
    def keys(self) -> set[Key]:
        """All that is looked at."""
        order = (Key("attribute", "start_time"), Key("attribute", "run_id"))
        return {*keys(self.node), *(item.key for item in self.orders), *order}


def _known(store: Store) -> dict[str, bool]:
    return {item.experiment_id: item.deleted for item in store.experiments(deleted=True)}


def _chosen(
    store: Store, experiments: Iterable[str] | None, known: Mapping[str, bool]
) -> list[str]:
    if experiments is None:
        return [name for name, gone in known.items() if not gone]
    ids = {item.name: item.experiment_id for item in store.experiments(deleted=True)}
    return [
        ids.get(item) or (item if item in known else store.experiment(item).experiment_id)
        for item in experiments
    ]


def _folders(snapshot: Snapshot, at: Iterable[int]) -> list[Path]:
    every = snapshot.folders()
    return [Path(every[place]) for place in at]


def _places(snapshot: Snapshot, query: _Query) -> list[int]:
    """Return the places of the runs that fit, in order."""
    fits = fitting(query.node, snapshot.column, count=len(snapshot))
    if query.view == "ALL":
        wanted = fits
    else:
        deleted_wanted = query.view == "DELETED_ONLY"
        homes = snapshot.column(Key("attribute", "experiment_id"))
        wanted = [
            fit and (deleted or query.known[str(home)]) == deleted_wanted
            for fit, deleted, home in zip(fits, snapshot.deleted(), homes, strict=True)
        ]
    at = (place for place, fit in enumerate(wanted) if fit)
    return places(snapshot.column, query.orders, at)


def _read(
    store: Store, folders: Iterable[Path], known: Mapping[str, bool], problems: list[Problem]
) -> Iterator[StoredRun]:
    for folder in folders:
        try:
            run = read_run(folder, store.tree)
        except RunBeingMadeError:
            continue
        except GittrackError as error:
            problems.append(Problem(folder, error.message, hint=error.hint))
        else:
            yield replace(run, deleted=True) if known.get(run.experiment_id) else run


def experiments(
    store: Store,
    *,
    filter_string: str = "",
    order_by: Sequence[str] = (),
    view: ViewType = "ACTIVE_ONLY",
) -> list[Experiment]:
    """Return the experiments that a filter fits, in order; without one, the newest first.

    Args:
        filter_string: of `name`, `experiment_id`, `creation_time`, `last_update_time` and tags.
        order_by: likewise, with `ASC` or `DESC`.

    Raises:
        FilterError: the filter or the order cannot be read.
    """
    fits = matcher(parse_filter(filter_string, fields.EXPERIMENTS))
    orders = parse_order(order_by, fields.EXPERIMENTS)
    wanted = {
        stored.experiment_id: experiment_of(stored, store)
        for stored in store.experiments(deleted=view != "ACTIVE_ONLY")
        if stored.deleted or view != "DELETED_ONLY"
    }
    found = [run for item in wanted.values() if fits(run := _as_run(item))]
    return [wanted[run.experiment_id] for run in ordered(found, orders)]


def _as_run(experiment: Experiment) -> StoredRun:
    record = RunRecord(
        run_id=experiment.experiment_id,
        name=experiment.name,
        experiment=experiment.name,
        status="",
        start_time=experiment.creation_time or 0,
        end_time=experiment.last_update_time,
        tags=experiment.tags,
    )
    return StoredRun(Path(experiment.experiment_id, "run"), record)
