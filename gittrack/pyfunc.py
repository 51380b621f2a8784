"""MLflow's `mlflow.pyfunc`: models written in Python, and models of any flavor that predict."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gittrack.errors import UsageError
from gittrack.models import pyfunc
from gittrack.models.pyfunc import PyFuncModel
from gittrack.models.pythonmodel import PythonModel, PythonModelContext
from gittrack.models.uri import resolve
from gittrack.tracking.loading import store_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gittrack.engines.spark import ModelUdf
    from gittrack.models.info import ModelInfo
    from gittrack.models.mlmodel import Model

__all__ = [
    "PyFuncModel",
    "PythonModel",
    "PythonModelContext",
    "dask_predict",
    "load_model",
    "log_model",
    "ray_predict",
    "save_model",
    "spark_udf",
]


def save_model(
    path: str | Path, *, python_model: Any = None, loader_module: str | None = None, **options: Any
) -> Model:
    """Save a model written in Python as a folder.

    Args:
        python_model: a PythonModel, a function, or the path of a script that calls `set_model`.
        loader_module: in its place, a module with `_load_pyfunc(path)`, for `data_path`.
        options: see `gittrack.models.saving.SaveOptions`.
    """
    from gittrack.tracking import models

    return models.save_model(_model(python_model, loader_module), path, flavor="pyfunc", **options)


def log_model(
    artifact_path: str | None = None,
    *,
    python_model: Any = None,
    loader_module: str | None = None,
    **options: Any,
) -> ModelInfo:
    """Save a model written in Python among the artifacts of the active run; see `save_model`."""
    from gittrack.tracking import models

    model = _model(python_model, loader_module)
    return models.log_model(model, artifact_path, flavor="pyfunc", **options)


def load_model(
    model_uri: str | Path,
    *,
    safe: bool = False,
    model_config: Mapping[str, Any] | str | Path | None = None,
) -> PyFuncModel:
    """Load a model of any flavor.

    Args:
        model_uri: `runs:/RUN/path`, `models:/NAME/3`, `models:/NAME@ALIAS`, a path, or `file:`.
        safe: load only what runs no code that comes with the model.
        model_config: settings for a model that is written in Python.

    Raises:
        NotFoundError: there is no such model.
        ModelError: it is damaged, not safe, or of a flavor that gittrack has not.
    """
    return pyfunc.load_model(
        model_uri, store=store_of(model_uri), safe=safe, model_config=model_config
    )


def spark_udf(
    spark: Any,
    model_uri: str | Path,
    result_type: Any = None,
    env_manager: str | None = None,
    params: Mapping[str, Any] | None = None,
) -> ModelUdf:
    """Return a model as a function of Spark columns, for tables and for streams.

    Call the function with columns in the order of the signature, with one struct column, or with
    nothing, which takes the columns that the signature names.

    Args:
        spark: the SparkSession.
        model_uri: `runs:/RUN/path`, a path, or `file:`.
        result_type: a Spark type or its DDL: boolean, int, bigint, float, double, string, an array
            of one, or a struct. By default what the signature says, else double. A plain type takes
            the leftmost column of the answer that fits, an array all of them.
        env_manager: "virtualenv" or "conda" scores in the model's own environment, built here and
            found by the workers under the same path; "local" in that of the workers, even where the
            model was saved with another Python.
        params: named parameters of the model.

    Raises:
        MissingPackageError: pyspark is not installed.
        ToolError: the model wants another Python, or its environment cannot be built.
        UsageError: predictions cannot have that result type.
        NotFoundError: there is no such model.
        ModelError: it is damaged.
    """
    from gittrack.engines import spark as engine

    folder = resolve(model_uri, store=store_of(model_uri))
    return engine.spark_udf(
        spark, folder, result_type=result_type, env_manager=env_manager, params=params
    )


def dask_predict(frame: Any, model_uri: str | Path) -> Any:
    """Return the predictions for a Dask DataFrame, as one; its partitions are scored in place.

    Raises:
        MissingPackageError: dask is not installed.
        NotFoundError: there is no such model.
        ModelError: it is damaged.
    """
    from gittrack.engines import dask as engine

    return engine.predict(frame, resolve(model_uri, store=store_of(model_uri)))


def ray_predict(dataset: Any, model_uri: str | Path) -> Any:
    """Return the predictions for a Ray dataset, as one; its batches are scored where they lie.

    Raises:
        MissingPackageError: ray is not installed.
        NotFoundError: there is no such model.
        ModelError: it is damaged.
    """
    from gittrack.engines import ray as engine

    return engine.predict(dataset, resolve(model_uri, store=store_of(model_uri)))


def _model(python_model: Any, loader_module: str | None) -> Any:
    if (python_model is None) == (loader_module is None):
        raise UsageError(
            "give python_model or loader_module", hint="save_model(path, python_model=model)"
        )
    if loader_module is None:
        return python_model
    from gittrack.models.flavors.pyfunc import LoaderModule

    return LoaderModule(loader_module)
