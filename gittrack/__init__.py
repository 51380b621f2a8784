"""gittrack: experiments, projects and models as plain files in a Git repository."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from gittrack.version import VERSION

if TYPE_CHECKING:
    from gittrack.entities import Experiment as Experiment
    from gittrack.entities import Run as Run
    from gittrack.entities import ViewType as ViewType
    from gittrack.errors import GittrackError as GittrackError
    from gittrack.projects.running import run as run
    from gittrack.tracking.active import ActiveRun as ActiveRun
    from gittrack.tracking.active import active_run as active_run
    from gittrack.tracking.active import end_run as end_run
    from gittrack.tracking.active import get_tracking_uri as get_tracking_uri
    from gittrack.tracking.active import set_tracking_uri as set_tracking_uri
    from gittrack.tracking.active import start_run as start_run
    from gittrack.tracking.finding import search_runs as search_runs
    from gittrack.tracking.fluent import autolog as autolog
    from gittrack.tracking.fluent import get_run as get_run
    from gittrack.tracking.fluent import log_artifact as log_artifact
    from gittrack.tracking.fluent import log_artifacts as log_artifacts
    from gittrack.tracking.fluent import log_metric as log_metric
    from gittrack.tracking.fluent import log_metrics as log_metrics
    from gittrack.tracking.fluent import log_param as log_param
    from gittrack.tracking.fluent import log_params as log_params
    from gittrack.tracking.fluent import set_experiment as set_experiment
    from gittrack.tracking.fluent import set_tag as set_tag
    from gittrack.tracking.fluent import set_tags as set_tags

__version__ = VERSION

_HOMES = {
    "ActiveRun": "gittrack.tracking.active",
    "Experiment": "gittrack.entities",
    "GittrackError": "gittrack.errors",
    "Run": "gittrack.entities",
    "ViewType": "gittrack.entities",
    "active_run": "gittrack.tracking.active",
    "autolog": "gittrack.tracking.fluent",
    "end_run": "gittrack.tracking.active",
    "get_run": "gittrack.tracking.fluent",
    "get_tracking_uri": "gittrack.tracking.active",
    "log_artifact": "gittrack.tracking.fluent",
    "log_artifacts": "gittrack.tracking.fluent",
    "log_metric": "gittrack.tracking.fluent",
    "log_metrics": "gittrack.tracking.fluent",
    "log_param": "gittrack.tracking.fluent",
    "log_params": "gittrack.tracking.fluent",
    "run": "gittrack.projects.running",
    "search_runs": "gittrack.tracking.finding",
    "set_experiment": "gittrack.tracking.fluent",
    "set_tag": "gittrack.tracking.fluent",
    "set_tags": "gittrack.tracking.fluent",
    "set_tracking_uri": "gittrack.tracking.active",
    "start_run": "gittrack.tracking.active",
}
_MODULES = ("artifacts", "entities", "projects", "pyfunc", "sklearn", "tracking")

__all__ = [
    "ActiveRun",
    "Experiment",
    "GittrackError",
    "Run",
    "ViewType",
    "active_run",
    "autolog",
    "end_run",
    "get_run",
    "get_tracking_uri",
    "log_artifact",
    "log_artifacts",
    "log_metric",
    "log_metrics",
    "log_param",
    "log_params",
    "run",
    "search_runs",
    "set_experiment",
    "set_tag",
    "set_tags",
    "set_tracking_uri",
    "start_run",
]


def __getattr__(name: str) -> object:
    """Find a public name where it lives, on its first use.

    So that importing the package stays fast (PEP 562).
    """
    if name in _HOMES:
        value = getattr(import_module(_HOMES[name]), name)
    elif name in _MODULES:
        value = import_module(f"gittrack.{name}")
    else:
        raise AttributeError(f"module 'gittrack' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_MODULES})
