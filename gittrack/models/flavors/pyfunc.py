"""Models written in Python: a class, a function, a script, or a module that loads its own data."""

from __future__ import annotations

import importlib
import inspect
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import FunctionType
from typing import Any, NamedTuple

from gittrack.errors import ModelError, UsageError
from gittrack.models import fromcode, packages, pickling, pythonmodel
from gittrack.models.flavors import base
from gittrack.models.flavors.base import Saved
from gittrack.models.folder import member
from gittrack.standin import serve_where_missing

NAME = "python_function"
LOADER = "mlflow.pyfunc.model"
OPTIONS = frozenset({"artifacts", "model_config", "loader_module", "data_path"})

_FILE = "python_model.pkl"
# What a signature has made a table of goes to a model that asks for a list as a list.
_LISTS = ("list[str]", "List[str]", "typing.List[str]")
_ARTIFACTS, _DATA = "artifacts", "data"

runs_code = base.runs_pickle


class LoaderModule(NamedTuple):
    """A module with `_load_pyfunc(path)`, in the place of a model."""

    loader_module: str


class Ready(NamedTuple):
    """A model written in Python, with what it was loaded with."""

    model: Any
    context: pythonmodel.PythonModelContext


def detect(model: object) -> bool:
    """Tell whether it is a PythonModel, a function, a loader, or the path of a script."""
    if isinstance(model, (str, Path)):
        return str(model).endswith(".py")
    return isinstance(model, (FunctionType, LoaderModule)) or any(
        kind.__name__ == "PythonModel"
        and kind.__module__.partition(".")[0] in ("gittrack", "mlflow")
        for kind in type(model).__mro__
    )


def save(model: Any, folder: Path, options: Mapping[str, Any]) -> Saved:
    """Write the pickle, or a copy of the script or the data, and the artifacts.

    Raises:
        ModelError: it is no model, or cannot be pickled.
        UsageError: a file is not there.
    """
    if not detect(model):
        raise ModelError(
            f"{type(model).__name__} is no model written in Python",
            hint="give a PythonModel, a function, a script that calls set_model, or loader_module",
        )
    if isinstance(model, LoaderModule):
        entry: dict[str, Any] = {"loader_module": model.loader_module}
        if (data := options.get("data_path")) is not None:
            _copy(Path(data), folder / _DATA / Path(data).resolve().name)
            entry["data"] = f"{_DATA}/{Path(data).resolve().name}"
        return Saved({}, entry, ())
    entry = {"loader_module": LOADER}
    if (config := fromcode.read_config(options.get("model_config"))) is not None:
        entry["config"] = config
    artifacts = {
        str(name): _artifact(folder, str(name), source)
        for name, source in (options.get("artifacts") or {}).items()
    }
    if artifacts:
        entry["artifacts"] = artifacts
    if isinstance(model, (str, Path)):
        script = Path(model)
        fromcode.run(script, config)
        _copy(script, folder / script.name)
        return Saved({}, {**entry, "model_code_path": script.name}, ("cloudpickle",))
    wrapped = pythonmodel.FunctionModel(model) if isinstance(model, FunctionType) else model
    pickling.dump(wrapped, folder / _FILE)
    version = packages.need("cloudpickle", why="models written in Python").__version__
    entry |= {"python_model": _FILE, "cloudpickle_version": version}
    needed = {"cloudpickle", *pickling.packages_in(folder / _FILE)}
    return Saved({}, entry, tuple(needed))


def _artifact(folder: Path, name: str, source: Any) -> dict[str, str]:
    path = Path(source)
    place = f"{_ARTIFACTS}/{path.resolve().name}"
    if (folder / place).exists():
        place = f"{_ARTIFACTS}/{name.replace('/', '_')}/{path.resolve().name}"
    _copy(path, folder / place)
    # MLflow wants to know where it came from, which is nobody's business.
    return {"path": place, "uri": path.name}


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", ".git"))
        else:
            shutil.copyfile(source, target)
    except (OSError, shutil.Error) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise UsageError(f"cannot read {source}: {reason}", hint="name what there is") from None


def load(folder: Path, entry: Mapping[str, Any], how: base.Loading) -> Any:
    """Make the model, and let it load its context. That runs the code in it."""
    loader = str(entry.get("loader_module") or LOADER)
    if not base.is_own(loader):
        place = member(folder, entry["data"]) if entry.get("data") else folder
        return _loader(loader, folder)(str(place))
    serve_where_missing()
    config = {**(entry.get("config") or {}), **(how.config or {})}
    if script := entry.get("model_code_path"):
        # MLflow writes the whole path of the place where it was saved.
        model = fromcode.run(member(folder, Path(str(script)).name), config)
        model = pythonmodel.FunctionModel(model) if isinstance(model, FunctionType) else model
    else:
        model = pickling.load(member(folder, entry.get("python_model", _FILE)))
    artifacts = {
        name: str(member(folder, about.get("path") if isinstance(about, Mapping) else about))
        for name, about in (entry.get("artifacts") or {}).items()
    }
    ready = Ready(model, pythonmodel.PythonModelContext(artifacts, config))
    if hasattr(model, "load_context"):
        model.load_context(ready.context)
    return ready


def _loader(name: str, folder: Path) -> Any:
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise
        raise ModelError(
            f"{folder} wants the loader {name!r}, which is neither here nor among its code",
            hint="save it with code_paths=[...], or install what has it",
        ) from None
    loader = getattr(module, "_load_pyfunc", None)
    if not callable(loader):
        raise ModelError(
            f"the module {name} has no _load_pyfunc(path)", hint="it has to load the model"
        )
    return loader


prepare = base.prepare


def predict(model: Any, data: Any, entry: Mapping[str, Any], params: Mapping[str, Any]) -> Any:
    """Call the model's predict with the context where it takes one, and params likewise."""
    if not isinstance(model, Ready):
        return base.predict(model, data, {}, params)
    takes = inspect.signature(model.model.predict).parameters
    asked = inspect.signature(getattr(model.model, "func", model.model.predict)).parameters
    if hasattr(data, "columns") and any(
        str(one.annotation) in _LISTS for one in asked.values() if one.name != "params"
    ):
        data = data.iloc[:, 0].tolist()
    given = {"params": dict(params) or None} if "params" in takes else {}
    if "context" in takes or len([name for name in takes if name != "params"]) > 1:
        return model.model.predict(model.context, data, **given)
    return model.model.predict(data, **given)
