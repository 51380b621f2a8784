"""What `MlflowClient` does, as calls for the current store and the active run.

Without a `run_id` they go to the active run, and start one where there is none. What each raises
stands with the client's method of the same name.
"""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any

from gittrack import artifactfiles, settings
from gittrack.entities import Experiment, ModelVersion, RegisteredModel, Run, ViewType
from gittrack.errors import InvalidValueError
from gittrack.runs.forgiving import warn
from gittrack.tracking import active
from gittrack.tracking.client import MlflowClient
from gittrack.tracking.datasets import entry
from gittrack.tracking.paging import LARGEST_PAGE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pandas as pd

    from gittrack.tracking.datasets import Dataset


def create_experiment(
    name: str, artifact_location: str | None = None, tags: Mapping[str, Any] | None = None
) -> str:
    """Make an experiment and return its id."""
    return MlflowClient().create_experiment(name, artifact_location, tags)


def get_experiment(experiment_id: str) -> Experiment:
    """Return the experiment of that id."""
    return MlflowClient().get_experiment(experiment_id)


def get_experiment_by_name(name: str) -> Experiment | None:
    """Return the experiment of that name, or None."""
    return MlflowClient().get_experiment_by_name(name)


def search_experiments(
    view_type: int = ViewType.ACTIVE_ONLY,
    max_results: int | None = None,
    filter_string: str | None = None,
    order_by: Sequence[str] | None = None,
) -> list[Experiment]:
    """Return the experiments that a filter fits, the newest first."""
    found = MlflowClient().search_experiments(view_type, None, filter_string, order_by)
    return found.to_list()[:max_results]


def delete_experiment(experiment_id: str) -> None:
    """Delete an experiment with its runs."""
    MlflowClient().delete_experiment(experiment_id)


def restore_experiment(experiment_id: str) -> None:
    """Bring a deleted experiment back."""
    MlflowClient().restore_experiment(experiment_id)


def set_experiment_tag(key: str, value: Any) -> None:
    """Set a tag of the experiment that runs go to."""
    set_experiment_tags({key: value})


def set_experiment_tags(tags: Mapping[str, Any]) -> None:
    """Set tags of the experiment that runs go to."""
    client, experiment_id = _experiment()
    client.set_experiment_tags(experiment_id, tags)


def delete_experiment_tag(key: str) -> None:
    """Remove a tag of the experiment that runs go to."""
    client, experiment_id = _experiment()
    client.delete_experiment_tag(experiment_id, key)


def last_active_run() -> Run | None:
    """Return the active run, else the one that was active last in this process, or None."""
    writer = active.last_writer()
    return None if writer is None else MlflowClient(writer.store.root).get_run(writer.run_id)


def get_parent_run(run_id: str) -> Run | None:
    """Return the run that a run is nested in, or None."""
    return MlflowClient().get_parent_run(run_id)


def delete_run(run_id: str) -> None:
    """Delete a run; its files stay."""
    MlflowClient().delete_run(run_id)


def restore_run(run_id: str) -> None:
    """Bring a deleted run back."""
    MlflowClient().restore_run(run_id)


def delete_tag(key: str) -> None:
    """Remove a tag of the active run."""
    client, run = _run(None)
    client.delete_tag(run, key)


def get_artifact_uri(artifact_path: str | None = None) -> str:
    """Return the `file:` URI of the active run's artifacts, or of one of them."""
    writer = active.current_or_new()
    return artifactfiles.place(writer.artifacts, artifact_path).absolute().as_uri()


def log_text(text: str, artifact_file: str, run_id: str | None = None) -> None:
    """File a text as an artifact."""
    client, run = _run(run_id)
    client.log_text(run, text, artifact_file)


def log_stream(stream: IO[bytes], artifact_file: str, run_id: str | None = None) -> None:
    """File what an open binary file holds as an artifact."""
    client, run = _run(run_id)
    client.log_stream(run, stream, artifact_file)


def log_dict(dictionary: Any, artifact_file: str, run_id: str | None = None) -> None:
    """File a dict or list as an artifact, as YAML where the file is named so, else as JSON."""
    client, run = _run(run_id)
    client.log_dict(run, dictionary, artifact_file)


def log_figure(
    figure: Any, artifact_file: str, *, save_kwargs: Mapping[str, Any] | None = None
) -> None:
    """File a figure of Matplotlib or Plotly as an artifact."""
    client, run = _run(None)
    client.log_figure(run, figure, artifact_file, save_kwargs=save_kwargs)


def log_image(
    image: Any,
    artifact_file: str | None = None,
    key: str | None = None,
    step: int | None = None,
    timestamp: int | None = None,
    synchronous: bool | None = False,
) -> None:
    """File an image as an artifact: as a file, or by a key among those of many steps."""
    client, run = _run(None)
    client.log_image(run, image, artifact_file, key, step, timestamp)


def log_table(
    data: Mapping[str, Any] | pd.DataFrame, artifact_file: str, run_id: str | None = None
) -> None:
    """File a table as an artifact; its rows are added to those that are there."""
    client, run = _run(run_id)
    client.log_table(run, data, artifact_file)


def load_table(
    artifact_file: str,
    run_ids: Sequence[str] | None = None,
    extra_columns: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Return the rows of a table of all runs of the experiment that runs go to."""
    client, experiment_id = _experiment()
    return client.load_table(experiment_id, artifact_file, run_ids, extra_columns)


def log_input(
    dataset: Dataset | str | Path | None = None,
    context: str | None = None,
    tags: Mapping[str, str] | None = None,
    model: Any = None,
) -> None:
    """Record a dataset that the active run read.

    Args:
        dataset: of `gittrack.data`, or the path of a file.
        context: what for, such as "training".

    Raises:
        InvalidValueError: it is no dataset.
    """
    log_inputs([dataset], [context], [tags], [model])


def log_inputs(
    datasets: Sequence[Dataset | str | Path | None] | None = None,
    contexts: Sequence[str | None] | None = None,
    tags_list: Sequence[Mapping[str, str] | None] | None = None,
    models: Sequence[Any] | None = None,
) -> None:
    """Record several datasets that the active run read; see `log_input`.

    Raises:
        InvalidValueError: one is no dataset, or the lists are not of one length.
    """
    if any(model is not None for model in models or ()):
        raise InvalidValueError(
            "gittrack has no logged models as inputs", hint="name the model's URI in a tag"
        )
    given = list(datasets or ())
    contexts, tags_list = contexts or [None] * len(given), tags_list or [None] * len(given)
    if not len(given) == len(contexts) == len(tags_list):
        raise InvalidValueError("`datasets`, `contexts` and `tags_list` must have the same length")
    writer = active.current_or_new()
    entries = [
        entry(dataset, store=writer.store.root, context=context, tags=tags)
        for dataset, context, tags in zip(given, contexts, tags_list, strict=True)
    ]
    for found in entries:
        writer.add_input(found)


def flush_async_logging() -> None:
    """Do nothing: what was logged is written when the call returns."""


def flush_artifact_async_logging() -> None:
    """Do nothing: an artifact is filed when the call returns."""


def get_registry_uri() -> str:
    """Return the `file:` URI of the registry, which is the store's."""
    return active.get_tracking_uri()


def set_registry_uri(uri: str | Path) -> None:
    """Warn where a registry is named that is not the store's: models are registered with runs.

    Raises:
        UsageError: the URI names a server or a database.
    """
    if str(uri) and settings.local_path(str(uri)) != active.open_store().root:
        warn(f"{uri} is not used: models are registered in the store, {active.open_store().root}")


def _run(run_id: str | None) -> tuple[MlflowClient, str]:
    if run_id is not None:
        return MlflowClient(), run_id
    writer = active.current_or_new()
    return MlflowClient(writer.store.root), writer.run_id


def _experiment() -> tuple[MlflowClient, str]:
    store = active.open_store()
    found = store.create_experiment(active.experiment_name(store))
    return MlflowClient(store.root), found.experiment_id


def register_model(
    model_uri: str | Path,
    name: str,
    await_registration_for: int | None = None,
    *,
    tags: Mapping[str, Any] | None = None,
) -> ModelVersion:
    """Register the model that a URI names as the next version of a name."""
    return MlflowClient().create_model_version(name, str(model_uri), tags=tags)


def search_registered_models(
    max_results: int | None = None,
    filter_string: str | None = None,
    order_by: Sequence[str] | None = None,
) -> list[RegisteredModel]:
    """Return the registered models that a filter fits, by name."""
    most = LARGEST_PAGE if max_results is None else max_results
    return MlflowClient().search_registered_models(filter_string, most, order_by).to_list()


def search_model_versions(
    max_results: int | None = None,
    filter_string: str | None = None,
    order_by: Sequence[str] | None = None,
) -> list[ModelVersion]:
    """Return the versions that a filter fits, the newest first."""
    most = LARGEST_PAGE if max_results is None else max_results
    return MlflowClient().search_model_versions(filter_string, most, order_by).to_list()
