"""Logging a model: a model folder among the run's artifacts, registered where that is asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gittrack import artifactfiles
from gittrack.errors import InvalidValueError, UsageError
from gittrack.models import saving
from gittrack.models.info import ModelInfo, info_of
from gittrack.models.mlmodel import Model
from gittrack.models.saving import Origin
from gittrack.models.uri import runs_uri
from gittrack.registry.names import check_name
from gittrack.runs import provenance
from gittrack.runs.forgiving import warn
from gittrack.tracking.holding import writer_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


# Arguments of MLflow's that mean nothing here; each is said, but for a flag of how to wait.
_UNUSED = frozenset(
    {
        *("auth_policy", "env_vars", "extra_files", "mlflow_model", "model_id", "model_type"),
        *("params", "prompts", "resources", "step", "streamable", "tags"),
    }
)


def save_model(model: Any, path: str | Path, *, flavor: str | None = None, **options: Any) -> Model:
    """Save a model as a folder, which appears at `path` whole or not at all.

    Args:
        flavor: the library it belongs to; found from the model where not given.
        options: see `gittrack.models.saving.SaveOptions`.

    Raises:
        ModelError: it cannot be saved.
        UsageError: an argument is wrong.
    """
    return saving.save_model(model, path, flavor=flavor, **_known(options))


def log_model(
    model: Any,
    artifact_path: str | None = None,
    *,
    name: str | None = None,
    flavor: str | None = None,
    run_id: str | None = None,
    registered_model_name: str | None = None,
    **options: Any,
) -> ModelInfo:
    """Save a model among the artifacts of the active run, in the place of one that is there.

    Where the system refuses to write it, a warning says so, and what is given has no flavors.

    Args:
        artifact_path: its folder among the artifacts, "model" by default; also as `name`.
        flavor: the library it belongs to; found from the model where not given.
        run_id: another run than the active one.
        registered_model_name: register it as the next version of this name.
        options: see `gittrack.models.saving.SaveOptions`.

    Raises:
        ModelError: it cannot be saved.
        UsageError: an argument is wrong.
        StoreError: the registry cannot be written.
    """
    if name and artifact_path and name != artifact_path:
        raise UsageError(
            f"artifact_path is {artifact_path!r} and name {name!r}", hint="give one of them"
        )
    if registered_model_name is not None:
        check_name(registered_model_name)
    chosen = artifact_path or name or "model"
    with writer_of(run_id) as writer:
        target = artifactfiles.place(writer.artifacts, chosen)
        if target == writer.artifacts:
            raise InvalidValueError(
                f"Invalid artifact path: {chosen!r}", hint="name the model, such as 'model'"
            )
        path = target.relative_to(writer.artifacts).as_posix()
        origin = Origin(writer.run_id, path, provenance.commit(writer.record.source))
        saved = Model({}, run_id=writer.run_id, artifact_path=path)
        with writer.warner.filing(target):
            saved = saving.save_model(
                model, target, flavor=flavor, origin=origin, replace=True, **_known(options)
            )
        info = info_of(saved, runs_uri(writer.run_id, path))
        if registered_model_name is None or not saved.flavors:  # what is lost is no version
            return info
        from gittrack.tracking.registering import RegistryClient

        client = RegistryClient()
        client.store = writer.store
        made = client.create_model_version(registered_model_name, info.model_uri)
        return replace(info, registered_model_version=int(made.version))


def _known(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options without those of MLflow's that mean nothing here."""
    kept = {key: value for key, value in options.items() if key != "await_registration_for"}
    if "code_path" in kept:
        kept["code_paths"] = kept.pop("code_path")
    for key in _UNUSED & set(kept):
        if kept.pop(key) is not None:
            warn(f"the argument {key} is not used")
    return kept
