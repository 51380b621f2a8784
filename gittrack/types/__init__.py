"""MLflow's `mlflow.types`: what a model's signature is made of."""

from __future__ import annotations

from gittrack.types.schema import ColSpec, DataType, ParamSchema, ParamSpec, Schema, TensorSpec

__all__ = ["ColSpec", "DataType", "ParamSchema", "ParamSpec", "Schema", "TensorSpec"]
