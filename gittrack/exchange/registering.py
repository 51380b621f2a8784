"""Registered models that come in: versions keep their numbers, and what is here stays."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from gittrack import files, paths
from gittrack.errors import GittrackError, NotFoundError
from gittrack.models import digest, mlmodel
from gittrack.registry import Registry, Version, reading, version
from gittrack.runs import edits
from gittrack.runs.edits import Edit
from gittrack.runs.values import to_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from gittrack.exchange.incoming import ForeignModel, ForeignVersion, Left
    from gittrack.registry import RegisteredModel
    from gittrack.runs.store import Store


class Registrar:
    """Writes registered models of another tool, whose runs are in the store already."""

    def __init__(self, store: Store, folder_of: Callable[[str], Path], left: Left) -> None:
        self.versions = 0
        self._registry = Registry(store)
        self._folder_of = folder_of
        self._left = left

    def take(self, given: Iterable[ForeignModel]) -> None:
        """Register models with their versions and aliases."""
        for foreign in given:
            where = self._registry.root / foreign.name.replace("/", "-")
            try:
                self._take(foreign, where)
            except (GittrackError, ValueError) as error:
                self._left.add(where, f"is left out: {getattr(error, 'message', error)}")

    def _take(self, foreign: ForeignModel, where: Path) -> None:
        folder = self._registry.root / paths.folder_for(foreign.name)
        if (folder / "meta.yaml").exists():
            raise NotFoundError(
                "MLflow's own folder is in its place; import into another store (--store)"
            )
        model = self._registry.create(foreign.name)
        _say(model.folder, foreign.time, note=foreign.note, tags=foreign.tags)
        for one in foreign.versions:
            try:
                self._register(model, one)
            except (GittrackError, OSError, ValueError) as error:
                reason = getattr(error, "message", error)
                self._left.add(where, f"version {one.number} is left out: {reason}")
        known = reading.numbers(model.folder)
        for alias, number in foreign.aliases.items():
            pointed = reading.read_model(model.folder).aliases.get(alias)
            if pointed is None and number in known:
                self._registry.set_alias(model.name, alias, number)
            elif pointed is not None and pointed != number:
                self._left.add(where, f"alias {alias} is left at version {pointed}")

    def _register(self, model: RegisteredModel, given: ForeignVersion) -> None:
        artifacts = self._folder_of(given.run_id) / paths.ARTIFACTS
        place = next((place for place in given.places if _is_model(artifacts / place)), None)
        if place is None:
            raise NotFoundError(f"its model is not among the artifacts of run {given.run_id!r}")
        signature = mlmodel.read(artifacts / place).signature
        parts = signature.to_dict() if signature else {}
        made = Version(
            name=model.name,
            number=given.number,
            time=given.time,
            user=given.user,
            run_id=given.run_id,
            path=place,
            digest=digest.of_folder(artifacts / place),
            signature={key: json.loads(text) for key, text in parts.items() if text},
        )
        path = reading.version_path(model, given.number)
        files.make_folder(path.parent)
        if files.write_new(path, version.to_bytes(made)):
            self.versions += 1
        else:
            there = reading.read_version(model, given.number)
            if (there.run_id, there.path) != (made.run_id, made.path):
                raise NotFoundError("here it is another model")
        _say(path.with_suffix(""), given.changed, note=given.note, tags=given.tags)


def _is_model(folder: Path) -> bool:
    return (folder / paths.MLMODEL).is_file() and not folder.is_symlink()


def _say(folder: Path, moment: int, *, note: str, tags: Mapping[str, str]) -> None:
    """Say of a model or version what another tool does, in the same file whenever it is said."""
    if not note and not tags:
        return
    name = paths.edit_name_of(moment, to_json([note, sorted(tags.items())]))
    files.make_folder(folder)
    if not (folder / name).exists():
        edits.write_as(folder, Edit(time=moment, note=note or None, tags=dict(tags)), name)
