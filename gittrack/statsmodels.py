"""MLflow's `mlflow.statsmodels`: save, log and load models of statsmodels."""

from __future__ import annotations

from gittrack.binding import bind

save_model, log_model, load_model = bind("statsmodels", argument="statsmodels_model")

__all__ = ["load_model", "log_model", "save_model"]
