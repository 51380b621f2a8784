"""MLflow's `mlflow.exceptions`: the names of its errors for those of `gittrack.errors`."""

from __future__ import annotations

from gittrack.errors import GittrackError, ProjectError

MlflowException = GittrackError
RestException = GittrackError
ExecutionException = ProjectError

__all__ = ["ExecutionException", "MlflowException", "RestException"]
