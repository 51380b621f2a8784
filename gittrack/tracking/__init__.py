"""Logging: the active run, and the calls that MLflow's users know."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gittrack.tracking.active import get_tracking_uri as get_tracking_uri
    from gittrack.tracking.active import is_tracking_uri_set as is_tracking_uri_set
    from gittrack.tracking.active import set_tracking_uri as set_tracking_uri
    from gittrack.tracking.client import MlflowClient as MlflowClient

_HOMES = {
    "MlflowClient": "gittrack.tracking.client",
    "get_tracking_uri": "gittrack.tracking.active",
    "is_tracking_uri_set": "gittrack.tracking.active",
    "set_tracking_uri": "gittrack.tracking.active",
}

__all__ = ["MlflowClient", "get_tracking_uri", "is_tracking_uri_set", "set_tracking_uri"]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'gittrack.tracking' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
