"""MLflow's `mlflow.keras`: save, log and load models of Keras."""

from __future__ import annotations

from gittrack.binding import bind

save_model, log_model, load_model = bind("keras", argument="model")

__all__ = ["load_model", "log_model", "save_model"]
