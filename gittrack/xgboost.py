"""MLflow's `mlflow.xgboost`: save, log and load models of XGBoost."""

from __future__ import annotations

from gittrack.binding import bind

save_model, log_model, load_model = bind("xgboost", argument="xgb_model")

__all__ = ["load_model", "log_model", "save_model"]
