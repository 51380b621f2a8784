"""The logging calls, with MLflow's names.

Each goes to the active run, and starts one where there is none.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gittrack import artifactfiles, secrets
from gittrack.entities import Experiment, experiment_of
from gittrack.errors import InvalidValueError
from gittrack.runs.forgiving import warn
from gittrack.runs.values import param_text, param_value, same_param
from gittrack.tracking.active import _state, choose_experiment, current_or_new, open_store
from gittrack.tracking.holding import RunOperations, operations, writer_of
from gittrack.tracking.validation import (
    check_integer,
    check_key,
    check_metric,
    check_metrics,
    check_params,
    check_tags,
    known_keys,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gittrack.runs.writer import RunWriter


def set_experiment(
    experiment_name: str | None = None, experiment_id: str | None = None
) -> Experiment:
    """Make an experiment the one that runs go to; one named for the first time is made.

    Raises:
        InvalidValueError: not exactly one of both is given, or the name cannot be used.
        NotFoundError: there is no experiment of that id.
        RunStateError: it is deleted.
    """
    return experiment_of(choose_experiment(experiment_name, experiment_id), open_store())


def log_param(key: str, value: Any, synchronous: bool | None = None) -> Any:
    """Record a param of the run and return its value; a param is set once.

    Raises:
        InvalidValueError: the name cannot be used, or the param has another value already.
    """
    log_params({key: value})
    return operations(synchronous) or value


def log_params(
    params: Mapping[str, Any], synchronous: bool | None = None, run_id: str | None = None
) -> RunOperations | None:
    """Record several params; all are checked before the first is written.

    Raises:
        InvalidValueError: a name cannot be used, or a param has another value already.
    """
    check_params(params)
    with writer_of(run_id) as writer:
        write_params(writer, params)
    return operations(synchronous)


def log_metric(
    key: str,
    value: float,
    step: int | None = None,
    synchronous: bool | None = None,
    timestamp: int | None = None,
    run_id: str | None = None,
    model_id: str | None = None,
    dataset: Any = None,
) -> RunOperations | None:
    """Record one value of a metric.

    Args:
        step: where in the training it was measured; without it, 0.
        timestamp: when, in ms since 1970 UTC; default: now.

    Raises:
        InvalidValueError: the name cannot be used, or the value, step or time is no number.
    """
    if type(key) is not str or key not in known_keys:
        check_key("metric", key)
    number = value if type(value) is float else check_metric(key, value)
    at = step if type(step) is int else check_integer("step", step)
    moment = timestamp if timestamp is None else check_integer("timestamp", timestamp)
    if run_id is None:
        runs = _state.local.runs  # what `current_or_new` looks at first, without a call
        if runs and (writer := runs[-1].writer).open and not writer.deleted:
            writer.log_metric(key, number, step=at, time=moment)
        else:
            current_or_new().log_metric(key, number, step=at, time=moment)
    else:
        with writer_of(run_id) as writer:
            writer.log_metric(key, number, step=at, time=moment)
    return None if synchronous is not False else operations(synchronous)


def log_metrics(
    metrics: Mapping[str, float],
    step: int | None = None,
    synchronous: bool | None = None,
    run_id: str | None = None,
    timestamp: int | None = None,
    model_id: str | None = None,
    dataset: Any = None,
) -> RunOperations | None:
    """Record values of several metrics at one step, as one line; see `log_metric`."""
    values = check_metrics(metrics)
    at, moment = check_integer("step", step), check_integer("timestamp", timestamp)
    if values and run_id is None:
        current_or_new().log_metrics(values, step=at, time=moment)
    elif values:
        with writer_of(run_id) as writer:
            writer.log_metrics(values, step=at, time=moment)
    return operations(synchronous)


def set_tag(key: str, value: Any, synchronous: bool | None = None) -> RunOperations | None:
    """Set a tag of the run; a later value replaces it.

    Raises:
        InvalidValueError: the name cannot be used.
    """
    return set_tags({key: value}, synchronous)


def set_tags(tags: Mapping[str, Any], synchronous: bool | None = None) -> RunOperations | None:
    """Set several tags; see `set_tag`."""
    if checked := check_tags(tags):
        with writer_of(None) as writer:
            writer.set_tags(checked)
    return operations(synchronous)


def log_artifact(
    local_path: str | Path, artifact_path: str | None = None, run_id: str | None = None
) -> None:
    """Copy a file, or a folder under its own name, into the run's artifacts.

    Args:
        artifact_path: the folder there to put it in.

    Raises:
        NotFoundError: there is nothing at `local_path`.
        InvalidValueError: `artifact_path` leads out of the run.
    """
    with writer_of(run_id) as writer:
        forgive = writer.warner.filing
        artifactfiles.copy(Path(local_path), writer.artifacts, artifact_path, forgive=forgive)


def log_artifacts(
    local_dir: str | Path, artifact_path: str | None = None, run_id: str | None = None
) -> None:
    """Copy all that is in a folder into the run's artifacts; see `log_artifact`."""
    with writer_of(run_id) as writer:
        target = artifactfiles.place(writer.artifacts, artifact_path)
        artifactfiles.copy_folder(Path(local_dir), target, forgive=writer.warner.filing)


def write_params(writer: RunWriter, params: Mapping[str, Any]) -> None:
    """Log the params that a run does not have yet.

    Raises:
        InvalidValueError: it has one of them with another value.
    """
    fresh = {name: value for name, value in params.items() if not _is_logged(writer, name, value)}
    if fresh:
        writer.log_params(fresh)


def autolog(*_: Any, **__: Any) -> None:
    """Say once that nothing is logged by itself yet.

    What a script logs is recorded all the same.
    """
    _warn_of_autolog()


@lru_cache(maxsize=1)
def _warn_of_autolog() -> None:
    warn("autolog() does nothing yet: log what matters with log_params and log_metrics")


def _is_logged(writer: RunWriter, name: str, value: Any) -> bool:
    known, before = writer.find_param(name)
    if not known:
        return False
    again = secrets.redact_named(name, param_value(value))  # as it was kept before
    if not same_param(before, again):
        raise InvalidValueError(
            f"Changing param values is not allowed. Param with key='{name}' was already logged "
            f"with value='{param_text(before)}' for run ID='{writer.run_id}'. "
            f"Attempted logging new value '{again}'.",
            hint="use a metric or a tag for what changes, or start another run",
        )
    return True
