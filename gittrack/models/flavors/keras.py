"""Models of Keras 3, with any of its backends: `data/model.keras`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gittrack.models.flavors import base
from gittrack.models.flavors.base import Saved
from gittrack.models.folder import member

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NAME = "keras"
OPTIONS = frozenset({"save_model_kwargs"})

FOLDER = "data"

prepare = base.prepare
runs_code = base.runs_no_code


def detect(model: object) -> bool:
    """Tell whether a model is Keras's."""
    return base.of_library(model, NAME)


def save(model: Any, folder: Path, options: Mapping[str, Any]) -> Saved:
    """Write `data/model.keras`."""
    keras = base.library(NAME)
    write(model, folder, keras.__name__, options.get("save_model_kwargs"))
    backend = keras.backend.backend()
    entry = {
        "data": FOLDER,
        "keras_version": keras.__version__,
        "keras_backend": backend,
        "save_exported_model": False,
        "code": None,
    }
    return Saved(entry, {}, (NAME, backend, "numpy"))


def write(model: Any, folder: Path, module: str, options: Mapping[str, Any] | None) -> None:
    """Write a model of Keras, and the module that reads it."""
    (folder / FOLDER).mkdir()
    (folder / FOLDER / "keras_module.txt").write_text(module)
    model.save(folder / FOLDER / "model.keras", **(options or {}))


def load(folder: Path, entry: Mapping[str, Any], how: base.Loading) -> Any:
    """Read the model; Keras itself refuses code in it, but where `safe_mode=False` is given."""
    path = member(folder, f"{entry.get('data', FOLDER)}/model.keras")
    keras = base.library(NAME, entry, "keras_version")
    given = {} if how.safe else how.options
    return keras.saving.load_model(path, **given)


def predict(model: Any, data: Any, entry: Mapping[str, Any], params: Mapping[str, Any]) -> Any:
    """Let a model answer; a table gives a table."""
    if not hasattr(data, "columns"):
        return base.library(NAME).ops.convert_to_numpy(model.predict(data, verbose=0))
    answer = model.predict(data.to_numpy(), verbose=0)
    return base.library("pandas").DataFrame(answer, index=data.index)
