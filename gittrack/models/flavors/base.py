"""What every flavor module offers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Saved(NamedTuple):
    """What a flavor says of the files that it wrote.

    Attributes:
        entry: its own entry of MLmodel's `flavors`.
        python_function: what it adds to the entry `python_function`.
        packages: the packages that loading the model needs.
    """

    entry: Mapping[str, Any]
    python_function: Mapping[str, Any]
    packages: tuple[str, ...]


class Flavor(Protocol):
    """A module for one library, which it imports only inside its functions.

    `NAME` is its key in MLmodel and in `FLAVORS`, `OPTIONS` the arguments of save_model that are
    its own.
    """

    NAME: str
    OPTIONS: frozenset[str]

    def detect(self, model: object) -> bool:
        """Tell whether a model is of this library."""

    def save(self, model: object, folder: Path, options: Mapping[str, Any]) -> Saved:
        """Write a model's files into a folder."""

    def load(self, folder: Path, entry: Mapping[str, Any]) -> Any:
        """Read the model that an entry of MLmodel describes."""

    def predict(self, model: Any, data: Any, entry: Mapping[str, Any]) -> Any:
        """Let a model answer; `entry` is the one of `python_function`."""
