"""The libraries whose models can be saved: a module each, and its line in `FLAVORS`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import cast

from gittrack.errors import ModelError, UsageError
from gittrack.models.flavors.base import Flavor, is_own
from gittrack.models.mlmodel import PYTHON_FUNCTION

# The first that detects a model has it, so those that build on another come before it.
_MODULES = {
    **{
        name: name
        for name in (
            "xgboost",
            "lightgbm",
            "catboost",
            "sklearn",
            "transformers",
            "keras",
            "tensorflow",
            "pytorch",
            "onnx",
            "statsmodels",
        )
    },
    PYTHON_FUNCTION: "pyfunc",
}
_ALIASES = {"pyfunc": PYTHON_FUNCTION, "torch": "pytorch"}


class _Flavors(Mapping[str, Flavor]):
    """The flavors by name, each imported when it is asked for."""

    def __getitem__(self, name: str) -> Flavor:
        return cast("Flavor", import_module(f"{__name__}.{_MODULES[name]}"))

    def __iter__(self) -> Iterator[str]:
        return iter(_MODULES)

    def __len__(self) -> int:
        return len(_MODULES)


FLAVORS = _Flavors()


def named(name: str) -> Flavor:
    """Return the flavor of that name.

    Raises:
        UsageError: there is none.
    """
    found = FLAVORS.get(_ALIASES.get(name, name))
    if found is None:
        raise UsageError(f"no flavor {name!r}", hint=f"there are: {', '.join(FLAVORS)}")
    return found


def of_model(model: object) -> Flavor:
    """Return the flavor that a model belongs to.

    Raises:
        ModelError: no flavor knows it.
    """
    for flavor in FLAVORS.values():
        if flavor.detect(model):
            return flavor
    kind = f"{type(model).__module__}.{type(model).__qualname__}"
    raise ModelError(
        f"no flavor saves a {kind}", hint=f"name one with flavor=: {', '.join(FLAVORS)}"
    )


def of_loader(module: object) -> Flavor:
    """Return the flavor that stands for a `loader_module` of MLmodel, such as `mlflow.sklearn`.

    A module of anybody else's is one that loads its model by itself.

    Raises:
        ModelError: it is a flavor of MLflow's that there is not.
    """
    package, _, name = str(module).partition(".")
    if is_own(module) or (module and package not in ("mlflow", "gittrack")):
        return FLAVORS[PYTHON_FUNCTION]
    if name not in FLAVORS:
        raise ModelError(
            f"the model wants the loader {module!r}, which gittrack has not",
            hint=f"there are: {', '.join(FLAVORS)}",
        )
    return FLAVORS[name]
