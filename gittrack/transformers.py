"""MLflow's `mlflow.transformers`: save, log and load models of transformers."""

from __future__ import annotations

from gittrack.binding import bind

save_model, log_model, load_model = bind("transformers", argument="transformers_model")

__all__ = ["load_model", "log_model", "save_model"]
