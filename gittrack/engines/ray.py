"""Ray: a model over the batches of a dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gittrack.engines import parcel
from gittrack.models import packages

if TYPE_CHECKING:
    from pathlib import Path


def predict(dataset: Any, folder: Path) -> Any:
    """Return the predictions for a Ray dataset; see `gittrack.pyfunc.ray_predict`."""
    packages.need("ray.data", why="predictions by Ray")
    return dataset.map_batches(parcel.in_memory(folder).predict, batch_format="pandas")
