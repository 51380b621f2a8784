"""A model of any flavor as one thing: data in, predictions out."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gittrack.errors import ModelError
from gittrack.models import flavors, mlmodel
from gittrack.models.enforcement import enforce
from gittrack.models.mlmodel import PYTHON_FUNCTION, Model
from gittrack.models.specs import TensorSpec
from gittrack.models.uri import resolve

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gittrack.models.flavors.base import Flavor
    from gittrack.models.specs import InputSpec, Schema
    from gittrack.runs.store import Store


_SHOWN = 5


@dataclass(frozen=True, repr=False)
class PyFuncModel:
    """A loaded model that fits its data to the signature before it predicts.

    Attributes:
        metadata: what its MLmodel says.
    """

    metadata: Model
    _model: Any
    _flavor: Flavor
    _entry: Mapping[str, Any]

    def __repr__(self) -> str:
        """Return its flavors, run and signature in a few short lines."""
        lines = [f"flavors: {', '.join(sorted(self.metadata.flavors))}"]
        if self.metadata.run_id:
            lines.append(f"run: {self.metadata.run_id}")
        lines.append(f"inputs: {_summary(self.metadata.get_input_schema())}")
        lines.append(f"outputs: {_summary(self.metadata.get_output_schema())}")
        return "\n  ".join(["gittrack.pyfunc.PyFuncModel", *lines])

    def predict(self, data: Any, params: Mapping[str, Any] | None = None) -> Any:
        """Return the model's predictions for a DataFrame, array, list or dictionary.

        Args:
            params: named parameters; a model that has none ignores them with a warning.

        Raises:
            SchemaMismatchError: the data does not fit the signature.
            MissingPackageError: the signature has columns, and pandas is not installed.
        """
        if params:
            message = f"the model has no parameters, so {sorted(params)} are ignored"
            warnings.warn(message, stacklevel=2)
        return self.score(self.fit_to_signature(data))

    def fit_to_signature(self, data: Any, *, exact: bool = False) -> Any:
        """Return the data with the columns and types of the signature, if the model has one.

        Args:
            exact: judge each value, not its type; for data that came as text.

        Raises:
            SchemaMismatchError: it does not fit.
        """
        schema = self.metadata.get_input_schema()
        return data if schema is None else enforce(data, schema, exact=exact)

    def score(self, data: Any) -> Any:
        """Return the predictions for data that fits the signature already."""
        return self._flavor.predict(self._model, data, self._entry)

    def get_raw_model(self) -> Any:
        """Return the object that the model's library made."""
        return self._model

    def unwrap_python_model(self) -> Any:
        """Return the object that the model's library made."""
        return self._model


def _summary(schema: Schema | None) -> str:
    if schema is None:
        return "not described"
    words = [_input(spec) for spec in list(schema)[:_SHOWN]]
    more = f" and {len(schema) - _SHOWN} more" if len(schema) > _SHOWN else ""
    return ", ".join(words) + more


def _input(spec: InputSpec) -> str:
    shape = f" {list(spec.shape)}" if isinstance(spec, TensorSpec) else ""
    name = "" if spec.name is None else f"{spec.name!s:.30} "
    return f"{name}{spec.type}{shape}"


def load_model(model_uri: str | Path, *, store: Store | None = None) -> PyFuncModel:
    """Load a model of any flavor.

    Args:
        model_uri: `runs:/RUN/path`, a path, or `file:`.
        store: where runs are looked for; the one of the working folder where not given.

    Raises:
        NotFoundError: there is no such model.
        ModelError: it is damaged, or says of no flavor how it predicts.
    """
    folder = resolve(model_uri, store=store)
    described = mlmodel.read(folder)
    entry = described.flavors.get(PYTHON_FUNCTION)
    if entry is None:
        hint = f"its flavors are: {', '.join(sorted(described.flavors))}"
        raise ModelError(f"{folder} has no flavor {PYTHON_FUNCTION!r}", hint=hint)
    flavor = flavors.of_loader(entry.get("loader_module"))
    model = flavor.load(folder, described.flavors.get(flavor.NAME, entry))
    return PyFuncModel(described, model, flavor, entry)
