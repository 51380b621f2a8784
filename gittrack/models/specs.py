"""The signature of a model: the columns or tensors it takes and answers, in MLmodel as JSON.

[{"type": "double", "name": "alcohol", "required": true}]
[{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1, 13]}}]
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from gittrack.errors import ModelError

PLAIN_TYPES = ("boolean", "integer", "long", "float", "double", "string", "binary", "datetime")
NESTED_TYPES = ("array", "object", "map", "any")

_Spec = TypeVar("_Spec")


@dataclass(frozen=True)
class ColSpec:
    """One column; `nested` holds what describes the inside of an array, object or map."""

    type: str
    name: str | int | None = None
    required: bool = True
    nested: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a type that the format does not have."""
        if self.type not in (*PLAIN_TYPES, *NESTED_TYPES):
            known = ", ".join((*PLAIN_TYPES, *NESTED_TYPES))
            raise ModelError(
                f"column {self.name!r} has the unknown type {self.type!r}",
                hint=f"use one of {known}",
            )

    def to_dict(self) -> dict[str, Any]:
        """Return the column as its JSON object."""
        name = {} if self.name is None else {"name": self.name}
        return {"type": self.type, **self.nested, **name, "required": self.required}


@dataclass(frozen=True)
class TensorSpec:
    """One tensor: a NumPy dtype by name, and a shape in which -1 fits any length."""

    type: str
    shape: tuple[int, ...]
    name: str | None = None

    def __post_init__(self) -> None:
        """Take a NumPy dtype for its name and any sequence for a shape."""
        object.__setattr__(self, "type", str(self.type))
        object.__setattr__(self, "shape", tuple(int(length) for length in self.shape))

    def to_dict(self) -> dict[str, Any]:
        """Return the tensor as its JSON object."""
        name = {} if self.name is None else {"name": self.name}
        return {
            "type": "tensor",
            "tensor-spec": {"dtype": self.type, "shape": list(self.shape)},
            **name,
        }


@dataclass(frozen=True)
class ParamSpec:
    """One parameter of a prediction, with its default."""

    name: str
    type: str
    default: Any = None
    shape: tuple[int, ...] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the parameter as its JSON object."""
        shape = None if self.shape is None else list(self.shape)
        return {"name": self.name, "type": self.type, "default": self.default, "shape": shape}


InputSpec = ColSpec | TensorSpec


@dataclass(frozen=True)
class Schema:
    """The columns of a table, or the tensors; never both."""

    inputs: tuple[InputSpec, ...]

    def __init__(self, inputs: Iterable[InputSpec]) -> None:
        """Check that all are of one kind, and all or none named, each by its own name."""
        object.__setattr__(self, "inputs", tuple(inputs))
        kinds = {type(spec) for spec in self.inputs}
        names = [str(spec.name) for spec in self.inputs if spec.name is not None]
        if not self.inputs or len(kinds) > 1:
            raise ModelError("a schema holds columns or tensors, and at least one of them")
        if len(names) not in (0, len(self.inputs)) or len(set(names)) != len(names):
            raise ModelError(
                f"a schema's names are all there or none, and no two the same; got {names}"
            )
        if ColSpec not in kinds and not names and len(self.inputs) > 1:
            raise ModelError("several tensors of a schema need names")

    def __iter__(self) -> Iterator[InputSpec]:
        return iter(self.inputs)

    def __len__(self) -> int:
        return len(self.inputs)

    def is_tensor_spec(self) -> bool:
        """Tell whether it describes tensors, not columns."""
        return isinstance(self.inputs[0], TensorSpec)

    def has_input_names(self) -> bool:
        """Tell whether its columns or tensors have names."""
        return self.inputs[0].name is not None

    def input_names(self) -> list[str | int]:
        """Return the names of its columns or tensors."""
        return [spec.name for spec in self.inputs if spec.name is not None]

    def columns(self) -> list[ColSpec]:
        """Return the columns; none where it describes tensors."""
        return [spec for spec in self.inputs if isinstance(spec, ColSpec)]

    def tensors(self) -> list[TensorSpec]:
        """Return the tensors; none where it describes columns."""
        return [spec for spec in self.inputs if isinstance(spec, TensorSpec)]

    def to_json(self) -> str:
        """Return the schema as MLmodel holds it."""
        return json.dumps([spec.to_dict() for spec in self.inputs])

    @classmethod
    def from_json(cls, text: str) -> Schema:
        """Read what `to_json` or MLflow wrote.

        Raises:
            ModelError: it is no such text.
        """
        return cls(_parse(text, _input_spec))


@dataclass(frozen=True)
class ParamSchema:
    """The parameters that a prediction takes beside its data."""

    params: tuple[ParamSpec, ...]

    def __init__(self, params: Iterable[ParamSpec]) -> None:
        """Take any iterable of parameters."""
        object.__setattr__(self, "params", tuple(params))

    def to_json(self) -> str:
        """Return the parameters as MLmodel holds them."""
        return json.dumps([spec.to_dict() for spec in self.params])

    @classmethod
    def from_json(cls, text: str) -> ParamSchema:
        """Read what `to_json` or MLflow wrote.

        Raises:
            ModelError: it is no such text.
        """
        return cls(_parse(text, _param_spec))


@dataclass(frozen=True)
class ModelSignature:
    """What a model takes, what it answers, and its parameters; each may be unknown."""

    inputs: Schema | None = None
    outputs: Schema | None = None
    params: ParamSchema | None = None

    def to_dict(self) -> dict[str, str | None]:
        """Return the signature as MLmodel holds it: a JSON text for each part."""
        return {
            "inputs": self.inputs.to_json() if self.inputs else None,
            "outputs": self.outputs.to_json() if self.outputs else None,
            "params": self.params.to_json() if self.params else None,
        }

    @classmethod
    def from_dict(cls, data: object) -> ModelSignature:
        """Read what `to_dict` or MLflow wrote.

        Raises:
            ModelError: a part of it cannot be read.
        """
        if not isinstance(data, Mapping):
            raise ModelError(
                f"'signature' is {type(data).__name__}, not a map", hint="save the model again"
            )
        inputs, outputs, params = data.get("inputs"), data.get("outputs"), data.get("params")
        return cls(
            inputs=None if inputs is None else Schema.from_json(inputs),
            outputs=None if outputs is None else Schema.from_json(outputs),
            params=None if params is None else ParamSchema.from_json(params),
        )


def _parse(text: object, read: Callable[[Mapping[str, Any]], _Spec]) -> list[_Spec]:
    try:
        entries = json.loads(text) if isinstance(text, str) else None
        if not isinstance(entries, list):
            raise ModelError(
                "a part of 'signature' is no list in JSON", hint="save the model again"
            )
        return [read(entry) for entry in entries]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ModelError(
            f"a part of 'signature' cannot be read: {type(error).__name__}: {error}",
            hint="save the model again",
        ) from None


def _input_spec(entry: Mapping[str, Any]) -> InputSpec:
    name = entry.get("name")
    if name is not None and not isinstance(name, (str, int)):
        raise TypeError(f"the name {name!r} is neither text nor number")
    if entry["type"] == "tensor":
        spec = entry["tensor-spec"]
        return TensorSpec(spec["dtype"], spec["shape"], None if name is None else str(name))
    nested = {
        key: value
        for key, value in entry.items()
        if key not in ("type", "name", "required", "optional")
    }
    required = entry.get("required", not entry.get("optional", False))
    return ColSpec(entry["type"], name, bool(required), nested)


def _param_spec(entry: Mapping[str, Any]) -> ParamSpec:
    shape = entry.get("shape")
    kind = str(entry["type"] if "type" in entry else entry["dtype"])
    return ParamSpec(
        str(entry["name"]), kind, entry.get("default"), None if shape is None else tuple(shape)
    )
