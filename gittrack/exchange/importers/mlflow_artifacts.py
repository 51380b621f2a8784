"""Where the artifacts of MLflow's runs are now: the absolute paths it wrote have often gone."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gittrack.exchange.incoming import Left

_LOCAL = ("", "file", "mlflow-artifacts")
_TAIL = 4
_UNUSUAL = re.compile(r"[^\w. -]")
_MOST_NAME = 60


class LoggedModel(NamedTuple):
    """A model that a run of MLflow 3 logged, and the folder that it is in."""

    model_id: str
    run_id: str
    name: str
    time: int
    folder: Path


class Places(NamedTuple):
    """The real folders that artifacts may be taken from; what a store names may lie anywhere."""

    folders: tuple[Path, ...]

    def folder(self, uri: object, beside: Path | None, left: Left) -> Path | None:
        """Return the folder that an artifact URI means, or None.

        What lies beside its run is taken as it is. Else the end of the path is looked for in the
        folders, as the store may have been moved; where nothing is found, `left` is told.
        """
        if beside is not None and beside.is_dir() and not beside.is_symlink():
            return beside
        if not isinstance(uri, str) or not uri:
            return None
        parts = urlsplit(uri)
        if parts.scheme not in _LOCAL:
            left.add(Path(uri), f"is left out: artifacts on {parts.scheme} are not fetched")
            return None
        path = Path(unquote(parts.path))
        if parts.scheme != "mlflow-artifacts" and self._holds(path):
            return path
        found = next((place for place in self._moved(path) if place.is_dir()), None)
        if found is None and path.is_dir():
            left.add(path, "is left out: it is not in the store", hint="name it with --artifacts")
        return found

    def _holds(self, path: Path) -> bool:
        real = path.resolve()
        return path.is_dir() and any(real.is_relative_to(place) for place in self.folders)

    def _moved(self, path: Path) -> Iterator[Path]:
        parts = [part for part in path.parts if part not in ("..", ".", path.anchor)]
        for folder in self.folders:
            for start in range(max(0, len(parts) - _TAIL), len(parts) - 1):
                for base in (folder, folder / "mlruns", folder / "mlartifacts"):
                    place = base.joinpath(*parts[start:])
                    if place.resolve().is_relative_to(folder):
                        yield place


def by_run(models: Iterable[LoggedModel]) -> dict[str, list[LoggedModel]]:
    """Group models by the run that logged them."""
    found: dict[str, list[LoggedModel]] = {}
    for model in models:
        found.setdefault(model.run_id, []).append(model)
    return found


def placements(models: Sequence[LoggedModel], own: Path | None) -> list[tuple[LoggedModel, str]]:
    """Return where below the artifacts of their run models go: by their names.

    Of several of one name the latest has it, as in MLflow; the others bear their id too.
    """
    latest = {model.name: model for model in sorted(models, key=lambda m: (m.time, m.model_id))}
    found = []
    for model in models:
        longer, plain = possible_places(model)
        is_free = own is None or not (own / plain).exists()
        found.append((model, plain if latest[model.name] is model and is_free else longer))
    return found


def possible_places(model: LoggedModel) -> tuple[str, str]:
    """Return where a model may have gone: by name and id, or by its name."""
    plain = _UNUSUAL.sub("-", model.name)[:_MOST_NAME].strip(". ") or "model"
    return f"{plain}-{model.model_id}", plain
