"""A model of any flavor as one thing: data in, predictions out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gittrack.errors import ModelError, some
from gittrack.models import flavors, mlmodel
from gittrack.models.enforcement import enforce, enforce_params
from gittrack.models.flavors.base import Loading
from gittrack.models.fromcode import read_config
from gittrack.models.loading import load
from gittrack.models.mlmodel import PYTHON_FUNCTION, Model
from gittrack.models.specs import TensorSpec
from gittrack.models.uri import resolve

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gittrack.models.flavors.base import Flavor
    from gittrack.models.specs import InputSpec, Schema
    from gittrack.runs.store import Store


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
    _ready: Any

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
            params: named parameters; those that the signature does not have are ignored, with a
                warning.

        Raises:
            SchemaMismatchError: the data does not fit the signature.
            MissingPackageError: the signature has columns, and pandas is not installed.
        """
        return self.score(self.fit_to_signature(data), params)

    def fit_to_signature(self, data: Any, *, exact: bool = False) -> Any:
        """Return the data with the columns and types of the signature, if the model has one.

        Args:
            exact: judge each value, not its type; for data that came as text.

        Raises:
            SchemaMismatchError: it does not fit.
        """
        schema = self.metadata.get_input_schema()
        return data if schema is None else enforce(data, schema, exact=exact)

    def score(self, data: Any, params: Mapping[str, Any] | None = None) -> Any:
        """Return the predictions for data that fits the signature already; see `predict`."""
        schema = self.metadata.signature.params if self.metadata.signature else None
        given = enforce_params(params or {}, schema)
        return self._flavor.predict(self._ready, data, self._entry, given)

    def get_raw_model(self) -> Any:
        """Return the object that the model's library made."""
        return self._model

    def unwrap_python_model(self) -> Any:
        """Return the PythonModel, or the object that the model's library made."""
        from gittrack.models.flavors.pyfunc import Ready

        return self._model.model if isinstance(self._model, Ready) else self._model


def _summary(schema: Schema | None) -> str:
    if schema is None:
        return "not described"
    return some([_input(spec) for spec in schema])


def _input(spec: InputSpec) -> str:
    shape = f" {list(spec.shape)}" if isinstance(spec, TensorSpec) else ""
    name = "" if spec.name is None else f"{spec.name!s:.30} "
    return f"{name}{spec.type}{shape}"


def load_model(
    model_uri: str | Path,
    *,
    store: Store | None = None,
    safe: bool = False,
    model_config: Mapping[str, Any] | str | Path | None = None,
) -> PyFuncModel:
    """Load a model of any flavor.

    Args:
        model_uri: `runs:/RUN/path`, `models:/NAME/3`, `models:/NAME@ALIAS`, a path, or `file:`.
        store: where runs are looked for; the one of the working folder where not given.
        safe: load only what runs no code that comes with the model.
        model_config: settings for a model that is written in Python, over those it was saved with.

    Raises:
        NotFoundError: there is no such model.
        ModelError: it is damaged, not safe, or says of no flavor how it predicts.
    """
    folder = resolve(model_uri, store=store)
    described = mlmodel.read(folder)
    entry = described.flavors.get(PYTHON_FUNCTION)
    if entry is None:
        hint = f"its flavors are: {', '.join(sorted(described.flavors))}"
        raise ModelError(f"{folder} has no flavor {PYTHON_FUNCTION!r}", hint=hint)
    flavor = flavors.of_loader(entry.get("loader_module"))
    own = {**described.flavors.get(flavor.NAME, entry)}
    if entry.get("code"):
        own["code"] = entry["code"]
    how = Loading(safe=safe, config=read_config(model_config))
    model = load(folder, described, flavor, own, how)
    return PyFuncModel(described, model, flavor, entry, flavor.prepare(model, own))
