"""The functions of a flavor's module, such as `gittrack.sklearn`: the general ones, bound to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from gittrack.errors import UsageError
from gittrack.tracking import loading

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gittrack.models.info import ModelInfo
    from gittrack.models.mlmodel import Model

_ABSENT = object()


class Bound(NamedTuple):
    """The three functions that a flavor's module has."""

    save_model: Callable[..., Model]
    log_model: Callable[..., ModelInfo]
    load_model: Callable[..., Any]


def bind(flavor: str, *, argument: str) -> Bound:
    """Return the functions of a flavor.

    Args:
        flavor: its name in `gittrack.models.flavors.FLAVORS`.
        argument: the name that MLflow gives the model among the arguments, such as `sk_model`.
    """

    def save_model(model: Any = _ABSENT, path: str | Path | None = None, **options: Any) -> Model:
        from gittrack.tracking import models

        model = _model(model, options, argument)
        if path is None:
            raise UsageError("save_model needs a path", hint="save_model(model, 'path')")
        return models.save_model(model, path, flavor=flavor, **options)

    def log_model(
        model: Any = _ABSENT, artifact_path: str | None = None, **options: Any
    ) -> ModelInfo:
        from gittrack.tracking import models

        model = _model(model, options, argument)
        return models.log_model(model, artifact_path, flavor=flavor, **options)

    def load_model(model_uri: str | Path, dst_path: None = None, **options: Any) -> Any:
        if dst_path is not None:
            raise UsageError("dst_path is not used: models are loaded where they lie")
        return loading.load_model(model_uri, flavor=flavor, **options)

    save_model.__doc__ = f"""Save a model of {flavor} as a folder.

    Args:
        model: the model, also as {argument}.
        path: the folder to make.
        options: see `gittrack.models.saving.SaveOptions`.
    """
    log_model.__doc__ = f"""Save a model of {flavor} among the artifacts of the active run.

    Args:
        model: the model, also as {argument}.
        artifact_path: its folder there, "model" by default, also as name.
        options: see `gittrack.tracking.models.log_model`.
    """
    load_model.__doc__ = f"Load a model of {flavor} as the object that {flavor} made."
    return Bound(save_model, log_model, load_model)


def _model(model: Any, options: dict[str, Any], argument: str) -> Any:
    if (model is _ABSENT) == (argument not in options):
        raise UsageError(f"give the model once, as the first argument or as {argument}")
    return options.pop(argument) if model is _ABSENT else model
