"""Models of XGBoost: boosters and those with scikit-learn's interface, in XGBoost's own format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gittrack.models.flavors import base
from gittrack.models.flavors.base import Saved
from gittrack.models.folder import member

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NAME = "xgboost"
OPTIONS = frozenset({"model_format"})

_BOOSTER = "xgboost.core.Booster"

prepare = base.prepare
runs_code = base.runs_no_code


def detect(model: object) -> bool:
    """Tell whether a model is XGBoost's."""
    return base.of_library(model, NAME)


def save(model: Any, folder: Path, options: Mapping[str, Any]) -> Saved:
    """Write `model.ubj`, or `model.json` where `model_format` says so."""
    form = options.get("model_format") or "ubj"
    file = f"model.{form}"
    model.save_model(folder / file)
    entry = {
        "data": file,
        "model_class": base.class_path(model),
        "model_format": form,
        "xgb_version": base.library(NAME).__version__,
        "code": None,
    }
    needed = (NAME, "numpy") if entry["model_class"] == _BOOSTER else (NAME, "numpy", "sklearn")
    return Saved(entry, {"data": file}, needed)


def load(folder: Path, entry: Mapping[str, Any], how: base.Loading) -> Any:
    """Read the model into an object of the class that it was saved from."""
    path = member(folder, entry.get("data", "model.xgb"))
    base.library(NAME, entry, "xgb_version")
    model = base.class_at(entry.get("model_class", _BOOSTER), NAME)()
    model.load_model(path)
    return model


def predict(model: Any, data: Any, entry: Mapping[str, Any], params: Mapping[str, Any]) -> Any:
    """Let a model answer, a booster from a matrix of its own."""
    if base.class_path(model) == _BOOSTER:
        data = base.library(NAME).DMatrix(data)
    return base.predict(model, data, entry, params)
