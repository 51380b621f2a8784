"""Pickles of models: by value where the code is the user's own, and with skops, which runs none."""

from __future__ import annotations

import importlib
import pickle
import sys
from typing import IO, TYPE_CHECKING, Any

from gittrack.errors import ModelError, UsageError
from gittrack.models import packages, pythonmodel
from gittrack.standin import serve_where_missing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

CLOUDPICKLE, PICKLE, SKOPS = "cloudpickle", "pickle", "skops"

_SUFFIXES = {CLOUDPICKLE: ".pkl", PICKLE: ".pkl", SKOPS: ".skops"}
_SCANNED = 1 << 20
_STANDARD = frozenset(sys.stdlib_module_names) | {"__main__", "gittrack", "mlflow"}


def file_name(form: str) -> str:
    """Return the file that a model of a format is kept in.

    Raises:
        UsageError: there is no such format.
    """
    if form not in _SUFFIXES:
        raise UsageError(
            f"serialization_format is {form!r}", hint=f"use one of {', '.join(_SUFFIXES)}"
        )
    return f"model{_SUFFIXES[form]}"


def dump(model: object, path: Path, form: str = CLOUDPICKLE) -> None:
    """Write a model.

    Raises:
        ModelError: it cannot be pickled.
        MissingPackageError: the format needs what is not installed.
    """
    pickler = pickle if form == PICKLE else packages.need(form, why=f"models saved as {form}")
    try:
        if form == SKOPS:
            importlib.import_module("skops.io").dump(model, path)
            return
        with path.open("wb") as file:
            if form == CLOUDPICKLE:
                _dump_by_value(pickler, model, file)
            else:
                pickler.dump(model, file, protocol=pickle.DEFAULT_PROTOCOL)
    except Exception as error:  # what a model's own code raises
        if isinstance(error, OSError):
            raise
        raise ModelError(
            f"{type(model).__name__} cannot be pickled: {error}",
            hint="take out what holds a file, lock or connection",
        ) from error


def _dump_by_value(cloudpickle: Any, model: object, file: IO[bytes]) -> None:
    cloudpickle.register_pickle_by_value(pythonmodel)
    try:
        cloudpickle.dump(model, file, protocol=pickle.DEFAULT_PROTOCOL)
    finally:
        cloudpickle.unregister_pickle_by_value(pythonmodel)


def load(path: Path, form: str = CLOUDPICKLE, *, trusted: Sequence[str] | None = None) -> Any:
    """Read a model. But for skops, that runs the code in it.

    Args:
        trusted: types that skops may make beside those that it knows.

    Raises:
        ModelError: skops finds a type that is not trusted.
    """
    file_name(form)
    if form == SKOPS:
        packages.need(SKOPS, why="models saved as skops")
        skops = importlib.import_module("skops.io")
        known = set(trusted or ())
        if strange := sorted(set(skops.get_untrusted_types(file=path)) - known):
            raise ModelError(
                f"{path} holds types that are not trusted: {', '.join(strange)}",
                hint="load it without safe, if you know who made it",
            )
        return skops.load(path, trusted=sorted(known))
    if form == CLOUDPICKLE:
        packages.need(form, why=f"models saved as {form}")
    with path.open("rb") as file:
        return _Unpickler(file).load()


def untrusted_types(path: Path) -> list[str]:
    """Return the types in a file of skops that it would ask about."""
    return sorted(importlib.import_module("skops.io").get_untrusted_types(file=path))


def packages_in(path: Path) -> set[str]:
    """Return the top modules of other libraries that a small pickle names."""
    if path.stat().st_size > _SCANNED:
        return set()
    import pickletools  # which builds tables for some milliseconds

    names = {
        value.partition(".")[0].partition(" ")[0]
        for opcode, value, _ in pickletools.genops(path.read_bytes())
        if isinstance(value, str) and (opcode.name == "GLOBAL" or value in sys.modules)
    }
    return {name for name in names if name in sys.modules and name not in _STANDARD}


class _Unpickler(pickle.Unpickler):
    """Finds MLflow's classes in gittrack, where MLflow is not installed."""

    def find_class(self, module: str, name: str) -> Any:
        if module.partition(".")[0] == "mlflow" and serve_where_missing():
            own = {"_FunctionPythonModel": "FunctionModel"}.get(name, name)
            return getattr(pythonmodel, own, None) or type(name, (_Unknown,), {})
        return super().find_class(module, name)


class _Unknown:
    """What stands for an object of MLflow's that predictions do not need."""

    def __init__(self, *_args: Any) -> None:
        pass
