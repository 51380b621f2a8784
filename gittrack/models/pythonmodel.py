"""What a model written in Python is made from.

It is pickled with the model, by value, so that loading one needs neither gittrack nor MLflow:
nothing in here may use what stands outside of its class.
"""

from __future__ import annotations

from typing import Any


class PythonModelContext:
    """What a model finds when it is loaded.

    Attributes:
        artifacts: the path of each of its files, by name.
        model_config: the settings that it was loaded with.
    """

    def __init__(self, artifacts: dict[str, str], model_config: dict[str, Any] | None) -> None:
        self.artifacts = artifacts
        self.model_config = model_config or {}


class PythonModel:
    """The base of a model that is a class of one's own; `predict` is what it has to have."""

    def load_context(self, context: Any) -> None:
        """Make ready what predictions need; called once, when the model was loaded."""

    def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:
        """Return the predictions for some input."""
        raise NotImplementedError("a PythonModel has a method predict(self, context, model_input)")

    @property
    def predict_type_hints(self) -> Any:
        """Nothing, where MLflow asks."""
        from types import SimpleNamespace

        return SimpleNamespace(input=None, output=None)


class FunctionModel(PythonModel):
    """A plain function as a model."""

    def __init__(self, func: Any) -> None:
        self.func = func

    def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:
        """Call the function, with the parameters where it takes some."""
        import inspect

        takes = inspect.signature(self.func).parameters
        return (
            self.func(model_input, params=params) if "params" in takes else self.func(model_input)
        )
