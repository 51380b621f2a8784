"""Models of PyTorch: a pickled module, or with `serialization_format="pt2"` an exported graph."""

from __future__ import annotations

import pickle
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from gittrack.errors import ModelError, UsageError
from gittrack.models.flavors import base
from gittrack.models.flavors.base import Saved
from gittrack.models.folder import member

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NAME = "pytorch"
OPTIONS = frozenset({"serialization_format", "pickle_protocol"})

_LIBRARY = "torch"
_FOLDER = "data"
_PICKLED, _EXPORTED = "model.pth", "model.pt2"

prepare = base.prepare


def detect(model: object) -> bool:
    """Tell whether a model is a module of PyTorch."""
    return base.of_library(model, _LIBRARY)


def save(model: Any, folder: Path, options: Mapping[str, Any]) -> Saved:
    """Write `data/model.pth`, or `data/model.pt2`, which needs `input_example`.

    Raises:
        UsageError: the format is not known, or the example is missing.
    """
    torch = base.library(_LIBRARY)
    if not isinstance(model, torch.nn.Module):
        raise ModelError(f"{type(model).__name__} is no torch.nn.Module", hint="give the module")
    form = options.get("serialization_format") or "pickle"
    (folder / _FOLDER).mkdir()
    if form == "pickle":
        # MLflow imports the module of this name to read it.
        (folder / _FOLDER / "pickle_module_info.txt").write_text("mlflow.pytorch.pickle_module")
        torch.save(model, folder / _FOLDER / _PICKLED, pickle_module=_pickle_module())
    elif form == "pt2":
        example = options.get("input_example")
        if example is None:
            raise UsageError("pt2 needs an example", hint="input_example=an array or a tensor")
        given = example if isinstance(example, tuple) else (example,)
        values = tuple(_tensor(torch, one) for one in given)
        # The first axis is the number of rows, which may differ from the example's.
        shapes = tuple({0: torch.export.Dim.AUTO} for _ in values)
        graph = torch.export.export(model, values, dynamic_shapes=shapes)
        torch.export.save(graph, folder / _FOLDER / _EXPORTED)
    else:
        raise UsageError(f"serialization_format is {form!r}", hint="use pickle or pt2")
    entry = {"model_data": _FOLDER, "pytorch_version": str(torch.__version__), "code": None}
    return Saved(entry, {"data": _FOLDER}, (_LIBRARY, "numpy", "cloudpickle"))


def runs_code(entry: Mapping[str, Any]) -> str:
    """Say that PyTorch's files hold pickles."""
    return "a pickle of PyTorch"


def load(folder: Path, entry: Mapping[str, Any], how: base.Loading) -> Any:
    """Read the module, on the CPU, ready to predict. Loading it runs the code in it."""
    path = member(folder, entry.get("model_data", _FOLDER))
    torch = base.library(_LIBRARY, entry, "pytorch_version")
    if (path / _EXPORTED).exists():
        return torch.export.load(path / _EXPORTED).module()
    file = path if path.is_file() else path / _PICKLED
    given = {"map_location": "cpu", "weights_only": False, **how.options}
    return torch.load(file, pickle_module=_pickle_module(), **given).eval()


def predict(model: Any, data: Any, entry: Mapping[str, Any], params: Mapping[str, Any]) -> Any:
    """Call the module with a tensor; a table gives a table, an array an array."""
    torch = base.library(_LIBRARY)
    is_table = hasattr(data, "columns")
    given = data.to_numpy(dtype="float32") if is_table else data
    with torch.no_grad():
        answer = model(_tensor(torch, given), **params)
    if not isinstance(answer, torch.Tensor):
        raise ModelError(f"the module answers {type(answer).__name__}, not one tensor")
    found = answer.cpu().numpy()
    return base.library("pandas").DataFrame(found, index=data.index) if is_table else found


def _tensor(torch: Any, values: Any) -> Any:
    return (
        values
        if isinstance(values, torch.Tensor)
        else torch.from_numpy(base.library("numpy").asarray(values))
    )


def _pickle_module() -> Any:
    # PyTorch asks for all of a pickling module; the writing is cloudpickle's, by value.
    cloudpickle = base.library("cloudpickle")
    return SimpleNamespace(
        __name__="pickle_module",
        Pickler=cloudpickle.CloudPickler,
        Unpickler=pickle.Unpickler,
        dump=cloudpickle.dump,
        load=pickle.load,
    )
