"""Find runs: MLflow's filter language, with numbers for params, `or`, `not` and brackets.

metrics.acc > 0.9 and (params.solver = 'saga' or params.alpha < 0.1) and tags.team ILIKE 'a%'
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from gittrack.entities import Experiment, experiment_of
from gittrack.errors import InvalidValueError
from gittrack.runs.reading import StoredRun
from gittrack.runs.record import RunRecord
from gittrack.runs.store import Listing, Store
from gittrack.search import fields
from gittrack.search.evaluate import matcher
from gittrack.search.fields import keys, unknown_keys
from gittrack.search.order import ordered, parse_order
from gittrack.search.parser import parse_filter

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ViewType = Literal["ACTIVE_ONLY", "DELETED_ONLY", "ALL"]

__all__ = [
    "ViewType",
    "experiments",
    "keys",
    "matcher",
    "ordered",
    "parse_filter",
    "parse_order",
    "runs",
    "unknown_keys",
]


def runs(
    store: Store,
    *,
    experiments: Iterable[str] | None = None,
    filter_string: str = "",
    order_by: Sequence[str] = (),
    max_results: int | None = None,
    view: ViewType = "ACTIVE_ONLY",
) -> Listing:
    """Return the runs that a filter fits, in order, and what could not be read.

    Args:
        experiments: names or ids; default: all that are not deleted.
        order_by: `entity.key [ASC|DESC]` each; among equals the newest first, then by id.

    Raises:
        FilterError: the filter or the order cannot be read.
        NotFoundError: there is no such experiment.
    """
    if max_results is not None and max_results < 0:
        raise InvalidValueError(f"max_results is {max_results}", hint="give 0 or more")
    fits = matcher(parse_filter(filter_string))
    orders = parse_order(order_by)
    ids = None
    if experiments is not None:
        ids = dict.fromkeys(store.experiment(name).experiment_id for name in experiments)
    listing = store.runs(ids, deleted=view != "ACTIVE_ONLY")
    found = [run for run in listing.runs if (run.deleted or view != "DELETED_ONLY") and fits(run)]
    return Listing(ordered(found, orders)[:max_results], listing.problems)


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
