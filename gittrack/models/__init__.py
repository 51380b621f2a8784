"""The MLmodel format: a folder that any tool can load, and the flavors that fill it."""

from __future__ import annotations

from gittrack.models.fromcode import ModelConfig, set_model
from gittrack.models.inference import infer_signature
from gittrack.models.mlmodel import Model
from gittrack.models.specs import (
    ColSpec,
    ModelSignature,
    ParamSchema,
    ParamSpec,
    Schema,
    TensorSpec,
)

__all__ = [
    "ColSpec",
    "Model",
    "ModelConfig",
    "ModelSignature",
    "ParamSchema",
    "ParamSpec",
    "Schema",
    "TensorSpec",
    "infer_signature",
    "set_model",
]
