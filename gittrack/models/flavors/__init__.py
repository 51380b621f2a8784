"""The libraries whose models can be saved: a module each, and its line in `FLAVORS`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gittrack.errors import ModelError, UsageError
from gittrack.models.flavors import (
    catboost,
    keras,
    lightgbm,
    onnx,
    pyfunc,
    pytorch,
    sklearn,
    statsmodels,
    tensorflow,
    transformers,
    xgboost,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gittrack.models.flavors.base import Flavor

# The first that detects a model has it, so those that build on another come before it.
FLAVORS: Mapping[str, Flavor] = {
    flavor.NAME: flavor
    for flavor in (
        xgboost,
        lightgbm,
        catboost,
        sklearn,
        transformers,
        keras,
        tensorflow,
        pytorch,
        onnx,
        statsmodels,
        pyfunc,
    )
}
_ALIASES = {"pyfunc": pyfunc.NAME, "torch": pytorch.NAME}


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
    if pyfunc.is_own(module) or (module and package not in ("mlflow", "gittrack")):
        return pyfunc
    if name not in FLAVORS:
        raise ModelError(
            f"the model wants the loader {module!r}, which gittrack has not",
            hint=f"there are: {', '.join(FLAVORS)}",
        )
    return FLAVORS[name]
