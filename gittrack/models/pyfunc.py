"""A model of any flavor as one thing: data in, predictions out."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gittrack.errors import ModelError
from gittrack.models import flavors, mlmodel
from gittrack.models.enforcement import enforce
from gittrack.models.mlmodel import PYTHON_FUNCTION, Model
from gittrack.models.uri import resolve

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gittrack.models.flavors.base import Flavor
    from gittrack.runs.store import Store


@dataclass(frozen=True)
class PyFuncModel:
    """A loaded model that fits its data to the signature before it predicts.

    Attributes:
        metadata: what its MLmodel says.
    """

    metadata: Model
    _model: Any = field(repr=False)
    _flavor: Flavor = field(repr=False)
    _entry: Mapping[str, Any] = field(repr=False)

    def predict(self, data: Any, params: Mapping[str, Any] | None = None) -> Any:
        """Return the model's predictions for a DataFrame, array, list or dictionary.

        Args:
            params: named parameters; a model that has none ignores them with a warning.

        Raises:
            SchemaMismatchError: the data does not fit the signature.
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
