"""MLflow's `mlflow.types.schema`: the columns, tensors and parameters of a signature."""

from __future__ import annotations

from enum import Enum

from gittrack.models.specs import (
    PLAIN_TYPES,
    ColSpec,
    ParamSchema,
    ParamSpec,
    Schema,
    TensorSpec,
)

__all__ = ["ColSpec", "DataType", "ParamSchema", "ParamSpec", "Schema", "TensorSpec"]

DataType = Enum("DataType", {name: name for name in PLAIN_TYPES}, type=str)  # type: ignore[misc]
DataType.__doc__ = "The types that a column can have; their plain names do as well."
