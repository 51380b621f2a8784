"""The tree under `mlruns/`: experiments, the runs in them, and how a person names one."""

from __future__ import annotations

import sys
import unicodedata
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from gittrack import files, paths, secrets, settings
from gittrack.errors import (
    GittrackError,
    InvalidValueError,
    NotFoundError,
    RunBeingMadeError,
    StoreError,
)
from gittrack.files import Problem
from gittrack.git.state import ignoring_rule
from gittrack.runs import edits, naming
from gittrack.runs.reading import StoredRun, read_run
from gittrack.runs.trees import DISK, Tree
from gittrack.runs.values import to_json
from gittrack.turns import turn

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_MAX_NAME = 500


@dataclass(frozen=True)
class Experiment:
    """A group of runs. Its id is its folder, which never changes; its name can be edited."""

    experiment_id: str
    name: str
    description: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    deleted: bool = False


class Listing(NamedTuple):
    """The runs that could be read, and what is wrong with the others."""

    runs: list[StoredRun]
    problems: list[Problem]


@dataclass(frozen=True)
class Store:
    """One tree of runs. Making the object touches nothing; the first write makes the folder.

    What is read comes from `tree`: the disk, or a revision (see `gittrack.runs.revisions`).
    """

    root: Path
    tree: Tree = DISK

    @classmethod
    def open(cls, path: Path | str | None = None) -> Store:
        """Return the store at `path`, or the one that belongs to the working folder."""
        return cls(settings.local_path(str(path)) if path is not None else settings.store_path())

    @property
    def place(self) -> str:
        """Where a person finds the store: its folder, or `REVISION:PATH`."""
        return self.tree.place(self.root)

    # -- experiments

    def experiments(self, *, deleted: bool = False) -> list[Experiment]:
        """Return the experiments, sorted by folder; Default is always among them."""
        folders = {paths.DEFAULT_FOLDER, *self._experiment_folders()}
        found = [self._read_experiment(folder) for folder in sorted(folders)]
        return [experiment for experiment in found if deleted or not experiment.deleted]

    def experiment(self, name_or_id: str, *, ids_first: bool = False) -> Experiment:
        """Return the experiment of that name or id, deleted or not; see `find_experiment`.

        Raises:
            NotFoundError: there is none.
        """
        found = self.find_experiment(name_or_id, ids_first=ids_first)
        if found is None:
            names = ", ".join(repr(experiment.name) for experiment in self.experiments()[:10])
            raise NotFoundError(
                f"no experiment {name_or_id!r} in {self.place}", hint=f"there are: {names}"
            )
        return found

    def find_experiment(self, name_or_id: str, *, ids_first: bool = False) -> Experiment | None:
        """Return the experiment of that name or id, deleted or not, or None; "0" is Default.

        One may have the name that is another's id: the name wins, or with `ids_first` the id.
        """
        if name_or_id == "0":
            return self._read_experiment(paths.DEFAULT_FOLDER)
        if ids_first and name_or_id in self._experiment_folders():
            return self._read_experiment(name_or_id)  # to read one is to list all its runs
        known = self.experiments(deleted=True)
        by_id = [experiment for experiment in known if experiment.experiment_id == name_or_id]
        by_name = _named(known, name_or_id)
        return next(iter(by_id + by_name if ids_first else by_name + by_id), None)

    def create_experiment(self, name: str) -> Experiment:
        """Make the experiment of that name, or return it where it exists.

        Raises:
            InvalidValueError: the name is empty, too long or holds a control character.
            StoreError: the tree cannot be written.
        """
        name = check_experiment_name(name)
        if name == "0":
            return self._read_experiment(paths.DEFAULT_FOLDER)
        if found := _named(self.experiments(deleted=True), name):
            return found[0]
        with self.naming():
            if found := _named(self.experiments(deleted=True), name):
                return found[0]
            folder = paths.first_free(name, self._name_in)
            files.make_folder(self.root / folder)
            self.keep_name(folder, name)
        return Experiment(folder, name)

    def keep_name(self, folder: str, name: str) -> None:
        """Write down an experiment's name where its folder, made for that name, does not tell it.

        Raises:
            StoreError: the tree cannot be written.
        """
        if folder in {name, paths.DEFAULT_FOLDER}:
            return
        path = self.root / folder / paths.EXPERIMENT_JSON
        if paths.is_made_for(folder, name) and not path.exists():
            content = f'{{\n  "format": 1,\n  "name": {to_json(name)}\n}}\n'
            files.make_folder(path.parent)
            files.write_new(path, content.encode())

    # -- runs

    def runs(self, experiments: Iterable[str] | None = None, *, deleted: bool = False) -> Listing:
        """Read the runs of some experiments, newest first; deleted ones only when asked for.

        Args:
            experiments: their ids; default: all that are not deleted.
        """
        found: list[StoredRun] = []
        problems: list[Problem] = []
        known = self.experiments(deleted=True)
        gone = {item.experiment_id for item in known if item.deleted}
        if experiments is None:
            experiments = [item.experiment_id for item in known if not item.deleted]
        for folder in self.run_folders(experiments, problems=problems):
            try:
                run = read_run(folder, self.tree)
            except RunBeingMadeError:
                continue
            except GittrackError as error:
                place = Path(self.tree.place(folder))
                problems.append(Problem(place, error.message, hint=error.hint))
                continue
            problems += run.problems
            if run.experiment_id in gone:
                run = replace(run, deleted=True)
            if deleted or not run.deleted:
                found.append(run)
        found.sort(key=lambda run: (-run.record.start_time, run.run_id))
        return Listing(found, problems)

    def run_folders(
        self,
        experiments: Iterable[str] | None = None,
        *,
        deleted: bool = False,
        problems: list[Problem] | None = None,
    ) -> Iterator[Path]:
        """Yield the run folders of some experiments (ids; default all, or but the deleted ones).

        An experiment that may not be read is added to `problems`, and hides no other.
        """
        if experiments is None:
            experiments = [item.experiment_id for item in self.experiments(deleted=deleted)]
        for experiment in experiments:
            folder = self.root / experiment
            try:
                names = self.run_names(experiment)
            except StoreError as error:
                if problems is not None:
                    problems.append(Problem(folder, error.message, hint=error.hint))
                continue
            yield from (folder / name for name in names)

    def run_names(self, experiment: str) -> list[str]:
        """Return the names of an experiment's run folders, sorted.

        Raises:
            StoreError: its folder may not be read.
        """
        folder = self.root / experiment
        if not self.tree.is_folder(folder):
            return []  # a tree never leads outside itself
        return [name for name in self.tree.folders(folder) if paths.parse_run_folder(name)]

    def folder_of(self, run_id: str) -> Path:
        """Return the folder of the run with exactly this id.

        Raises:
            NotFoundError: there is none.
        """
        for path in self.run_folders(deleted=True):
            if path.name[16:] == run_id:
                return path
        raise NotFoundError(
            f"no run {run_id!r} in {self.root}", hint="gittrack ls shows the runs there are"
        )

    def find(self, reference: str) -> StoredRun:
        """Return the run that a person names, see `gittrack.runs.naming`.

        What is no id is looked for in all records; `gittrack.search.find` asks the index.

        Raises:
            NotFoundError: it fits no run.
            AmbiguousError: it fits several; they are listed.
            BrokenRunError: it fits one whose record cannot be read.
        """
        return naming.find(self, reference)

    def prepare(self) -> None:
        """Make the tree and its two dot files where they are missing; a new tree is said once.

        Raises:
            StoreError: it cannot be written.
        """
        if not self.root.is_dir():
            files.make_folder(self.root)
            _announce(self.root)
        for name, data in (
            (".gitignore", paths.GITIGNORE_BYTES),
            (".gitattributes", paths.GITATTRIBUTES_BYTES),
        ):
            if not (self.root / name).exists():
                files.write_new(self.root / name, data)

    @contextmanager
    def naming(self) -> Iterator[None]:
        """Let no other process give a name, to an experiment or a model, for the time of the block.

        Where there are no locks, and between clones, two may still give the same.

        Raises:
            StoreError: the tree cannot be written.
        """
        self.prepare()
        with turn(self.root, "names"):
            edits.forget_recent()
            yield

    # -- inside

    def _experiment_folders(self) -> list[str]:
        return [name for name in self.tree.folders(self.root) if self._is_experiment(name)]

    def _is_experiment(self, folder: str) -> bool:
        path = self.root / folder
        if folder == paths.REGISTRY or folder.startswith(".") or not self.tree.is_folder(path):
            return False
        return not self.tree.is_file(path / "meta.yaml")  # MLflow's file store is not ours

    def _name_in(self, folder: str) -> str | None:
        return self._read_experiment(folder).name if self._is_experiment(folder) else None

    def _read_experiment(self, folder: str) -> Experiment:
        path = self.root / folder
        here = self.tree is DISK
        changed = (edits.read_recent(path) if here else edits.read(path, tree=self.tree)).joined
        name = paths.DEFAULT_EXPERIMENT if folder == paths.DEFAULT_FOLDER else folder
        try:
            stored = self.tree.read_json(path / paths.EXPERIMENT_JSON).get("name")
            name = stored if isinstance(stored, str) else name
        except (OSError, ValueError):
            pass
        return Experiment(
            experiment_id=folder,
            name=changed.name or name,
            description=changed.note or "",
            tags={key: value for key, value in changed.tags.items() if value is not None},
            deleted=bool(changed.deleted),
        )


def _named(experiments: Iterable[Experiment], name: str) -> list[Experiment]:
    normal = unicodedata.normalize("NFC", name)
    return [experiment for experiment in experiments if experiment.name == normal]


def _announce(root: Path) -> None:
    if sys.stderr is None:
        return
    words = f"gittrack: keeping runs in {root}\n"
    rule = ignoring_rule(root)
    if rule is not None:
        words += (
            f"gittrack: Git ignores that folder by {rule}; remove the line to commit your runs\n"
        )
    with suppress(OSError, ValueError):  # a terminal that hung up is no reason to stop the work
        sys.stderr.write(words)


def check_experiment_name(name: object) -> str:
    """Return an experiment's name in its NFC form.

    Raises:
        InvalidValueError: it is empty, too long or holds a control character.
    """
    if not isinstance(name, str) or not name.strip():
        raise InvalidValueError(
            f"Invalid experiment name: {name!r}", hint="give a text that is not empty"
        )
    if len(name) > _MAX_NAME:
        raise InvalidValueError(
            f"Invalid experiment name: {name[:40]!r}... has {len(name)} characters",
            hint=f"use at most {_MAX_NAME}",
        )
    if (kind := secrets.find(name)) is not None:
        raise InvalidValueError(
            f"Invalid experiment name: it looks like a secret ({kind})",
            hint="names are written into files that are made to be committed",
        )
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in name):
        raise InvalidValueError(
            f"Invalid experiment name: {name!r}", hint="leave out its control characters"
        )
    return unicodedata.normalize("NFC", name)
