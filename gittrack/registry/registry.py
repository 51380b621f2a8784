"""The registry as files: names, versions and aliases under `mlruns/models/`.

A version is a file that is written once, an alias is one line, so that promoting a model is a
change that a pull request shows. What is said of a model later is an edit beside it.
"""

from __future__ import annotations

import shlex
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from gittrack import files, paths
from gittrack.errors import (
    AlreadyExistsError,
    GittrackError,
    InvalidValueError,
    NotFoundError,
    RunStateError,
    StoreError,
    some,
)
from gittrack.files import Problem
from gittrack.registry import names, reading, version
from gittrack.registry.reading import RegisteredModel, Versions
from gittrack.registry.version import Version
from gittrack.runs import edits
from gittrack.runs.edits import Edit
from gittrack.runs.values import to_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gittrack.runs.store import Store

_LISTED = 10


@dataclass(frozen=True)
class Registry:
    """The registered models of one store. Making the object touches nothing."""

    store: Store

    @property
    def root(self) -> Path:
        """The folder of all registered models."""
        return self.store.tree.local(self.store.root / paths.REGISTRY)

    # -- models

    def models(self, *, deleted: bool = False) -> list[RegisteredModel]:
        """Return the registered models, sorted by name."""
        try:
            folders = [path for path in self.root.iterdir() if reading.is_model(path)]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StoreError(
                f"cannot read {self.root}: {error.strerror}", hint="check its rights"
            ) from None
        found = [reading.read_model(folder) for folder in folders]
        return sorted(
            (model for model in found if deleted or not model.deleted), key=lambda item: item.name
        )

    def model(self, name: str) -> RegisteredModel:
        """Return the registered model of that name.

        Raises:
            NotFoundError: there is none.
        """
        found = self._find(name)
        if found is None or found.deleted:
            known = [repr(model.name) for model in self.models()]
            raise NotFoundError(
                f"no registered model {name!r} in {self.store.place}",
                hint=f"there are: {some(known, _LISTED)}"
                if known
                else "register one: gittrack models register runs:/ID/model NAME",
            )
        return found

    def create(self, name: str) -> RegisteredModel:
        """Make the registered model of that name, or return it where it is there already.

        Raises:
            InvalidValueError: the name cannot be used.
            StoreError: the tree cannot be written.
        """
        name = names.check_name(name)
        found = self._find(name)
        if found is None or found.deleted:
            with self.store.naming():
                found = self._make(name)
        return found

    def rename(self, name: str, new_name: str) -> RegisteredModel:
        """Give a registered model another name.

        Raises:
            NotFoundError: there is no such model.
            AlreadyExistsError: another has that name.
            InvalidValueError: the name cannot be used.
        """
        found, new_name = self.model(name), names.check_name(new_name)
        with self.store.naming():
            if self._find(new_name) is not None:
                raise AlreadyExistsError(
                    f"Registered Model (name={new_name}) already exists", hint="take another name"
                )
            edits.write(found.folder, Edit(name=new_name))
        return replace(found, name=new_name)

    def delete(self, name: str, *, user: str | None = None) -> None:
        """Remove a registered model: its aliases go, of its versions tombstones stay.

        Raises:
            NotFoundError: there is no such model.
        """
        found = self.model(name)
        with self.store.naming():
            # First, so that whoever registers a version meanwhile sees it.
            edits.write(found.folder, Edit(deleted=True))
            for number in reading.numbers(found.folder):
                self._bury(found, number, user)
            for alias in reading.read_model(found.folder).aliases:
                reading.alias_path(found, alias).unlink(missing_ok=True)

    # -- versions

    def versions(self, name: str, *, removed: bool = False) -> Versions:
        """Return the versions of a model, the newest first; tombstones only when asked for.

        Raises:
            NotFoundError: there is no such model.
        """
        model = self.model(name)
        found: list[Version] = []
        problems = list(model.problems)
        for number in reversed(reading.numbers(model.folder)):
            try:
                one = reading.read_version(model, number)
            except GittrackError as error:
                path = reading.version_path(model, number)
                problems.append(Problem(path, error.message, hint=error.hint))
                continue
            if removed or not one.removed:
                found.append(one)
        return Versions(found, problems)

    def version(self, name: str, number: object) -> Version:
        """Return one version of a model.

        Raises:
            NotFoundError: there is none, or it was removed.
            StoreError: its file cannot be read.
        """
        model, wanted = self.model(name), names.check_number(number)
        if wanted not in reading.numbers(model.folder):
            there = ", ".join(str(one.number) for one in self.versions(name).versions[:_LISTED])
            hint = f"there are: {there}" if there else "it has no version"
            raise NotFoundError(f"{name} has no version {wanted}", hint=hint)
        found = reading.read_version(model, wanted)
        if found.removed:
            raise NotFoundError(
                f"version {wanted} of {name} was removed",
                hint=f"gittrack models show {shlex.quote(name)}",
            )
        return found

    def named(self, name: str, which: str) -> Version:
        """Return a version by its number, by an alias, or the newest by `latest`.

        Raises:
            NotFoundError: there is no such model, version or alias.
            StoreError: a file cannot be read.
        """
        model = self.model(name)
        if which.lower() == names.LATEST:
            found = self.versions(name)
            if not found.versions:
                raise NotFoundError(
                    f"{name} has no version", hint=f"gittrack models show {shlex.quote(name)}"
                )
            return found.versions[0]
        if which.isdecimal():
            return self.version(name, which)
        number = model.aliases.get(which)
        if number is None:
            # The stages of MLflow, such as Production, are aliases in any case.
            folded = {alias.lower(): pointed for alias, pointed in model.aliases.items()}
            number = folded.get(which.lower())
        if number is None:
            for problem in model.problems:
                if problem.path.name == which:
                    raise StoreError(str(problem), hint=problem.hint)
            known = ", ".join(model.aliases) or "none"
            raise NotFoundError(
                f"{name} has no alias {which!r}", hint=f"its aliases: {known}; or give a number"
            )
        return self.version(name, number)

    def register(
        self,
        name: str,
        *,
        run_id: str,
        path: str,
        digest: str,
        signature: Mapping[str, Any] | None = None,
        user: str | None = None,
        moment: int | None = None,
    ) -> Version:
        """Write the next version of a model, which is made where it is missing.

        Args:
            moment: when it was registered, in ms since 1970 UTC; default: now.

        Raises:
            InvalidValueError: the name cannot be used.
            StoreError: the tree cannot be written.
        """
        model = self.create(name)
        made = Version(
            name=model.name,
            number=0,
            time=_now() if moment is None else moment,
            user=user,
            run_id=run_id,
            path=path,
            digest=digest,
            signature=signature or {},
        )
        made = put(model, made)
        while reading.read_model(model.folder).deleted:  # by another process, meanwhile
            with self.store.naming():
                edits.write(model.folder, Edit(deleted=False))
            if reading.read_version(model, made.number).removed:
                made = put(model, made)
        return made

    def remove(self, name: str, number: object, *, user: str | None = None) -> None:
        """Remove a version and the aliases that point to it; its number is never given again.

        Raises:
            NotFoundError: there is no such version.
        """
        found = self.version(name, number)
        model = self.model(name)
        self._bury(model, found.number, user)
        # Only now: an alias that is set from here on sees that the version is gone.
        for alias, pointed in reading.read_model(model.folder).aliases.items():
            if pointed == found.number:
                _take_away(reading.alias_path(model, alias), pointed)

    def used_runs(self) -> dict[str, list[Version]]:
        """Return the runs that versions point to, and these versions: such a run has to stay.

        Raises:
            StoreError: a version cannot be read, so that nobody knows which run it points to.
        """
        used: dict[str, list[Version]] = {}
        for model in self.models():
            for number in reading.numbers(model.folder):
                one = reading.read_version(model, number)
                if not one.removed:
                    used.setdefault(one.run_id, []).append(one)
        return used

    def check_unused(self, run_id: str) -> None:
        """Refuse to delete a run that a version points to.

        Raises:
            RunStateError: one does.
            StoreError: a version cannot be read; see `used_runs`.
        """
        if versions := self.used_runs().get(run_id):
            found = versions[0]
            raise RunStateError(
                f"run {run_id} is version {found.number} of the registered model {found.name}",
                hint=f"remove the version first: gittrack models rm {found.argument}",
            )

    # -- aliases and what else is said

    def set_alias(self, name: str, alias: str, number: object) -> Version:
        """Let an alias point to a version, in the place of where it pointed.

        Raises:
            InvalidValueError: it can be no alias.
            NotFoundError: there is no such version.
        """
        alias, found = names.check_alias(alias), self.version(name, number)
        model = self.model(name)
        for other in model.aliases:
            if other != alias and other.lower() == alias.lower():
                raise InvalidValueError(
                    f"alias {alias!r} differs from {other!r} by its case only",
                    hint=f"use {other!r}: some file systems hold but one of them",
                )
        path = reading.alias_path(model, alias)
        files.make_folder(path.parent)
        files.write_atomic(path, f"{found.number}\n".encode())
        try:
            self.version(name, found.number)
        except NotFoundError:  # it was removed meanwhile
            _take_away(path, found.number)
            raise
        return replace(found, aliases=tuple(sorted({*found.aliases, alias})))

    def remove_alias(self, name: str, alias: str) -> None:
        """Take an alias away.

        Raises:
            NotFoundError: there is none.
        """
        path = reading.alias_path(self.model(name), names.check_alias(alias))
        try:
            path.unlink()
        except FileNotFoundError:
            raise NotFoundError(
                f"{name} has no alias {alias!r}", hint=f"gittrack models show {shlex.quote(name)}"
            ) from None

    def edit(self, name: str, edit: Edit, *, number: object = None) -> None:
        """Add what is said of a model, or of one of its versions.

        Raises:
            NotFoundError: there is no such model or version.
        """
        folder = self.model(name).folder
        if number is not None:
            folder = reading.version_path(self.model(name), self.version(name, number).number)
            folder = folder.with_suffix("")
            files.make_folder(folder)
        edits.write(folder, edit)

    # -- inside

    def _find(self, name: str) -> RegisteredModel | None:
        plain = self.root / paths.folder_for(name)
        if reading.is_model(plain) and (found := reading.read_model(plain)).name == name:
            return found
        every = self.models(deleted=True)
        return next((model for model in every if model.name == name), None)

    def _make(self, name: str) -> RegisteredModel:
        if (found := self._find(name)) is not None:
            if found.deleted:
                edits.write(found.folder, Edit(deleted=False))
            return replace(found, deleted=False)
        folder = self.root / paths.first_free(name, self._name_in)
        files.make_folder(folder)
        _keep_name(folder, name)
        return RegisteredModel(name, folder)

    def _name_in(self, folder: str) -> str | None:
        path = self.root / folder
        return reading.read_model(path).name if reading.is_model(path) else None

    def _bury(self, model: RegisteredModel, number: int, user: str | None) -> None:
        tombstone = Version(model.name, number, _now(), user=user, removed=True)
        files.write_atomic(reading.version_path(model, number), version.to_bytes(tombstone))


def put(model: RegisteredModel, made: Version) -> Version:
    """Write a version under the next number that nobody has."""
    files.make_folder(model.folder / "versions")
    while True:
        number = max(reading.numbers(model.folder), default=0) + 1
        numbered = replace(made, number=number)
        if files.write_new(reading.version_path(model, number), version.to_bytes(numbered)):
            return numbered


def _take_away(alias: Path, number: int) -> None:
    """Take an alias away, unless it points to another version by now."""
    aside = alias.with_name(paths.temporary_name())
    with suppress(FileNotFoundError):
        alias.rename(aside)
        content = files.read_bytes(aside)
        if content.strip() != str(number).encode():
            files.write_new(alias, content)  # unless it is there again, newer still
        aside.unlink()


def _keep_name(folder: Path, name: str) -> None:
    if folder.name != name:
        content = f'{{\n  "format": 1,\n  "name": {to_json(name)}\n}}\n'
        files.write_new(folder / paths.MODEL_JSON, content.encode())


def _now() -> int:
    return time.time_ns() // 1_000_000
