"""Models of scikit-learn: one file, of pickle, cloudpickle or skops."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gittrack.errors import ModelError, UsageError
from gittrack.models import pickling
from gittrack.models.flavors import base
from gittrack.models.flavors.base import Saved
from gittrack.models.folder import member

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NAME = "sklearn"
OPTIONS = frozenset({"serialization_format", "pyfunc_predict_fn", "skops_trusted_types"})

_METHODS = ("predict", "transform", "fit")

prepare = base.prepare
predict = base.predict


def detect(model: object) -> bool:
    """Tell whether a model's class, or one that it comes from, is scikit-learn's."""
    return base.of_library(model, NAME)


def save(model: Any, folder: Path, options: Mapping[str, Any]) -> Saved:
    """Write `model.pkl` or `model.skops`.

    Raises:
        ModelError: it is no model, or cannot be pickled.
        UsageError: the format is not known, or the model has no such method to predict with.
    """
    form = options.get("serialization_format") or pickling.CLOUDPICKLE
    file = pickling.file_name(form)
    method = options.get("pyfunc_predict_fn") or "predict"
    if not callable(getattr(model, method, None)) and method != "predict":
        raise UsageError(
            f"{type(model).__name__} has no method {method!r}",
            hint="pyfunc_predict_fn names one it has",
        )
    _check_model(model, method)
    version = base.library(NAME).__version__
    pickling.dump(model, folder / file, form)
    entry = {
        "pickled_model": file,
        "sklearn_version": version,
        "serialization_format": form,
        "code": None,
    }
    needed = {NAME, "numpy", *([form] if form != pickling.PICKLE else ())}
    if form == pickling.SKOPS:
        entry["skops_trusted_types"] = pickling.untrusted_types(folder / file)
    else:
        needed |= pickling.packages_in(folder / file)
    return Saved(entry, {"model_path": file, "predict_fn": method}, tuple(needed))


def _check_model(model: object, method: str) -> None:
    if isinstance(model, type) or not any(
        callable(getattr(model, name, None)) for name in (method, *_METHODS)
    ):
        given = f"the class {model.__name__}" if isinstance(model, type) else type(model).__name__
        raise ModelError(
            f"{given} is no model that could be saved: a model is an object with one of the "
            f"methods {', '.join(_METHODS)}",
            hint=f"give the estimator that was fitted; what was given is {model!r:.60}",
        )


def runs_code(entry: Mapping[str, Any]) -> str:
    """Say that all formats but skops are pickles."""
    return "" if entry.get("serialization_format") == pickling.SKOPS else "a pickle"


def load(folder: Path, entry: Mapping[str, Any], how: base.Loading) -> Any:
    """Read the file that an entry names. Loading a pickle runs the code in it."""
    path = member(folder, entry.get("pickled_model", entry.get("model_path", "model.pkl")))
    base.library(NAME, entry, "sklearn_version")
    trusted = None if how.safe else entry.get("skops_trusted_types")
    return pickling.load(path, entry.get("serialization_format", "pickle"), trusted=trusted)
