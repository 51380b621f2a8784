"""MLflow's `mlflow.models.signature`: a model's signature, and finding it from data."""

from __future__ import annotations

from gittrack.models.inference import infer_signature
from gittrack.models.specs import ModelSignature, ParamSchema, Schema

__all__ = ["ModelSignature", "ParamSchema", "Schema", "infer_signature"]
