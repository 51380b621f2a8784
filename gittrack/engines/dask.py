"""Dask: a model over the partitions of a DataFrame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gittrack.engines import parcel
from gittrack.models import packages

if TYPE_CHECKING:
    from pathlib import Path


def predict(frame: Any, folder: Path) -> Any:
    """Return the predictions for a Dask DataFrame; see `gittrack.pyfunc.dask_predict`."""
    delayed = packages.need("dask", why="predictions by Dask").delayed
    model = parcel.in_memory(folder)
    expected = model.predict(frame._meta_nonempty)
    return frame.map_partitions(_predict, delayed(model), meta=expected.iloc[:0])


def _predict(part: Any, model: parcel.InMemory) -> Any:
    return model.predict(part)
