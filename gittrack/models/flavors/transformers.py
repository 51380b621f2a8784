"""Pipelines of transformers: the model and its parts, each as `save_pretrained` writes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gittrack.errors import ModelError, UsageError
from gittrack.models.flavors import base
from gittrack.models.flavors.base import Saved
from gittrack.models.folder import member

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NAME = "transformers"
OPTIONS = frozenset({"task"})

_PARTS = ("tokenizer", "feature_extractor", "image_processor", "processor")
_FOLDER, _COMPONENTS = "model", "components"
_TEXTS = ("generated_text", "translation_text", "summary_text", "answer", "text")

prepare = base.prepare


def detect(model: object) -> bool:
    """Tell whether a model is a pipeline, or a dictionary of a model and its parts."""
    if isinstance(model, dict):
        return detect(model.get("model"))
    return base.of_library(model, NAME)


def save(model: Any, folder: Path, options: Mapping[str, Any]) -> Saved:
    """Write `model/` and `components/`.

    Raises:
        UsageError: a dictionary of parts is given without `task`.
    """
    transformers = base.library(NAME)
    if isinstance(model, dict):
        if not options.get("task"):
            raise UsageError(
                "the parts of a pipeline need a task", hint="task='text-classification'"
            )
        model = transformers.pipeline(options["task"], **model)
    if not hasattr(model, "task"):
        raise ModelError(
            f"{type(model).__name__} is no pipeline",
            hint="give transformers.pipeline(...), or {'model': …, 'tokenizer': …} and task=",
        )
    parts = {name: part for name in _PARTS if (part := getattr(model, name, None)) is not None}
    model.model.save_pretrained(folder / _FOLDER, safe_serialization=True)
    for name, part in parts.items():
        part.save_pretrained(folder / _COMPONENTS / name)
    entry = {
        "task": model.task,
        "instance_type": type(model).__name__,
        "model_binary": _FOLDER,
        "pipeline_model_type": type(model.model).__name__,
        "source_model_name": "",
        "components": [name for name in parts if name != "processor"],
        **{f"{name}_type": type(part).__name__ for name, part in parts.items()},
        "torch_dtype": str(model.model.dtype),
        "transformers_version": transformers.__version__,
        "code": None,
    }
    return Saved(entry, {}, (NAME, "torch", "numpy"))


def runs_code(entry: Mapping[str, Any]) -> str:
    """Say that an adapter may; the weights themselves are read as safetensors only."""
    return "an adapter" if entry.get("peft_adaptor") else ""


def load(folder: Path, entry: Mapping[str, Any], how: base.Loading) -> Any:
    """Read the pipeline; code that comes with a model is never run."""
    transformers = base.library(NAME, entry, "transformers_version")
    path = member(folder, entry.get("model_binary", "pipeline"))
    given = {"use_safetensors": True} if how.safe else {}
    kind = base.class_at(f"{NAME}.{entry.get('pipeline_model_type')}", NAME)
    parts = {"model": kind.from_pretrained(path, local_files_only=True, **given)}
    for name in _PARTS:
        if f"{name}_type" in entry:
            part = base.class_at(f"{NAME}.{entry[f'{name}_type']}", NAME)
            place = member(folder, f"{_COMPONENTS}/{name}")
            parts[name] = part.from_pretrained(place, local_files_only=True)
    return transformers.pipeline(entry["task"], **parts, **how.options)


def predict(model: Any, data: Any, entry: Mapping[str, Any], params: Mapping[str, Any]) -> Any:
    """Run the pipeline on a text, texts, or a table's first column of texts."""
    if hasattr(data, "columns"):
        columns = {name: data[name].tolist() for name in data.columns}
        data = next(iter(columns.values())) if len(columns) == 1 else data.to_dict("records")
    elif hasattr(data, "tolist"):
        data = data.tolist()
    answers = model(data, **params)
    answers = answers if isinstance(answers, list) else [answers]
    flat = [one[0] if isinstance(one, list) and len(one) == 1 else one for one in answers]
    if all(isinstance(one, dict) and any(key in one for key in _TEXTS) for one in flat):
        return [next(one[key] for key in _TEXTS if key in one) for one in flat]
    if all(isinstance(one, dict) for one in flat):
        return base.library("pandas").DataFrame(flat)
    return flat
