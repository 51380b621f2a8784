"""MLflow's `mlflow.pyfunc`: load a model of any flavor and let it predict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gittrack.models import pyfunc
from gittrack.models.pyfunc import PyFuncModel
from gittrack.tracking.active import open_store

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["PyFuncModel", "load_model"]


def load_model(model_uri: str | Path) -> PyFuncModel:
    """Load a model of any flavor.

    Args:
        model_uri: `runs:/RUN/path`, a path, or `file:`.

    Raises:
        NotFoundError: there is no such model.
        ModelError: it is damaged, or of a flavor that gittrack has not.
    """
    return pyfunc.load_model(model_uri, store=open_store())
