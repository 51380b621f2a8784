"""gittrack: experiments, projects and models as plain files in a Git repository."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING

from gittrack.version import VERSION

if TYPE_CHECKING:
    from gittrack.entities import Experiment as Experiment
    from gittrack.entities import Run as Run
    from gittrack.entities import ViewType as ViewType
    from gittrack.errors import GittrackError as GittrackError
    from gittrack.exceptions import MlflowException as MlflowException
    from gittrack.projects.running import run as run
    from gittrack.standin import install_as_mlflow as install_as_mlflow
    from gittrack.tracking.active import ActiveRun as ActiveRun
    from gittrack.tracking.active import active_run as active_run
    from gittrack.tracking.active import end_run as end_run
    from gittrack.tracking.active import get_tracking_uri as get_tracking_uri
    from gittrack.tracking.active import is_tracking_uri_set as is_tracking_uri_set
    from gittrack.tracking.active import set_tracking_uri as set_tracking_uri
    from gittrack.tracking.active import start_run as start_run
    from gittrack.tracking.calls import create_experiment as create_experiment
    from gittrack.tracking.calls import delete_experiment as delete_experiment
    from gittrack.tracking.calls import delete_experiment_tag as delete_experiment_tag
    from gittrack.tracking.calls import delete_run as delete_run
    from gittrack.tracking.calls import delete_tag as delete_tag
    from gittrack.tracking.calls import flush_artifact_async_logging as flush_artifact_async_logging
    from gittrack.tracking.calls import flush_async_logging as flush_async_logging
    from gittrack.tracking.calls import get_artifact_uri as get_artifact_uri
    from gittrack.tracking.calls import get_experiment as get_experiment
    from gittrack.tracking.calls import get_experiment_by_name as get_experiment_by_name
    from gittrack.tracking.calls import get_parent_run as get_parent_run
    from gittrack.tracking.calls import get_registry_uri as get_registry_uri
    from gittrack.tracking.calls import last_active_run as last_active_run
    from gittrack.tracking.calls import load_table as load_table
    from gittrack.tracking.calls import log_dict as log_dict
    from gittrack.tracking.calls import log_figure as log_figure
    from gittrack.tracking.calls import log_image as log_image
    from gittrack.tracking.calls import log_input as log_input
    from gittrack.tracking.calls import log_inputs as log_inputs
    from gittrack.tracking.calls import log_stream as log_stream
    from gittrack.tracking.calls import log_table as log_table
    from gittrack.tracking.calls import log_text as log_text
    from gittrack.tracking.calls import register_model as register_model
    from gittrack.tracking.calls import restore_experiment as restore_experiment
    from gittrack.tracking.calls import restore_run as restore_run
    from gittrack.tracking.calls import search_experiments as search_experiments
    from gittrack.tracking.calls import search_model_versions as search_model_versions
    from gittrack.tracking.calls import search_registered_models as search_registered_models
    from gittrack.tracking.calls import set_experiment_tag as set_experiment_tag
    from gittrack.tracking.calls import set_experiment_tags as set_experiment_tags
    from gittrack.tracking.calls import set_registry_uri as set_registry_uri
    from gittrack.tracking.client import Client as Client
    from gittrack.tracking.client import MlflowClient as MlflowClient
    from gittrack.tracking.finding import get_run as get_run
    from gittrack.tracking.finding import search_runs as search_runs
    from gittrack.tracking.fluent import autolog as autolog
    from gittrack.tracking.fluent import log_artifact as log_artifact
    from gittrack.tracking.fluent import log_artifacts as log_artifacts
    from gittrack.tracking.fluent import log_metric as log_metric
    from gittrack.tracking.fluent import log_metrics as log_metrics
    from gittrack.tracking.fluent import log_param as log_param
    from gittrack.tracking.fluent import log_params as log_params
    from gittrack.tracking.fluent import set_experiment as set_experiment
    from gittrack.tracking.fluent import set_tag as set_tag
    from gittrack.tracking.fluent import set_tags as set_tags
    from gittrack.tracking.images import Image as Image
    from gittrack.tracking.loading import load_model as load_model
    from gittrack.tracking.models import log_model as log_model
    from gittrack.tracking.models import save_model as save_model
    from gittrack.tracking.system import (
        disable_system_metrics_logging as disable_system_metrics_logging,
    )
    from gittrack.tracking.system import (
        enable_system_metrics_logging as enable_system_metrics_logging,
    )
    from gittrack.tracking.system import set_system_metrics_node_id as set_system_metrics_node_id
    from gittrack.tracking.system import (
        set_system_metrics_samples_before_logging as set_system_metrics_samples_before_logging,
    )
    from gittrack.tracking.system import (
        set_system_metrics_sampling_interval as set_system_metrics_sampling_interval,
    )

__version__ = VERSION

# Where gittrack is lent to an environment, what it writes models with lies beside it, for imports
# that the environment itself cannot serve.
_BESIDE = os.path.join(os.path.dirname(os.path.dirname(__file__)), "gittrack-beside")  # noqa: PTH118, PTH120 - a script waits
if os.path.isdir(_BESIDE) and _BESIDE not in sys.path:  # noqa: PTH112
    sys.path.append(_BESIDE)

# Where each public name lives.
_NAMES = {
    "gittrack.entities": "Experiment Run ViewType",
    "gittrack.errors": "GittrackError",
    "gittrack.exceptions": "MlflowException",
    "gittrack.projects.running": "run",
    "gittrack.standin": "install_as_mlflow",
    "gittrack.tracking.active": """
        ActiveRun active_run end_run get_tracking_uri is_tracking_uri_set set_tracking_uri
        start_run
    """,
    "gittrack.tracking.calls": """
        create_experiment delete_experiment delete_experiment_tag delete_run delete_tag
        flush_artifact_async_logging flush_async_logging get_artifact_uri get_experiment
        get_experiment_by_name get_registry_uri
        get_parent_run last_active_run load_table log_dict log_figure log_image log_input
        log_inputs log_stream log_table log_text register_model restore_experiment restore_run
        search_experiments search_model_versions search_registered_models
        set_experiment_tag set_experiment_tags set_registry_uri
    """,
    "gittrack.tracking.client": "Client MlflowClient",
    "gittrack.tracking.finding": "get_run search_runs",
    "gittrack.tracking.fluent": """
        autolog log_artifact log_artifacts log_metric log_metrics log_param log_params
        set_experiment set_tag set_tags
    """,
    "gittrack.tracking.images": "Image",
    "gittrack.tracking.system": """
        disable_system_metrics_logging enable_system_metrics_logging set_system_metrics_node_id
        set_system_metrics_samples_before_logging set_system_metrics_sampling_interval
    """,
    "gittrack.tracking.loading": "load_model",
    "gittrack.tracking.models": "log_model save_model",
}
_HOMES = dict(sorted((name, home) for home, names in _NAMES.items() for name in names.split()))
_MODULES = (
    "artifacts",
    "transformers",
    "statsmodels",
    "onnx",
    "keras",
    "tensorflow",
    "pytorch",
    "catboost",
    "lightgbm",
    "xgboost",
    "client",
    "config",
    "data",
    "entities",
    "exceptions",
    "models",
    "projects",
    "pyfunc",
    "sklearn",
    "system_metrics",
    "tracking",
    "types",
)

__all__ = list(_HOMES)


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
