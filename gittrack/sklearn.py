"""MLflow's `mlflow.sklearn`: save, log and load models of scikit-learn."""

from __future__ import annotations

from gittrack.binding import bind

save_model, log_model, load_model = bind("sklearn", argument="sk_model")

__all__ = ["load_model", "log_model", "save_model"]
