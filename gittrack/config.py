"""MLflow's `mlflow.config`."""

from __future__ import annotations

from gittrack.system_metrics import (
    disable_system_metrics_logging,
    enable_system_metrics_logging,
    set_system_metrics_node_id,
    set_system_metrics_samples_before_logging,
    set_system_metrics_sampling_interval,
)
from gittrack.tracking.active import get_tracking_uri, is_tracking_uri_set, set_tracking_uri
from gittrack.tracking.calls import get_registry_uri, set_registry_uri

__all__ = [
    "disable_system_metrics_logging",
    "enable_async_logging",
    "enable_system_metrics_logging",
    "get_registry_uri",
    "get_tracking_uri",
    "is_tracking_uri_set",
    "set_registry_uri",
    "set_system_metrics_node_id",
    "set_system_metrics_samples_before_logging",
    "set_system_metrics_sampling_interval",
    "set_tracking_uri",
]


def enable_async_logging(enable: bool = True) -> None:
    """Do nothing: every call is quick, and what was logged is written when it returns."""
