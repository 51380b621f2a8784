"""Models in ONNX, run by onnxruntime."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gittrack.errors import ModelError
from gittrack.models.flavors import base
from gittrack.models.flavors.base import Saved
from gittrack.models.folder import member

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NAME = "onnx"
OPTIONS = frozenset({"onnx_execution_providers", "onnx_session_options"})

_FILE = "model.onnx"
_CPU = "CPUExecutionProvider"

runs_code = base.runs_no_code


def detect(model: object) -> bool:
    """Tell whether a model is a graph of ONNX."""
    return base.of_library(model, NAME)


def save(model: Any, folder: Path, options: Mapping[str, Any]) -> Saved:
    """Write `model.onnx`."""
    onnx = base.library(NAME)
    onnx.checker.check_model(model)
    onnx.save_model(model, str(folder / _FILE))
    entry = {
        "data": _FILE,
        "onnx_version": onnx.__version__,
        "providers": list(options.get("onnx_execution_providers") or [_CPU]),
        "onnx_session_options": options.get("onnx_session_options"),
        "code": None,
    }
    return Saved(entry, {"data": _FILE}, (NAME, "onnxruntime", "numpy"))


def load(folder: Path, entry: Mapping[str, Any], how: base.Loading) -> Any:
    """Read the graph."""
    path = member(folder, entry.get("data", _FILE))
    onnx = base.library(NAME, entry, "onnx_version")
    model = onnx.load(str(path))
    onnx.checker.check_model(model)
    return model


def prepare(model: Any, entry: Mapping[str, Any]) -> Any:
    """Open a session of onnxruntime, with those providers that are here."""
    runtime = base.library("onnxruntime")
    here = runtime.get_available_providers()
    wanted = [name for name in entry.get("providers") or () if name in here]
    return runtime.InferenceSession(model.SerializeToString(), providers=wanted or [_CPU])


def predict(model: Any, data: Any, entry: Mapping[str, Any], params: Mapping[str, Any]) -> Any:
    """Run the graph: on a table, on an array where it has one input, or on named arrays."""
    inputs = model.get_inputs()
    is_table = hasattr(data, "columns")
    if is_table and len(inputs) > 1:
        feeds = {one.name: data[one.name].to_numpy() for one in inputs}
    elif isinstance(data, dict):
        feeds = dict(data)
    elif len(inputs) == 1:
        feeds = {inputs[0].name: data.to_numpy() if is_table else data}
    else:
        names = [one.name for one in inputs]
        raise ModelError(f"the model has {len(names)} inputs", hint=f"name them: {names}")
    for one in inputs:
        if one.type == "tensor(float)" and getattr(feeds[one.name], "dtype", None) == "float64":
            feeds[one.name] = feeds[one.name].astype("float32")
    names = [one.name for one in model.get_outputs()]
    answers = dict(zip(names, model.run(names, feeds), strict=True))
    if not is_table:
        return answers
    pandas = base.library("pandas")
    columns = {name: _column(values) for name, values in answers.items()}
    return pandas.DataFrame(columns, index=data.index)


def _column(values: Any) -> Any:
    is_narrow = getattr(values, "ndim", 0) > 1 and values.size == len(values)
    return values.ravel() if is_narrow else list(values)
