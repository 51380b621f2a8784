"""Fitted models of statsmodels: a pickle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gittrack.models import pickling
from gittrack.models.flavors import base
from gittrack.models.flavors.base import Saved
from gittrack.models.folder import member

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NAME = "statsmodels"
OPTIONS = frozenset({"remove_data"})

_FILE = "model.statsmodels"

prepare = base.prepare
runs_code = base.runs_pickle


def detect(model: object) -> bool:
    """Tell whether a model is a result of statsmodels."""
    return base.of_library(model, NAME)


def save(model: Any, folder: Path, options: Mapping[str, Any]) -> Saved:
    """Write `model.statsmodels`; `remove_data` leaves out what it was fitted to."""
    model.save(str(folder / _FILE), remove_data=bool(options.get("remove_data")))
    version = base.library(NAME).__version__
    entry = {"data": _FILE, "statsmodels_version": version, "code": None}
    needed = {NAME, "numpy", "pandas", *pickling.packages_in(folder / _FILE)}
    return Saved(entry, {"data": _FILE}, tuple(needed))


def load(folder: Path, entry: Mapping[str, Any], how: base.Loading) -> Any:
    """Read the pickle. Loading it runs the code in it."""
    path = member(folder, entry.get("data", _FILE))
    base.library(NAME, entry, "statsmodels_version")
    return pickling.load(path, pickling.PICKLE)


def predict(model: Any, data: Any, entry: Mapping[str, Any], params: Mapping[str, Any]) -> Any:
    """Let a model answer; one of a time series from columns `start` and `end` of one row."""
    series = base.library("statsmodels.tsa.base.tsa_model").TimeSeriesModel
    if isinstance(model.model, series) and hasattr(data, "columns"):
        return model.predict(start=data["start"].iloc[0], end=data["end"].iloc[0], **params)
    return base.predict(model, data, entry, params)
