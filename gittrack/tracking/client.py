"""`MlflowClient`: runs and experiments by their ids, active or not."""

from __future__ import annotations

from dataclasses import replace
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, NamedTuple

from gittrack import search
from gittrack.entities import DatasetInput, Metric, Param, Run, RunTag, ViewType, metric_of, run_of
from gittrack.errors import InvalidValueError, NotFoundError
from gittrack.runs import edits
from gittrack.runs.edits import Edit
from gittrack.runs.reading import NAME_TAG, StoredRun, read_run
from gittrack.runs.record import ENDED, FINISHED, RUNNING
from gittrack.runs.writer import RunWriter, check_end
from gittrack.tracking.datasets import entry_of
from gittrack.tracking.experiments import edit_of
from gittrack.tracking.filing import ArtifactClient
from gittrack.tracking.finding import view_of
from gittrack.tracking.fluent import write_params
from gittrack.tracking.holding import (
    RunOperations,
    check_experiment,
    end_writer,
    held,
    is_active,
    open_writer,
    operations,
    stored_active,
)
from gittrack.tracking.paging import PagedList, token_of, window
from gittrack.tracking.registering import RegistryClient
from gittrack.tracking.validation import (
    check_integer,
    check_key,
    check_metric,
    check_params,
    check_tags,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

PARENT_TAG = "mlflow.parentRunId"


class _Point(NamedTuple):
    name: str
    value: float
    step: int | None
    time: int | None


class MlflowClient(ArtifactClient, RegistryClient):
    """Runs, experiments and registered models of one store: the current one, or another.

    Args:
        tracking_uri: the store, as a path or a `file:` URI.
        registry_uri: not used.
    """

    # -- the course of a run

    def create_run(
        self,
        experiment_id: str,
        start_time: int | None = None,
        tags: Mapping[str, Any] | None = None,
        run_name: str | None = None,
    ) -> Run:
        """Make a run, which this process keeps open until `set_terminated`.

        Args:
            start_time: in ms since 1970 UTC; default: now.
            tags: `mlflow.parentRunId` among them makes it the child of that run.

        Raises:
            NotFoundError: there is no such experiment.
            RunStateError: it is deleted.
            InvalidValueError: a tag cannot be used.
        """
        checked = check_tags(tags or {})
        start = check_integer("start_time", start_time)
        name, parent = checked.pop(NAME_TAG, None), checked.pop(PARENT_TAG, None)
        writer = RunWriter.create(
            self.store,
            check_experiment(self._stored(experiment_id)),
            name=str(run_name) if run_name else name,
            tags=checked,
            parent=parent,
        )
        if start is not None:
            writer.amend(start_time=start)
        held.keep(writer)
        return run_of(read_run(writer.folder))

    def set_terminated(
        self, run_id: str, status: str | None = None, end_time: int | None = None
    ) -> None:
        """End a run.

        Args:
            status: "FINISHED", which is the default, "FAILED" or "KILLED".
            end_time: in ms since 1970 UTC; default: now.

        Raises:
            NotFoundError: there is no such run.
            RunStateError: it is deleted, or no run ends with that status.
        """
        status, end = str(status or FINISHED), check_integer("end_time", end_time)
        check_end(status)
        writer = open_writer(self.store, run_id)
        stored = stored_active(self.store, run_id)
        if writer is None or not (writer.owns or is_active(writer)):
            if stored.record.status == status and end in (None, stored.record.end_time):
                return
            writer = self._own(run_id)
        end_writer(writer, status, time=end)

    def update_run(self, run_id: str, status: str | None = None, name: str | None = None) -> None:
        """Change a run's name or status; RUNNING opens an ended run again.

        Raises:
            NotFoundError: there is no such run.
            RunStateError: it is deleted.
            InvalidValueError: no run can be given that status.
        """
        if status is not None and status not in (*ENDED, RUNNING):
            raise InvalidValueError(
                f"a run cannot become {status!r}", hint=f"use {RUNNING}, {', '.join(ENDED)}"
            )
        if name is not None:
            self.set_tag(run_id, NAME_TAG, name)
        if status == RUNNING and stored_active(self.store, run_id).record.status != RUNNING:
            held.keep(self._own(run_id))
        elif status in ENDED:
            self.set_terminated(run_id, status)

    def delete_run(self, run_id: str) -> None:
        """Delete a run: its files stay, and `restore_run` brings it back.

        Raises:
            NotFoundError: there is no such run.
            RunStateError: a registered model points to it.
        """
        self._registry.check_unused(run_id)
        self._set_deleted(run_id, deleted=True)

    def restore_run(self, run_id: str) -> None:
        """Bring a deleted run back.

        Raises:
            NotFoundError: there is no such run.
        """
        self._set_deleted(run_id, deleted=False)

    # -- what a run logs

    def log_metric(
        self,
        run_id: str,
        key: str,
        value: float,
        timestamp: int | None = None,
        step: int | None = None,
        synchronous: bool | None = None,
        dataset_name: str | None = None,
        dataset_digest: str | None = None,
        model_id: str | None = None,
    ) -> RunOperations | None:
        """Record one value of a metric; see `gittrack.log_metric`."""
        name, number, at, moment = _point(key, value, step, timestamp)
        self._writer(run_id).log_metric(name, number, step=at, time=moment)
        return operations(synchronous)

    def log_param(self, run_id: str, key: str, value: Any, synchronous: bool | None = None) -> Any:
        """Record a param and return its value; see `gittrack.log_param`."""
        self.log_batch(run_id, params=[Param(key, value)])
        return operations(synchronous) or value

    def log_batch(
        self,
        run_id: str,
        metrics: Sequence[Metric] = (),
        params: Sequence[Param] = (),
        tags: Sequence[RunTag] = (),
        synchronous: bool | None = None,
    ) -> RunOperations | None:
        """Record metrics, params and tags; all are checked before the first is written.

        Raises:
            NotFoundError: there is no such run.
            RunStateError: it is deleted.
            InvalidValueError: a name or value cannot be used, or a param has another value already.
        """
        points = [_point(item.key, item.value, item.step, item.timestamp) for item in metrics]
        fixed: dict[str, Any] = {}
        for param in params:
            if fixed.setdefault(param.key, param.value) != param.value:
                raise InvalidValueError(
                    f"Duplicate parameter keys have been submitted: {param.key!r}",
                    hint="give each param once",
                )
        check_params(fixed)
        checked = check_tags({tag.key: tag.value for tag in tags})
        if points or fixed:
            writer = self._writer(run_id)
            write_params(writer, fixed)
            for values, step, time in _lines(points):
                writer.log_metrics(values, step=step, time=time)
        if checked:
            self._set_tags(run_id, checked)
        return operations(synchronous)

    def set_tag(
        self, run_id: str, key: str, value: Any, synchronous: bool | None = None
    ) -> RunOperations | None:
        """Set a tag of a run; a later value replaces it.

        Raises:
            NotFoundError: there is no such run.
            RunStateError: it is deleted.
            InvalidValueError: the name or the value cannot be used.
        """
        self._set_tags(run_id, check_tags({key: value}))
        return operations(synchronous)

    def delete_tag(self, run_id: str, key: str) -> None:
        """Remove a tag of a run.

        Raises:
            NotFoundError: there is no such run or tag.
            RunStateError: it is deleted.
        """
        if key not in self.get_run(run_id).data.tags:
            raise NotFoundError(f"No tag with name: {key} in run with id {run_id}")
        self._set_tags(run_id, {key: None})

    def log_inputs(
        self, run_id: str, datasets: Sequence[DatasetInput] | None = None, models: Any = None
    ) -> None:
        """Record datasets that a run read.

        Raises:
            NotFoundError: there is no such run.
            RunStateError: it is deleted.
        """
        writer = self._writer(run_id)
        for item in datasets or ():
            writer.add_input(entry_of(item))

    # -- what is known of runs

    def get_run(self, run_id: str) -> Run:
        """Return a run by its id, or by any other name that the command line takes.

        Raises:
            NotFoundError: there is none.
        """
        return run_of(self._found(run_id), whole=True)

    def get_parent_run(self, run_id: str) -> Run | None:
        """Return the run that a run is nested in, or None.

        Raises:
            NotFoundError: there is no such run, or its parent is not in the store.
        """
        parent = self.get_run(run_id).data.tags.get(PARENT_TAG)
        return self.get_run(parent) if parent else None

    def get_metric_history(self, run_id: str, key: str) -> list[Metric]:
        """Return every value of a metric, sorted by step and time.

        Raises:
            NotFoundError: there is no such run.
        """
        return [metric_of(key, point) for point in self._found(run_id).history(key)]

    def search_runs(
        self,
        experiment_ids: Sequence[str],
        filter_string: str = "",
        run_view_type: int = ViewType.ACTIVE_ONLY,
        max_results: int = 1000,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[Run]:
        """Return the runs that a filter fits, newest first, in pages.

        Raises:
            FilterError: the filter or the order cannot be read.
            NotFoundError: there is no such experiment.
            InvalidValueError: the page is too large, or the token none of ours.
        """
        named = [experiment_ids] if isinstance(experiment_ids, str) else experiment_ids
        start, size = window(max_results, page_token)
        found = search.runs(
            self.store,
            experiments=[self._stored(name).experiment_id for name in named],
            filter_string=filter_string or "",
            order_by=tuple(order_by or ()),
            start=start,
            max_results=size,
            view=view_of(run_view_type),
        )
        token = token_of(start + size, total=found.total)
        return PagedList([run_of(stored) for stored in found.runs], token)

    # -- inside

    def _found(self, reference: str) -> StoredRun:
        stored = search.find(self.store, reference)
        gone = self.store.experiment(stored.experiment_id, ids_first=True).deleted
        return replace(stored, deleted=stored.deleted or gone)

    def _own(self, run_id: str) -> RunWriter:
        if (appending := open_writer(self.store, run_id)) is not None:
            held.drop(appending)
            appending.leave()
        return RunWriter.join(self.store, run_id)

    def _set_tags(self, run_id: str, tags: Mapping[str, str | None]) -> None:
        writer = open_writer(self.store, run_id)
        if writer is not None and (writer.owns or is_active(writer)):
            self._writer(run_id).set_tags(tags)
        else:
            edits.write(stored_active(self.store, run_id).folder, edit_of(tags))

    def _set_deleted(self, run_id: str, *, deleted: bool) -> None:
        edits.write(self.store.folder_of(run_id), Edit(deleted=deleted))
        if (writer := open_writer(self.store, run_id)) is not None:
            writer.deleted = deleted


Client = MlflowClient


def _point(key: object, value: Any, step: Any, time: Any) -> _Point:
    name = check_key("metric", key)
    return _Point(
        name,
        check_metric(name, value),
        check_integer("step", step),
        check_integer("timestamp", time),
    )


def _lines(points: list[_Point]) -> Iterator[tuple[dict[str, float], int | None, int | None]]:
    # What was measured at one step and time is one line, as `log_metrics` writes it.
    line: dict[str, float] = {}
    for point, after in zip_longest(points, points[1:]):
        line[point.name] = point.value
        if after is None or after.name in line or after[2:] != point[2:]:
            yield line, point.step, point.time
            line = {}
