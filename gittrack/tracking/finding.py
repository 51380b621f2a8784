"""`search_runs` as MLflow's users know it: a list of runs, or a pandas DataFrame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, overload

from gittrack import search
from gittrack.entities import Run, Runs, ViewType, run_of
from gittrack.errors import InvalidValueError, MissingPackageError
from gittrack.runs.forgiving import warn
from gittrack.tracking import active

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from gittrack.runs.store import Store

MAX_RESULTS = 100_000
_VIEWS: dict[int, search.ViewType] = {
    ViewType.ACTIVE_ONLY: "ACTIVE_ONLY",
    ViewType.DELETED_ONLY: "DELETED_ONLY",
    ViewType.ALL: "ALL",
}
_FIRST_COLUMNS = ("run_id", "experiment_id", "status", "artifact_uri", "start_time", "end_time")


def get_run(run_id: str) -> Run:
    """Return a run by its id, or by any other name that the command line takes.

    Raises:
        NotFoundError: there is none.
    """
    return run_of(search.find(active.open_store(), run_id), whole=True)


@overload
def search_runs(
    experiment_ids: Sequence[str] | None = ...,
    filter_string: str = ...,
    run_view_type: int = ...,
    max_results: int = ...,
    order_by: Sequence[str] | None = ...,
    output_format: Literal["pandas"] = ...,
    search_all_experiments: bool = ...,
    experiment_names: Sequence[str] | None = ...,
) -> pd.DataFrame: ...
@overload
def search_runs(
    experiment_ids: Sequence[str] | None = ...,
    filter_string: str = ...,
    run_view_type: int = ...,
    max_results: int = ...,
    order_by: Sequence[str] | None = ...,
    *,
    output_format: Literal["list"],
    search_all_experiments: bool = ...,
    experiment_names: Sequence[str] | None = ...,
) -> list[Run]: ...
def search_runs(
    experiment_ids: Sequence[str] | None = None,
    filter_string: str = "",
    run_view_type: int = ViewType.ACTIVE_ONLY,
    max_results: int = MAX_RESULTS,
    order_by: Sequence[str] | None = None,
    output_format: Literal["pandas", "list"] = "pandas",
    search_all_experiments: bool = False,
    experiment_names: Sequence[str] | None = None,
) -> pd.DataFrame | list[Run]:
    """Return the runs that a filter fits, newest first.

    Args:
        experiment_ids: where to look; without these, names or `search_all_experiments`, in the
            experiment that runs go to now.
        experiment_names: likewise; one that does not exist yet has no runs.
        filter_string: such as `metrics.acc > 0.9 and params.solver = 'saga'`.
        order_by: such as `["metrics.acc DESC"]`.
        output_format: "pandas" for a DataFrame with a row a run and the columns `metrics.*`,
            `params.*` and `tags.*`, sorted; "list" for a list of `Run`.

    Raises:
        FilterError: the filter or the order cannot be read.
        NotFoundError: there is no such experiment.
        MissingPackageError: pandas is wanted and not installed.
    """
    _check(output_format, run_view_type)
    if experiment_ids and experiment_names:
        raise InvalidValueError("Only experiment_ids or experiment_names can be used, but not both")
    store = active.open_store()
    if experiment_ids or experiment_names:
        chosen: list[str] | None = [
            str(item) for item in experiment_ids or _known(store, experiment_names or ())
        ]
    else:
        chosen = None if search_all_experiments else [active.experiment_name(store)]
    found = search.runs(
        store,
        experiments=chosen,
        filter_string=filter_string or "",
        order_by=tuple(order_by or ()),
        max_results=max_results,
        view=_VIEWS[run_view_type],
    )
    runs = Runs(run_of(stored) for stored in found.runs)
    return runs if output_format == "list" else _frame(runs)


def columns_of(run: Run) -> dict[str, Any]:
    """Return what a run has, by the names of the columns that `search_runs` gives."""
    found = {name: getattr(run.info, name) for name in _FIRST_COLUMNS}
    for kind in ("metrics", "params", "tags"):
        entries = getattr(run.data, kind)
        found.update({f"{kind}.{key}": entries[key] for key in sorted(entries)})
    return found


def _known(store: Store, names: Sequence[str]) -> list[str]:
    """Return the names that experiments have; of the others is warned."""
    known = [str(name) for name in names if store.find_experiment(str(name)) is not None]
    if unknown := sorted({str(name) for name in names} - set(known)):
        warn(f"no experiment {', '.join(map(repr, unknown))} in {store.root}")
    return known


def _check(output_format: str, run_view_type: int) -> None:
    if output_format not in {"pandas", "list"}:
        raise InvalidValueError(
            f"Unsupported output format: {output_format}", hint="use 'pandas' or 'list'"
        )
    view_of(run_view_type)


def view_of(view_type: int) -> search.ViewType:
    """Return what a `ViewType` of MLflow's is called here.

    Raises:
        InvalidValueError: there is no such one.
    """
    if view_type not in _VIEWS:
        raise InvalidValueError(
            f"Invalid run_view_type: {view_type!r}",
            hint="use ViewType.ACTIVE_ONLY, DELETED_ONLY or ALL",
        )
    return _VIEWS[view_type]


def _frame(runs: list[Run]) -> pd.DataFrame:
    try:
        import pandas as pd
    except ImportError:
        raise MissingPackageError(
            "search_runs gives a pandas DataFrame, and pandas is not installed",
            hint="pip install pandas, or search_runs(output_format='list')",
        ) from None
    columns: dict[str, Any] = {
        name: [getattr(run.info, name) for run in runs] for name in _FIRST_COLUMNS
    }
    for name in ("start_time", "end_time"):
        columns[name] = pd.to_datetime(columns[name], unit="ms", utc=True)
    for kind, missing in (("metrics", float("nan")), ("params", None), ("tags", None)):
        for key in sorted({key for run in runs for key in getattr(run.data, kind)}):
            values = [getattr(run.data, kind).get(key, missing) for run in runs]
            columns[f"{kind}.{key}"] = pd.Series(
                values, dtype="float64" if kind == "metrics" else "object"
            )
    frame: pd.DataFrame = pd.DataFrame(columns)
    return frame
