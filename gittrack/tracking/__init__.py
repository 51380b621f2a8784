"""Logging: the active run, and the calls that MLflow's users know."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gittrack.tracking.active import get_tracking_uri as get_tracking_uri
    from gittrack.tracking.active import is_tracking_uri_set as is_tracking_uri_set
    from gittrack.tracking.active import set_tracking_uri as set_tracking_uri
    from gittrack.tracking.calls import get_registry_uri as get_registry_uri
    from gittrack.tracking.calls import set_registry_uri as set_registry_uri
    from gittrack.tracking.client import MlflowClient as MlflowClient

__all__ = [
    "MlflowClient",
    "get_registry_uri",
    "get_tracking_uri",
    "is_tracking_uri_set",
    "set_registry_uri",
    "set_tracking_uri",
]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'gittrack.tracking' has no attribute {name!r}")
    home = "client" if name == "MlflowClient" else "calls" if "registry" in name else "active"
    return getattr(import_module(f"gittrack.tracking.{home}"), name)
