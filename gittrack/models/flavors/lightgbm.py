"""Models of LightGBM: boosters in LightGBM's own format, the others pickled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gittrack.models import pickling
from gittrack.models.flavors import base
from gittrack.models.flavors.base import Saved
from gittrack.models.folder import member

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NAME = "lightgbm"
OPTIONS = frozenset({"serialization_format", "skops_trusted_types"})

_BOOSTER = "lightgbm.basic.Booster"

prepare = base.prepare
predict = base.predict


def detect(model: object) -> bool:
    """Tell whether a model is LightGBM's."""
    return base.of_library(model, NAME)


def save(model: Any, folder: Path, options: Mapping[str, Any]) -> Saved:
    """Write `model.lgb` of a booster, `model.pkl` or `model.skops` of another."""
    form = options.get("serialization_format") or pickling.CLOUDPICKLE
    kind, file = base.class_path(model), pickling.file_name(form)
    entry = {"model_class": kind, "lgb_version": base.library(NAME).__version__, "code": None}
    if kind == _BOOSTER:
        file = "model.lgb"
        model.save_model(folder / file)
        return Saved({"data": file, **entry}, {"data": file}, (NAME, "numpy"))
    pickling.dump(model, folder / file, form)
    entry |= {"data": file, "serialization_format": form}
    if form == pickling.SKOPS:
        entry["skops_trusted_types"] = pickling.untrusted_types(folder / file)
    needed = (NAME, "numpy", "sklearn", *([form] if form != pickling.PICKLE else ()))
    return Saved(entry, {"data": file}, needed)


def runs_code(entry: Mapping[str, Any]) -> str:
    """Say that what is no booster is pickled, but with skops."""
    plain = entry.get("model_class", _BOOSTER) == _BOOSTER
    return "" if plain or entry.get("serialization_format") == pickling.SKOPS else "a pickle"


def load(folder: Path, entry: Mapping[str, Any], how: base.Loading) -> Any:
    """Read the model into an object of the class that it was saved from."""
    path = member(folder, entry.get("data", "model.lgb"))
    lightgbm = base.library(NAME, entry, "lgb_version")
    if entry.get("model_class", _BOOSTER) == _BOOSTER:
        return lightgbm.Booster(model_file=str(path))
    form = entry.get("serialization_format", pickling.CLOUDPICKLE)
    return pickling.load(path, form, trusted=None if how.safe else entry.get("skops_trusted_types"))
