"""MLmodel: the file that makes a folder a model, as MLflow writes it.

flavors:
  python_function:
    loader_module: mlflow.sklearn
    model_path: model.pkl
  sklearn:
    pickled_model: model.pkl
model_uuid: 10bd6cf489f34a898e49db71865372d9
run_id: k3v9x2mq7d
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gittrack import files, paths, yamlfile
from gittrack.errors import ModelError
from gittrack.models.specs import ModelSignature, Schema

if TYPE_CHECKING:
    from pathlib import Path

PYTHON_FUNCTION = "python_function"

_TEXTS = (
    "artifact_path",
    "run_id",
    "git_commit",
    "utc_time_created",
    "model_uuid",
    "gittrack_version",
    "digest",
)
_MAPS = ("saved_input_example_info", "metadata")
_KNOWN = {"flavors", "signature", *_TEXTS, *_MAPS}


@dataclass(frozen=True)
class Model:
    """What a model folder's `MLmodel` says; `unknown` holds the keys of other tools.

    `git_commit` is that of the code of its run, `digest` that of all files beside MLmodel.
    """

    flavors: Mapping[str, Mapping[str, Any]]
    artifact_path: str | None = None
    run_id: str | None = None
    git_commit: str | None = None
    utc_time_created: str | None = None
    model_uuid: str | None = None
    gittrack_version: str | None = None
    digest: str | None = None
    signature: ModelSignature | None = None
    saved_input_example_info: Mapping[str, Any] | None = None
    metadata: Mapping[str, Any] | None = None
    unknown: Mapping[str, Any] = field(default_factory=dict)

    def get_input_schema(self) -> Schema | None:
        """Return the schema of what the model takes, if it says so."""
        return self.signature.inputs if self.signature else None

    def get_output_schema(self) -> Schema | None:
        """Return the schema of what the model answers, if it says so."""
        return self.signature.outputs if self.signature else None


def to_bytes(model: Model) -> bytes:
    """Return the bytes of `MLmodel`: YAML, keys sorted, absent rather than null."""
    import yaml

    content: dict[str, Any] = {**model.unknown, "flavors": model.flavors}
    for key in (*_TEXTS, *_MAPS):
        if getattr(model, key) is not None:
            content[key] = getattr(model, key)
    if model.signature is not None:
        content["signature"] = model.signature.to_dict()
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    try:
        # One key a line, however long, so that a change of a signature is a change of its line.
        text = yaml.dump(_plain(content), Dumper=dumper, allow_unicode=True, width=2**31 - 1)
    except (yaml.YAMLError, RecursionError) as error:
        raise ModelError(
            f"the model's metadata cannot be written as YAML: {' '.join(str(error).split())[:200]}",
            hint="use texts, numbers, booleans, lists and dictionaries",
        ) from None
    return str(text).encode("utf-8", "backslashreplace")


def from_bytes(data: bytes) -> Model:
    """Read what `to_bytes` or MLflow wrote.

    Raises:
        ModelError: it is no YAML, or a key is missing or of another type.
    """
    content = _load_yaml(data)
    flavors = content.get("flavors")
    if not isinstance(flavors, dict) or not flavors:
        raise ModelError("'flavors' is missing or names none", hint="save the model again")
    for name, entry in flavors.items():
        if not isinstance(name, str) or not isinstance(entry, dict):
            raise ModelError(f"flavor {name!r} is not a map", hint="save the model again")
    for key in _MAPS:
        if not isinstance(content.get(key), (dict, type(None))):
            raise ModelError(f"{key!r} is not a map", hint="save the model again")
    texts = {key: None if content.get(key) is None else str(content[key]) for key in _TEXTS}
    return Model(
        flavors=flavors,
        **texts,
        signature=ModelSignature.from_dict(content["signature"])
        if content.get("signature")
        else None,
        saved_input_example_info=content.get("saved_input_example_info"),
        metadata=content.get("metadata"),
        unknown={key: value for key, value in content.items() if key not in _KNOWN},
    )


def read(folder: Path) -> Model:
    """Read the `MLmodel` of a model folder.

    Raises:
        ModelError: there is none, or it cannot be read.
    """
    path = folder / paths.MLMODEL
    try:
        with files.open_plain(path) as file:
            data = file.read(yamlfile.MAX_BYTES + 1)
    except FileNotFoundError:
        hint = "name the folder that holds it, such as runs:/ID/model"
        raise ModelError(f"{folder} is no model: it has no {paths.MLMODEL}", hint=hint) from None
    except OSError as error:
        raise ModelError(f"cannot read {path}: {error.strerror}", hint="check its rights") from None
    if len(data) > yamlfile.MAX_BYTES:
        raise ModelError(
            f"{path} is larger than {yamlfile.MAX_BYTES} bytes", hint="save the model again"
        )
    try:
        return from_bytes(data)
    except ModelError as error:
        raise ModelError(f"{path}: {error.message}", hint=error.hint) from None


def _load_yaml(data: bytes) -> dict[str, Any]:
    if data.startswith(b"<<<<<<<") or b"\n<<<<<<< " in data:
        raise ModelError("holds the conflict markers of a Git merge", hint="choose a side of it")
    try:
        content = yamlfile.load(data)
    except ValueError as error:
        raise ModelError(str(error), hint="save the model again") from None
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise ModelError("holds no map of keys", hint="save the model again")
    return content


def _plain(value: Any) -> Any:
    """Return the value with the kinds of map and list that the YAML writer knows."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
