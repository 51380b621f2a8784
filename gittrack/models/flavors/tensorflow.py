"""Models of TensorFlow: a SavedModel of a `tf.Module`, or a model of its Keras."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gittrack.models.flavors import base, keras
from gittrack.models.flavors.base import Saved
from gittrack.models.folder import member

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NAME = "tensorflow"
OPTIONS = frozenset({"keras_model_kwargs", "saved_model_kwargs"})

_SAVED_MODEL = "tf2model"

prepare = base.prepare


def detect(model: object) -> bool:
    """Tell whether a model is TensorFlow's."""
    return base.of_library(model, NAME)


def save(model: Any, folder: Path, options: Mapping[str, Any]) -> Saved:
    """Write `data/model.keras`, or `tf2model/`."""
    tensorflow = base.library(NAME)
    if keras.detect(model):
        keras.write(model, folder, "tensorflow.keras", options.get("keras_model_kwargs"))
        (folder / keras.FOLDER / "save_format.txt").write_text("tf")
        entry = {
            "data": keras.FOLDER,
            "model_type": "keras",
            "keras_version": tensorflow.__version__,
            "save_format": "tf",
            "code": None,
        }
        return Saved(entry, {"data": keras.FOLDER}, (NAME, "numpy"))
    given = options.get("saved_model_kwargs") or {}
    tensorflow.saved_model.save(model, str(folder / _SAVED_MODEL), **given)
    entry = {"saved_model_dir": _SAVED_MODEL, "model_type": "tf2-module", "code": None}
    return Saved(entry, {}, (NAME, "numpy"))


def runs_code(entry: Mapping[str, Any]) -> str:
    """Say that a SavedModel is a program."""
    return "" if entry.get("model_type") == "keras" else "a SavedModel, which is a program"


def load(folder: Path, entry: Mapping[str, Any], how: base.Loading) -> Any:
    """Read the model."""
    tensorflow = base.library(NAME, entry, "keras_version")
    if entry.get("model_type", "keras") != "keras":
        path = member(folder, entry.get("saved_model_dir", _SAVED_MODEL))
        return tensorflow.saved_model.load(str(path))
    data = member(folder, entry.get("data", keras.FOLDER))
    found = sorted(data.glob("model.*")) or [data / "model"]
    return tensorflow.keras.models.load_model(found[0], **({} if how.safe else how.options))


def predict(model: Any, data: Any, entry: Mapping[str, Any], params: Mapping[str, Any]) -> Any:
    """Let a model answer: one of Keras, or the one function that a module was saved with."""
    if keras.detect(model):
        return keras.predict(model, data, entry, params)
    tensorflow = base.library(NAME)
    if hasattr(data, "columns"):
        data = data.to_numpy()
    signatures = getattr(model, "signatures", {})
    if "serving_default" not in signatures:
        return model(tensorflow.convert_to_tensor(data)).numpy()
    call = signatures["serving_default"]
    specs = call.structured_input_signature[1]
    named = data if isinstance(data, dict) else {next(iter(specs)): data}
    given = {name: tensorflow.cast(value, specs[name].dtype) for name, value in named.items()}
    answers = {name: value.numpy() for name, value in call(**given).items()}
    return answers if len(answers) > 1 else next(iter(answers.values()))
