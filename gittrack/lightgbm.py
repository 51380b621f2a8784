"""MLflow's `mlflow.lightgbm`: save, log and load models of LightGBM."""

from __future__ import annotations

from gittrack.binding import bind

save_model, log_model, load_model = bind("lightgbm", argument="lgb_model")

__all__ = ["load_model", "log_model", "save_model"]
