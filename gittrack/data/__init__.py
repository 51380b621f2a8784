"""MLflow's `mlflow.data`: tables, arrays and files as the inputs of runs, told by their digests."""

from __future__ import annotations

from gittrack.tracking.datasets import (
    Dataset,
    DatasetSource,
    NumpyDataset,
    PandasDataset,
    file_digest,
    from_file,
    from_numpy,
    from_pandas,
    get_source,
)

__all__ = [
    "Dataset",
    "DatasetSource",
    "NumpyDataset",
    "PandasDataset",
    "file_digest",
    "from_file",
    "from_numpy",
    "from_pandas",
    "get_source",
]
