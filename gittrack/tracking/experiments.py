"""The part of `MlflowClient` that makes, changes and finds experiments."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any

from gittrack import paths, search, settings
from gittrack.entities import Experiment, ViewType, experiment_of
from gittrack.errors import AlreadyExistsError, NotFoundError, UsageError
from gittrack.runs import edits
from gittrack.runs.edits import Edit
from gittrack.runs.forgiving import warn
from gittrack.runs.reading import NAME_TAG, NOTE_TAG
from gittrack.runs.store import Store, check_experiment_name
from gittrack.tracking import active
from gittrack.tracking.finding import view_of
from gittrack.tracking.holding import check_experiment
from gittrack.tracking.paging import PagedList, page
from gittrack.tracking.validation import check_tags

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from gittrack.runs.store import Experiment as StoredExperiment


class ExperimentClient:
    """Experiments of one store."""

    def __init__(
        self, tracking_uri: str | Path | None = None, registry_uri: str | None = None
    ) -> None:
        if tracking_uri is None:
            self.store = active.open_store()
        else:
            self.store = Store(settings.local_path(str(tracking_uri)))

    @property
    def tracking_uri(self) -> str:
        """The `file:` URI of the store."""
        return self.store.root.as_uri()

    def create_experiment(
        self, name: str, artifact_location: str | None = None, tags: Mapping[str, Any] | None = None
    ) -> str:
        """Make an experiment and return its id.

        Args:
            artifact_location: not used: artifacts lie with their run.

        Raises:
            AlreadyExistsError: there is one of that name, maybe a deleted one.
            InvalidValueError: the name or a tag cannot be used.
        """
        self._check_free(check_experiment_name(name))
        checked = check_tags(tags or {})
        if artifact_location is not None:
            warn(
                f"artifact_location={str(artifact_location)!r} is not used: artifacts are kept "
                "with their run"
            )
        made = self.store.create_experiment(name)
        if checked:
            self._edit(made, edit_of(checked))
        return made.experiment_id

    def get_experiment(self, experiment_id: str) -> Experiment:
        """Return an experiment, deleted or not.

        Raises:
            NotFoundError: there is none of that id.
        """
        return experiment_of(self._stored(experiment_id), self.store)

    def get_experiment_by_name(self, name: str) -> Experiment | None:
        """Return the experiment of that name, deleted or not, or None."""
        found = self._named(str(name))
        return experiment_of(found, self.store) if found is not None else None

    def search_experiments(
        self,
        view_type: int = ViewType.ACTIVE_ONLY,
        max_results: int | None = 1000,
        filter_string: str | None = None,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[Experiment]:
        """Return the experiments that a filter fits, the newest first, in pages.

        Args:
            filter_string: such as `name LIKE 'wine%' and tags.team = 'a'`.

        Raises:
            FilterError: the filter or the order cannot be read.
            InvalidValueError: the page is too large, or the token none of ours.
        """
        found = search.experiments(
            self.store,
            filter_string=filter_string or "",
            order_by=tuple(order_by or ()),
            view=view_of(view_type),
        )
        return PagedList(*page(found, max_results=max_results, token=page_token))

    def delete_experiment(self, experiment_id: str) -> None:
        """Delete an experiment and with it its runs; `restore_experiment` brings all back.

        Raises:
            NotFoundError: there is none of that id.
            UsageError: it is the default experiment.
        """
        found = self._stored(experiment_id)
        if found.experiment_id == paths.DEFAULT_FOLDER:
            raise UsageError(
                "Cannot delete the default experiment 'default'. This is an internally reserved "
                "experiment.",
                hint="delete its runs: MlflowClient().delete_run(run_id)",
            )
        self._edit(found, Edit(deleted=True))

    def restore_experiment(self, experiment_id: str) -> None:
        """Bring a deleted experiment back, with the runs that it had.

        Raises:
            NotFoundError: there is none of that id.
        """
        self._edit(self._stored(experiment_id), Edit(deleted=False))

    def rename_experiment(self, experiment_id: str, new_name: str) -> None:
        """Give an experiment another name; its id, and the names in its runs, stay.

        Raises:
            NotFoundError: there is none of that id.
            AlreadyExistsError: another has that name.
            RunStateError: it is deleted.
        """
        found = check_experiment(self._stored(experiment_id))
        name = check_experiment_name(new_name)
        if name != found.name:
            with self.store.naming():
                self._check_free(name)
                self._edit(found, Edit(name=name))

    def set_experiment_tag(self, experiment_id: str, key: str, value: Any) -> None:
        """Set a tag of an experiment; a later value replaces it.

        Raises:
            NotFoundError: there is none of that id.
            InvalidValueError: the name or the value cannot be used.
            RunStateError: it is deleted.
        """
        self.set_experiment_tags(experiment_id, {key: value})

    def set_experiment_tags(self, experiment_id: str, tags: Mapping[str, Any]) -> None:
        """Set several tags of an experiment; see `set_experiment_tag`."""
        checked = check_tags(tags)
        self._edit(check_experiment(self._stored(experiment_id)), edit_of(checked))

    def delete_experiment_tag(self, experiment_id: str, key: str) -> None:
        """Remove a tag of an experiment.

        Raises:
            NotFoundError: there is no such experiment or tag.
            RunStateError: it is deleted.
        """
        found = check_experiment(self._stored(experiment_id))
        if key not in experiment_of(found, self.store).tags:
            raise NotFoundError(f"No tag with name: {key} in experiment with id {experiment_id}")
        self._edit(found, edit_of({key: None}))

    def _stored(self, experiment_id: str) -> StoredExperiment:
        return self.store.experiment(str(experiment_id), ids_first=True)

    def _named(self, name: str) -> StoredExperiment | None:
        # By its name only: the id of one may be the name of another.
        normal = unicodedata.normalize("NFC", name)
        known = self.store.experiments(deleted=True)
        return next((item for item in known if item.name == normal), None)

    def _check_free(self, name: str) -> None:
        found = self._named(name)
        if found is not None and found.deleted:
            raise AlreadyExistsError(
                f"Experiment {name!r} already exists in deleted state.",
                hint=f"restore it: MlflowClient().restore_experiment({found.experiment_id!r})",
            )
        if found is not None:
            raise AlreadyExistsError(
                f"Experiment {name!r} already exists.", hint=f"use it with set_experiment({name!r})"
            )

    def _edit(self, experiment: StoredExperiment, edit: Edit) -> None:
        self.store.prepare()
        edits.write(self.store.root / experiment.experiment_id, edit)


def edit_of(tags: Mapping[str, str | None]) -> Edit:
    """Return the edit that sets tags; MLflow's names for name and note are what they are here."""
    plain = {key: value for key, value in tags.items() if key not in (NOTE_TAG, NAME_TAG)}
    note = (tags[NOTE_TAG] or "") if NOTE_TAG in tags else None
    return Edit(name=tags.get(NAME_TAG), note=note, tags=plain)
