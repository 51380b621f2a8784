"""What is known of a model without loading it, as MLflow tells it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gittrack.models.mlmodel import Model
    from gittrack.models.specs import ModelSignature


@dataclass(frozen=True)
class ModelInfo:
    """A model that was saved or logged.

    Attributes:
        model_uri: what every call that loads a model takes, such as `runs:/k3v9x2mq7d/model`.
        artifact_path: its folder among the run's artifacts.
        registered_model_version: its number in the registry, where it was registered.
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
    registered_model_version: int | None = None

    @property
    def name(self) -> str:
        """Its folder among the run's artifacts, under its newer name."""
        return self.artifact_path


def info_of(model: Model, uri: str) -> ModelInfo:
    """Return what a model's MLmodel says, and the URI that loads it."""
    return ModelInfo(
        model_uri=uri,
        run_id=model.run_id or "",
        artifact_path=model.artifact_path or "",
        flavors=model.flavors,
        signature=model.signature,
        model_uuid=model.model_uuid,
        utc_time_created=model.utc_time_created,
        saved_input_example_info=model.saved_input_example_info,
        metadata=model.metadata,
    )
