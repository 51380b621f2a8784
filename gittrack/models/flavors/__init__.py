"""The libraries whose models can be saved: a module each, and its line in `FLAVORS`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gittrack.errors import ModelError, UsageError
from gittrack.models.flavors import sklearn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gittrack.models.flavors.base import Flavor

FLAVORS: Mapping[str, Flavor] = {
    sklearn.NAME: sklearn,
}


def named(name: str) -> Flavor:
    """Return the flavor of that name.

    Raises:
        UsageError: there is none.
    """
    if name not in FLAVORS:
        raise UsageError(f"no flavor {name!r}", hint=f"there are: {', '.join(FLAVORS)}")
    return FLAVORS[name]


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

    Raises:
        ModelError: there is none.
    """
    package, _, name = str(module).partition(".")
    if package not in ("mlflow", "gittrack") or name not in FLAVORS:
        raise ModelError(
            f"the model wants the loader {module!r}, which gittrack has not",
            hint=f"there are: {', '.join(FLAVORS)}",
        )
    return FLAVORS[name]
