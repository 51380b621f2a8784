"""The MLmodel format: a folder that any tool can load, and the flavors that fill it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gittrack.models.fromcode import ModelConfig as ModelConfig
    from gittrack.models.fromcode import set_model as set_model
    from gittrack.models.inference import infer_signature as infer_signature
    from gittrack.models.mlmodel import Model as Model
    from gittrack.models.specs import ColSpec as ColSpec
    from gittrack.models.specs import ModelSignature as ModelSignature
    from gittrack.models.specs import ParamSchema as ParamSchema
    from gittrack.models.specs import ParamSpec as ParamSpec
    from gittrack.models.specs import Schema as Schema
    from gittrack.models.specs import TensorSpec as TensorSpec
    from gittrack.tracking.loading import get_model_info as get_model_info

_HOMES = {
    "ColSpec": "models.specs",
    "Model": "models.mlmodel",
    "ModelConfig": "models.fromcode",
    "ModelSignature": "models.specs",
    "ParamSchema": "models.specs",
    "ParamSpec": "models.specs",
    "Schema": "models.specs",
    "TensorSpec": "models.specs",
    "get_model_info": "tracking.loading",
    "infer_signature": "models.inference",
    "set_model": "models.fromcode",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'gittrack.models' has no attribute {name!r}")
    return getattr(import_module(f"gittrack.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
