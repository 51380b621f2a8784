"""Registered models in MLflow's words: the part of `MlflowClient` for them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gittrack import paths, search
from gittrack.entities import ModelVersion, RegisteredModel
from gittrack.errors import AlreadyExistsError, InvalidValueError, NotFoundError, UsageError
from gittrack.models import digest, mlmodel
from gittrack.models.stored import version_folder
from gittrack.models.uri import resolve
from gittrack.registry import Registry, Version
from gittrack.runs.edits import Edit
from gittrack.runs.provenance import author
from gittrack.runs.reading import StoredRun
from gittrack.runs.record import RunRecord
from gittrack.search.fields import Subject
from gittrack.tracking.paging import PagedList, page
from gittrack.tracking.validation import check_tags

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gittrack.registry import RegisteredModel as StoredModel
    from gittrack.runs.store import Store

# The stages of MLflow 1 and 2 are aliases of these names.
STAGES = ("Staging", "Production", "Archived")

# A version, or a model, is searched as a run of these attributes.
_VERSIONS = Subject(
    "model versions",
    frozenset({"tag", "attribute"}),
    {
        "name": "run_name",
        "run_id": "run_id",
        "version_number": "start_time",
        "creation_timestamp": "end_time",
        "source_path": "experiment",
    },
)
_MODELS = Subject(
    "registered models",
    frozenset({"tag", "attribute"}),
    {
        "name": "run_name",
        "creation_timestamp": "start_time",
        "last_updated_timestamp": "end_time",
        "timestamp": "end_time",
    },
)


def register(store: Store, uri: str | Path, name: str) -> Version:
    """Register the model that a URI names as the next version of a name.

    Raises:
        NotFoundError: there is no such model.
        UsageError: it is not among the artifacts of a run of the store.
        InvalidValueError: the name cannot be used.
    """
    folder = resolve(uri, store=store)
    run_id, path = _place_in(store, folder)
    signature = mlmodel.read(folder).signature
    parts = signature.to_dict() if signature else {}
    return Registry(store).register(
        name,
        run_id=run_id,
        path=path,
        digest=digest.of_folder(folder),
        signature={key: json.loads(text) for key, text in parts.items() if text},
        user=author(store.root),
    )


def _place_in(store: Store, folder: Path) -> tuple[str, str]:
    resolved, root = folder.resolve(), store.root.resolve()
    parts = resolved.relative_to(root).parts if resolved.is_relative_to(root) else ()
    run = paths.parse_run_folder(parts[1]) if len(parts) > 2 else None  # noqa: PLR2004
    if run is None or parts[2] != paths.ARTIFACTS:
        raise UsageError(
            f"{folder} is not among the artifacts of a run in {store.root}",
            hint="log it to a run first: gittrack.log_artifacts(FOLDER, 'model')",
        )
    return run.run_id, "/".join(parts[3:])


class RegistryClient:
    """Registered models of one store, with the names of MLflow's client."""

    store: Store

    @property
    def _registry(self) -> Registry:
        return Registry(self.store)

    # -- models

    def create_registered_model(
        self, name: str, tags: Mapping[str, Any] | None = None, description: str | None = None
    ) -> RegisteredModel:
        """Make a registered model that has no version yet.

        Raises:
            AlreadyExistsError: there is one of that name.
            InvalidValueError: the name or a tag cannot be used.
        """
        checked = check_tags(tags or {})
        if any(model.name == name for model in self._registry.models()):
            raise AlreadyExistsError(
                f"Registered Model (name={name}) already exists.",
                hint=f"register_model(uri, {name!r}) adds a version to it",
            )
        self._registry.create(name)
        if checked or description:
            self._registry.edit(name, Edit(tags=checked, note=description))
        return self.get_registered_model(name)

    def get_registered_model(self, name: str) -> RegisteredModel:
        """Return a registered model.

        Raises:
            NotFoundError: there is none of that name.
        """
        return self._model(self._registry.model(name))

    def rename_registered_model(self, name: str, new_name: str) -> RegisteredModel:
        """Give a registered model another name; see `gittrack.registry.Registry.rename`."""
        self._registry.rename(name, new_name)
        return self.get_registered_model(new_name)

    def update_registered_model(self, name: str, description: str | None = None) -> RegisteredModel:
        """Describe a registered model."""
        self._registry.edit(name, Edit(note=description or ""))
        return self.get_registered_model(name)

    def delete_registered_model(self, name: str) -> None:
        """Remove a registered model; tombstones of its versions stay."""
        self._registry.delete(name, user=author(self.store.root))

    def search_registered_models(
        self,
        filter_string: str | None = None,
        max_results: int = 100,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[RegisteredModel]:
        """Return the registered models that a filter fits, in pages.

        Raises:
            FilterError: the filter or the order cannot be read.
        """
        wanted = {model.name: model for model in map(self._model, self._registry.models())}
        runs = [
            _as_run(
                name=model.name,
                start=model.creation_timestamp or 0,
                end=model.last_updated_timestamp or 0,
                tags=model.tags,
            )
            for model in wanted.values()
        ]
        found = _searched(runs, _MODELS, filter_string, order_by or ["name"])
        models = [wanted[run.record.name] for run in found]
        return PagedList(*page(models, max_results=max_results, token=page_token))

    def set_registered_model_tag(self, name: str, key: str, value: Any) -> None:
        """Set a tag of a registered model."""
        self._registry.edit(name, Edit(tags=check_tags({key: value})))

    def delete_registered_model_tag(self, name: str, key: str) -> None:
        """Remove a tag of a registered model."""
        self._registry.edit(name, Edit(tags={key: None}))

    # -- aliases

    def set_registered_model_alias(self, name: str, alias: str, version: object) -> None:
        """Let an alias point to a version, in the place of where it pointed.

        Raises:
            InvalidValueError: it can be no alias.
            NotFoundError: there is no such version.
        """
        self._registry.set_alias(name, alias, version)

    def delete_registered_model_alias(self, name: str, alias: str) -> None:
        """Take an alias away."""
        self._registry.remove_alias(name, alias)

    def get_model_version_by_alias(self, name: str, alias: str) -> ModelVersion:
        """Return the version that an alias points to.

        Raises:
            NotFoundError: there is no such model or alias.
        """
        if alias not in self._registry.model(name).aliases:
            raise NotFoundError(f"Registered model alias {alias} not found.")
        return self._version(self._registry.named(name, alias))

    # -- versions

    def create_model_version(
        self,
        name: str,
        source: str,
        run_id: str | None = None,
        tags: Mapping[str, Any] | None = None,
        run_link: str | None = None,
        description: str | None = None,
        await_creation_for: int | None = None,
        local_model_path: str | None = None,
    ) -> ModelVersion:
        """Register a model as the next version of a name; see `register_model`.

        Args:
            source: a URI or path of the model; also its path in the artifacts of `run_id`.
        """
        checked = check_tags(tags or {})
        if run_id is not None and ":" not in str(source) and not Path(source).is_absolute():
            source = f"runs:/{run_id}/{source}"
        made = register(self.store, source, name)
        if checked or description:
            self._registry.edit(name, Edit(tags=checked, note=description), number=made.number)
        return self.get_model_version(name, made.number)

    def copy_model_version(self, src_model_uri: str, dst_name: str) -> ModelVersion:
        """Register the model of a version under another name too."""
        return self.create_model_version(dst_name, src_model_uri)

    def get_model_version(self, name: str, version: object) -> ModelVersion:
        """Return one version.

        Raises:
            NotFoundError: there is none, or it was removed.
        """
        return self._version(self._registry.version(name, version))

    def get_latest_versions(
        self, name: str, stages: Sequence[str] | None = None
    ) -> list[ModelVersion]:
        """Return the versions in some stages; without them, also the newest of all."""
        model = self._registry.model(name)
        wanted = [alias for alias in model.aliases if alias.title() in (stages or STAGES)]
        found = {model.aliases[alias] for alias in wanted}
        every = self._registry.versions(name).versions
        if not stages or "None" in stages:
            found.update(one.number for one in every[:1])
        return [self._version(one) for one in every if one.number in found]

    def update_model_version(
        self, name: str, version: object, description: str | None = None
    ) -> ModelVersion:
        """Describe a version."""
        self._registry.edit(name, Edit(note=description or ""), number=version)
        return self.get_model_version(name, version)

    def delete_model_version(self, name: str, version: object) -> None:
        """Remove a version and its aliases; its number is never given again."""
        self._registry.remove(name, version, user=author(self.store.root))

    def search_model_versions(
        self,
        filter_string: str | None = None,
        max_results: int = 10_000,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[ModelVersion]:
        """Return the versions that a filter such as `name = 'wine'` fits, in pages.

        Raises:
            FilterError: the filter or the order cannot be read.
        """
        every = [
            one
            for model in self._registry.models()
            for one in self._registry.versions(model.name).versions
        ]
        wanted = {(one.name, one.number): one for one in every}
        runs = [
            _as_run(one.name, one.number, one.time, one.tags, run_id=one.run_id, source=one.source)
            for one in every
        ]
        found = _searched(
            runs, _VERSIONS, filter_string, order_by or ["name", "version_number desc"]
        )
        versions = [wanted[run.record.name, run.record.start_time] for run in found]
        return PagedList(
            *page(
                [self._version(one) for one in versions], max_results=max_results, token=page_token
            )
        )

    def set_model_version_tag(
        self, name: str, version: object = None, key: str | None = None, value: Any = None
    ) -> None:
        """Set a tag of a version."""
        self._registry.edit(name, Edit(tags=check_tags({key: value})), number=version)

    def delete_model_version_tag(
        self, name: str, version: object = None, key: str | None = None
    ) -> None:
        """Remove a tag of a version."""
        self._registry.edit(name, Edit(tags={str(key): None}), number=version)

    def get_model_version_download_uri(self, name: str, version: object) -> str:
        """Return the `file:` URI of a version's folder."""
        return version_folder(self._registry.version(name, version), self.store).as_uri()

    def transition_model_version_stage(
        self, name: str, version: object, stage: str, archive_existing_versions: bool = False
    ) -> ModelVersion:
        """Put a version into a stage, which is the alias of that name; `None` takes it out.

        Args:
            archive_existing_versions: the one that was in the stage becomes the archived one.

        Raises:
            InvalidValueError: there is no such stage.
        """
        if str(stage).title() not in (*STAGES, "None"):
            raise InvalidValueError(
                f"Invalid Model Version stage: {stage}",
                hint=f"use {', '.join(STAGES)}, or an alias: set_registered_model_alias",
            )
        alias, model = str(stage).lower(), self._registry.model(name)
        found = self._registry.version(name, version)
        for other in found.aliases:
            if other.title() in STAGES:
                self._registry.remove_alias(name, other)
        before = model.aliases.get(alias)
        if archive_existing_versions and before not in (None, found.number):
            self._registry.set_alias(name, "archived", before)
        if alias != "none":
            self._registry.set_alias(name, alias, found.number)
        return self.get_model_version(name, found.number)

    # -- inside

    def _model(self, model: StoredModel) -> RegisteredModel:
        versions = self._registry.versions(model.name).versions
        times = [one.time for one in versions] + [model.changed] * bool(model.changed)
        made = model.folder.stat().st_mtime_ns // 1_000_000
        return RegisteredModel(
            name=model.name,
            creation_timestamp=min(times, default=made),
            last_updated_timestamp=max(times, default=made),
            description=model.note,
            tags=model.tags,
            aliases={alias: str(number) for alias, number in model.aliases.items()},
            latest_versions=[self._version(one) for one in versions[:1]],
        )

    def _version(self, version: Version) -> ModelVersion:
        stage = next((alias for alias in version.aliases if alias.title() in STAGES), "None")
        return ModelVersion(
            name=version.name,
            version=str(version.number),
            creation_timestamp=version.time,
            last_updated_timestamp=version.changed or version.time,
            source=version.source,
            run_id=version.run_id,
            user_id=version.user or "",
            description=version.note,
            tags=version.tags,
            aliases=list(version.aliases),
            current_stage=stage.title(),
        )


def _as_run(
    name: str, start: int, end: int, tags: Mapping[str, str], *, run_id: str = "", source: str = ""
) -> StoredRun:
    record = RunRecord(
        run_id=run_id,
        name=name,
        experiment=source,
        status="",
        start_time=start,
        end_time=end,
        tags=tags,
    )
    return StoredRun(Path(name, "run"), record)


def _searched(
    runs: Sequence[StoredRun], subject: Subject, filter_string: str | None, order: Sequence[str]
) -> list[StoredRun]:
    fits = search.matcher(search.parse_filter(filter_string or "", subject))
    return search.ordered([run for run in runs if fits(run)], search.parse_order(order, subject))
