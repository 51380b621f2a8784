"""Loading a model, by no more of gittrack than that takes: a fresh process waits for it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from gittrack.models import loading, mlmodel
from gittrack.models.info import ModelInfo, info_of
from gittrack.models.mlmodel import PYTHON_FUNCTION
from gittrack.models.uri import is_stored, resolve

if TYPE_CHECKING:
    from pathlib import Path

    from gittrack.runs.store import Store


def load_model(model_uri: str | Path, *, flavor: str | None = None, **options: Any) -> Any:
    """Load a model as the object that its library made.

    Args:
        model_uri: `runs:/RUN/path`, `models:/NAME/3`, `models:/NAME@ALIAS`, a path, or `file:`.
        flavor: the library it belongs to; the model's own where not given.
        options: `safe=True` loads only what runs no code that comes with the model.

    Raises:
        NotFoundError: there is no such model.
        ModelError: it is damaged, not of this flavor, or not safe.
    """
    store = store_of(model_uri)
    if flavor is None:
        there = mlmodel.read(resolve(model_uri, store=store)).flavors
        flavor = next((name for name in there if name != PYTHON_FUNCTION), PYTHON_FUNCTION)
    return loading.load_model(model_uri, flavor=flavor, store=store, **options)


def get_model_info(model_uri: str | Path) -> ModelInfo:
    """Return what is known of a model, such as its signature, without loading it.

    Args:
        model_uri: see `load_model`.

    Raises:
        NotFoundError: there is no such model.
        ModelError: its MLmodel cannot be read.
    """
    described = mlmodel.read(resolve(model_uri, store=store_of(model_uri)))
    return info_of(described, os.fspath(model_uri))


def store_of(model_uri: str | Path) -> Store | None:
    """Return the store that a URI's run or name is looked for in; none where it is a path."""
    if not is_stored(model_uri):
        return None
    from gittrack.tracking.active import open_store

    return open_store()
