"""What every flavor module offers, and what they share."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from gittrack.errors import ModelError
from gittrack.models import packages

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Saved(NamedTuple):
    """What a flavor says of the files that it wrote.

    Attributes:
        entry: its own entry of MLmodel's `flavors`.
        python_function: what it adds to the entry `python_function`.
        packages: the top modules that loading the model needs.
    """

    entry: Mapping[str, Any]
    python_function: Mapping[str, Any]
    packages: tuple[str, ...]


class Loading(NamedTuple):
    """How a model is to be loaded.

    Attributes:
        safe: run no code that comes with it.
        config: settings for a model that is written in Python.
        options: what the library's own loading is given.
    """

    safe: bool = False
    config: Mapping[str, Any] | None = None
    options: Mapping[str, Any] = {}


class Flavor(Protocol):
    """A module for one library, which it imports only inside its functions.

    `NAME` is its key in MLmodel and in `FLAVORS`, `OPTIONS` the arguments of save_model that are
    its own. `prepare`, `predict` and `runs_code` have defaults below.
    """

    NAME: str
    OPTIONS: frozenset[str]

    def detect(self, model: object) -> bool:
        """Tell whether a model is of this library."""

    def save(self, model: Any, folder: Path, options: Mapping[str, Any]) -> Saved:
        """Write a model's files into a folder."""

    def runs_code(self, entry: Mapping[str, Any]) -> str:
        """Return what of a model may run code when it is loaded, "" where nothing does."""

    def load(self, folder: Path, entry: Mapping[str, Any], how: Loading) -> Any:
        """Read the model that an entry of MLmodel describes."""

    def prepare(self, model: Any, entry: Mapping[str, Any]) -> Any:
        """Return what predicts for a model; done once."""

    def predict(
        self, model: Any, data: Any, entry: Mapping[str, Any], params: Mapping[str, Any]
    ) -> Any:
        """Let what `prepare` returned answer; `entry` is the one of `python_function`."""


def prepare(model: Any, entry: Mapping[str, Any]) -> Any:
    """Return the model itself."""
    return model


def predict(model: Any, data: Any, entry: Mapping[str, Any], params: Mapping[str, Any]) -> Any:
    """Call the model's method that answers, `predict` if nothing else is named.

    Raises:
        ModelError: it has no such method.
    """
    name = str(entry.get("predict_fn") or "predict")
    method = getattr(model, name, None)
    if not callable(method):
        raise ModelError(
            f"{type(model).__name__} has no method {name!r}",
            hint="load it by the load_model of its library",
        )
    return method(data, **params)


def runs_no_code(entry: Mapping[str, Any]) -> str:
    """Say that nothing runs code."""
    return ""


def runs_pickle(entry: Mapping[str, Any]) -> str:
    """Say that a pickle does."""
    return "a pickle"


def is_own(loader: object) -> bool:
    """Tell whether a loader of MLmodel is gittrack's or MLflow's for models written in Python."""
    return str(loader).startswith("mlflow.pyfunc.")


def of_library(model: object, root: str) -> bool:
    """Tell whether a model's class, or one that it comes from, is a library's."""
    return any(kind.__module__.partition(".")[0] == root for kind in type(model).__mro__)


def library(name: str, entry: Mapping[str, Any] | None = None, version: str = "") -> Any:
    """Return a flavor's library.

    Args:
        version: the key of the entry that says which version saved the model.

    Raises:
        MissingPackageError: it is not installed.
    """
    wanted = (entry or {}).get(version)
    return packages.need(name, why=f"models of {name.partition('.')[0]}", version=wanted)


def class_path(model: object) -> str:
    """Return where a model's class lives."""
    return f"{type(model).__module__}.{type(model).__qualname__}"


def class_at(path: object, root: str) -> Any:
    """Return the class of a library that MLmodel names.

    Raises:
        ModelError: it is of another library, or not there.
    """
    module, _, name = str(path).rpartition(".")
    if module.partition(".")[0] != root:
        raise ModelError(f"MLmodel names {path!r}, which is no class of {root}")
    return getattr(importlib.import_module(module), name)
