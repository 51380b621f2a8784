"""Models of CatBoost, in its own format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gittrack.models.flavors import base
from gittrack.models.flavors.base import Saved
from gittrack.models.folder import member

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NAME = "catboost"
OPTIONS: frozenset[str] = frozenset()

_FILE, _FORMAT = "model.cb", "cbm"

prepare = base.prepare
predict = base.predict
runs_code = base.runs_no_code


def detect(model: object) -> bool:
    """Tell whether a model is CatBoost's."""
    return base.of_library(model, NAME)


def save(model: Any, folder: Path, options: Mapping[str, Any]) -> Saved:
    """Write `model.cb`."""
    model.save_model(str(folder / _FILE), format=_FORMAT)
    entry = {
        "data": _FILE,
        "model_type": type(model).__name__,
        "save_format": _FORMAT,
        "catboost_version": base.library(NAME).__version__,
        "code": None,
    }
    return Saved(entry, {"data": _FILE}, (NAME, "numpy"))


def load(folder: Path, entry: Mapping[str, Any], how: base.Loading) -> Any:
    """Read the model into an object of the class that it was saved from."""
    path = member(folder, entry.get("data", _FILE))
    base.library(NAME, entry, "catboost_version")
    model = base.class_at(f"{NAME}.{entry.get('model_type', 'CatBoost')}", NAME)()
    model.load_model(str(path), format=entry.get("save_format", _FORMAT))
    return model
