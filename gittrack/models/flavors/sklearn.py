"""Models of scikit-learn: one pickle."""

from __future__ import annotations

import importlib
import pickle
from typing import TYPE_CHECKING, Any

from gittrack.errors import MissingPackageError, ModelError, UsageError
from gittrack.models.flavors.base import Saved
from gittrack.models.folder import member

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NAME = "sklearn"
OPTIONS = frozenset({"serialization_format", "pyfunc_predict_fn"})

_FILE = "model.pkl"
_METHODS = ("predict", "transform", "fit")
_FORMATS = ("cloudpickle", "pickle")
_DAMAGED = (
    pickle.UnpicklingError,
    AttributeError,
    EOFError,
    IndexError,
    KeyError,
    TypeError,
    ValueError,
)


def detect(model: object) -> bool:
    """Tell whether a model's class, or one that it comes from, is scikit-learn's."""
    return any(kind.__module__.partition(".")[0] == "sklearn" for kind in type(model).__mro__)


def save(model: object, folder: Path, options: Mapping[str, Any]) -> Saved:
    """Write `model.pkl`.

    Raises:
        ModelError: it is no model, or cannot be pickled.
        UsageError: the format is not known, or the model has no such method to predict with.
    """
    form = options.get("serialization_format") or _FORMATS[0]
    if form not in _FORMATS:
        raise UsageError(
            f"serialization_format is {form!r}", hint=f"use one of {', '.join(_FORMATS)}"
        )
    method = options.get("pyfunc_predict_fn") or "predict"
    if not callable(getattr(model, method, None)) and method != "predict":
        raise UsageError(
            f"{type(model).__name__} has no method {method!r}",
            hint="pyfunc_predict_fn names one it has",
        )
    _check_model(model, method)
    pickler = _module(form)
    try:
        with (folder / _FILE).open("wb") as file:
            pickler.dump(model, file, protocol=pickle.DEFAULT_PROTOCOL)
    except (pickle.PicklingError, TypeError, AttributeError, RecursionError) as error:
        raise ModelError(
            f"{type(model).__name__} cannot be pickled: {error}",
            hint="take out what holds a file, lock or connection",
        ) from error
    version = _module("sklearn").__version__
    entry = {
        "pickled_model": _FILE,
        "sklearn_version": version,
        "serialization_format": form,
        "code": None,
    }
    packages = ("scikit-learn", "numpy", *(("cloudpickle",) if form == "cloudpickle" else ()))
    return Saved(entry, {"model_path": _FILE, "predict_fn": method}, packages)


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


def load(folder: Path, entry: Mapping[str, Any]) -> Any:
    """Read the pickle that an entry names. Loading a pickle runs the code in it.

    Raises:
        ModelError: it is damaged, or of a format or library version that cannot be read here.
        MissingPackageError: a package that it needs is not installed.
    """
    form = entry.get("serialization_format", "pickle")
    if form not in _FORMATS:
        raise ModelError(
            f"{folder} was saved as {form!r}, which this version does not read",
            hint="save it again with serialization_format='cloudpickle'",
        )
    path = member(folder, entry.get("pickled_model", entry.get("model_path", _FILE)))
    version = entry.get("sklearn_version")
    _module("sklearn", version)
    _module(form)
    saved_with = f"; it was saved with scikit-learn {version}" if version else ""
    try:
        with path.open("rb") as file:
            return pickle.load(file)  # noqa: S301 - the docstring warns of it
    except ImportError as error:
        raise MissingPackageError(
            f"{path} needs {error.name or error}, which is not installed here{saved_with}",
            hint=f"pip install -r {folder / 'requirements.txt'}",
        ) from error
    except OSError as error:
        raise ModelError(
            f"cannot read {path}: {error.strerror}", hint="check its rights"
        ) from error
    except _DAMAGED as error:
        raise ModelError(
            f"{path} cannot be unpickled: {type(error).__name__}: {error}{saved_with}",
            hint=f"pip install -r {folder / 'requirements.txt'}, or save the model again",
        ) from error


def predict(model: Any, data: Any, entry: Mapping[str, Any]) -> Any:
    """Call the model's method that answers, `predict` if nothing else is named.

    Raises:
        ModelError: it has no such method.
    """
    method = getattr(model, str(entry.get("predict_fn") or "predict"), None)
    if not callable(method):
        name = entry.get("predict_fn") or "predict"
        raise ModelError(
            f"{type(model).__name__} has no method {name!r}", hint="load it with sklearn.load_model"
        )
    return method(data)


def _module(name: str, version: object = None) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = "scikit-learn" if name == "sklearn" else name
        wanted = f"{package}=={version}" if version else package
        raise MissingPackageError(
            f"{package} is not installed", hint=f"pip install {wanted}"
        ) from error
