"""MLflow's `mlflow.onnx`: save, log and load models of ONNX."""

from __future__ import annotations

from gittrack.binding import bind

save_model, log_model, load_model = bind("onnx", argument="onnx_model")

__all__ = ["load_model", "log_model", "save_model"]
