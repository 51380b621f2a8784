"""MLflow's `mlflow.catboost`: save, log and load models of CatBoost."""

from __future__ import annotations

from gittrack.binding import bind

save_model, log_model, load_model = bind("catboost", argument="cb_model")

__all__ = ["load_model", "log_model", "save_model"]
