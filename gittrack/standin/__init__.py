"""gittrack in the place of `mlflow`, for code and libraries that import that name themselves."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from gittrack.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

FOREIGN = "mlflow"
OWN = "gittrack"
# A folder that holds nothing but a module `mlflow`, for the search path of child processes.
IMPORTABLE = Path(__file__).parent / "importable"


class _Loader(Loader):
    """Gives a module of ours out under another name."""

    def __init__(self, module: ModuleType) -> None:
        self._module = module
        self._spec = module.__spec__

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return self._module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self._spec  # the import has written its own there


class _Finder(MetaPathFinder):
    """Finds `mlflow` and `mlflow.*` in gittrack."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != FOREIGN and not fullname.startswith(f"{FOREIGN}."):
            return None
        own = OWN + fullname[len(FOREIGN) :]
        try:
            module = import_module(own)
        except ModuleNotFoundError as error:
            if error.name is None or not own.startswith(error.name):
                raise
            raise ModuleNotFoundError(
                f"gittrack, which stands in for mlflow here, has no module {fullname!r}",
                name=fullname,
            ) from None
        return ModuleSpec(fullname, _Loader(module), is_package=hasattr(module, "__path__"))


def install_as_mlflow() -> None:
    """Serve `import mlflow` and `import mlflow.…` from gittrack, from now on, in this process.

    Raises:
        UsageError: the real MLflow is imported already.
    """
    foreign = [name for name in sys.modules if name.partition(".")[0] == FOREIGN]
    strange = [name for name in foreign if sys.modules[name].__name__.partition(".")[0] != OWN]
    if strange:
        raise UsageError(
            f"the real MLflow is imported already ({min(strange)}), and half of both would "
            "be mixed",
            hint="call gittrack.install_as_mlflow() before anything imports mlflow, or run the "
            "script by python -m gittrack.mlflow",
        )
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
    sys.modules[FOREIGN] = import_module(OWN)


def serve_where_missing() -> bool:
    """Serve `import mlflow` from gittrack where the real one is not installed; tell whether it is.

    For models that were saved with MLflow, whose code names it.
    """
    if find_spec(FOREIGN) is None:
        sys.meta_path.append(_Finder())
    return any(isinstance(finder, _Finder) for finder in sys.meta_path)
