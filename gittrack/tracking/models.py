"""Logging a model: a model folder among the run's artifacts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gittrack import artifactfiles
from gittrack.errors import InvalidValueError
from gittrack.models.saving import Origin, SaveOptions, save_model
from gittrack.models.uri import runs_uri
from gittrack.tracking.holding import writer_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typing_extensions import Unpack

    from gittrack.models.specs import ModelSignature


@dataclass(frozen=True)
class ModelInfo:
    """A model that was logged.

    Attributes:
        model_uri: what every call that loads a model takes, such as `runs:/k3v9x2mq7d/model`.
        artifact_path: its folder among the run's artifacts.
    """

    model_uri: str
    run_id: str
    artifact_path: str
    flavors: Mapping[str, Mapping[str, Any]]
    signature: ModelSignature | None
    model_uuid: str | None
    utc_time_created: str | None
    saved_input_example_info: Mapping[str, Any] | None
    metadata: Mapping[str, Any] | None


def log_model(
    model: Any,
    artifact_path: str = "model",
    *,
    flavor: str | None = None,
    run_id: str | None = None,
    **options: Unpack[SaveOptions],
) -> ModelInfo:
    """Save a model among the artifacts of the active run, in the place of one that is there.

    Args:
        artifact_path: its folder among the artifacts.
        flavor: the library it belongs to; found from the model where not given.
        run_id: another run than the active one.

    Raises:
        ModelError: it cannot be saved.
        UsageError: an argument is wrong.
        StoreError: the store cannot be written.
    """
    with writer_of(run_id) as writer:
        target = artifactfiles.place(writer.artifacts, artifact_path)
        if target == writer.artifacts:
            raise InvalidValueError(
                f"Invalid artifact path: {artifact_path!r}", hint="name the model, such as 'model'"
            )
        path = target.relative_to(writer.artifacts).as_posix()
        saved = save_model(
            model,
            target,
            flavor=flavor,
            origin=Origin(writer.run_id, path),
            replace=True,
            **options,
        )
        return ModelInfo(
            model_uri=runs_uri(writer.run_id, path),
            run_id=writer.run_id,
            artifact_path=path,
            flavors=saved.flavors,
            signature=saved.signature,
            model_uuid=saved.model_uuid,
            utc_time_created=saved.utc_time_created,
            saved_input_example_info=saved.saved_input_example_info,
            metadata=saved.metadata,
        )
