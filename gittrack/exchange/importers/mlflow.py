"""MLflow's runs and registered models, from a file store or a database of SQLite."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gittrack.exchange.importers import mlflow_database, mlflow_files

if TYPE_CHECKING:
    from pathlib import Path

    from gittrack.exchange.incoming import Left, Source

LABEL = "store of MLflow's (a folder with meta.yaml files, or an mlflow.db)"


def detect(path: Path) -> bool:
    """Tell whether there is a store of MLflow's at a path."""
    return mlflow_database.detect(path) or mlflow_files.detect(path)


def read(path: Path, left: Left, *, folders: tuple[Path, ...]) -> Source:
    """Return what a store of MLflow's holds."""
    if mlflow_database.detect(path):
        return mlflow_database.read(path, left, folders=folders)
    return mlflow_files.read(path, left, folders=folders)
