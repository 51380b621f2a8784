"""Checking a whole tree: its experiments, runs, registered models, and what Git makes of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gittrack import artifactfiles, files, paths, schema
from gittrack.errors import GittrackError, StoreError
from gittrack.files import Problem
from gittrack.git import ignored
from gittrack.health import secretfiles
from gittrack.health.finding import Report
from gittrack.health.runs import RunCheck
from gittrack.models import digest, mlmodel
from gittrack.registry import Registry, reading
from gittrack.runs import edits
from gittrack.runs.trees import DISK

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from gittrack.registry import RegisteredModel, Version
    from gittrack.runs.store import Store

    Progress = Callable[[int, int], None]

_HASHED = re.compile(r".*-[0-9a-f]{8}")
_FOREIGN = "meta.yaml"


def check(
    store: Store, *, digests: bool = False, progress: Progress = lambda _done, _all: None
) -> Report:
    """Check all of a tree, and change nothing.

    Args:
        digests: read every file of every model too, and compare them with the digests that were
            written down in it and where it was registered.
        progress: is told how many runs of how many are done.
    """
    report = Report()
    if not store.root.is_dir():
        return report
    every = _folders(store.root, store.root, report)
    if every is None:
        return report
    _store_files(store, report)
    folders = [folder for folder in every if _is_experiment(folder)]
    runs: list[Path] = []
    for folder in folders:
        runs += _experiment(store, folder, report)
    for done, folder in enumerate(runs, 1):
        RunCheck(folder, store.root, report).run()
        if digests:
            _digests(folder / paths.ARTIFACTS, report)
        progress(done, len(runs))
    _duplicates(store, folders, runs, report)
    _Models(store, {folder.name[16:]: folder for folder in runs}, report, digests=digests).run()
    _git(store, report)
    return report


def _store_files(store: Store, report: Report) -> None:
    for name in (".gitignore", ".gitattributes"):
        if not (store.root / name).is_file():
            report.add(
                "missing file",
                store.root / name,
                "is missing: without it Git may leave files out, or change them",
                hint="gittrack fsck --repair writes it",
            )


def _folders(folder: Path, root: Path, report: Report) -> list[Path] | None:
    """Return the folders in a folder; links and files half-written are reported.

    None where it may not be searched: nothing can be told of what is in it.
    """
    found = []
    try:
        DISK.folders(folder)
        entries = sorted(folder.iterdir())
    except StoreError as error:
        report.add("broken file", folder, error.message, hint=error.hint)
        return None
    for path in entries:
        if path.is_symlink():
            secretfiles.check_link(path, root, report)
        elif path.name.endswith(paths.TEMPORARY):
            secretfiles.check_leftover(path, report)
        elif path.is_dir():
            found.append(path)
        else:
            secretfiles.try_file(path, report)
    return found


def _is_experiment(folder: Path) -> bool:
    is_ours = folder.name != paths.REGISTRY and not folder.name.startswith(".")
    return is_ours and not DISK.is_file(folder / _FOREIGN)


def _experiment(store: Store, folder: Path, report: Report) -> list[Path]:
    """Check what is said of an experiment, and return the folders of its runs."""
    path = folder / paths.EXPERIMENT_JSON
    folders = _folders(folder, store.root, report)
    if folders is None:
        return []
    if path.exists():
        _json_file(path, "experiment", report)
    elif _HASHED.fullmatch(folder.name):
        report.add(
            "experiment",
            path,
            "is missing, and the folder does not tell the experiment's name",
            hint="gittrack fsck --repair finds it in the runs",
        )
    report.add_all("broken file", edits.read(folder).problems)
    runs = []
    for found in folders:
        if paths.parse_run_folder(found.name) is not None:
            runs.append(found)
        else:
            report.add("extra file", found, "is no folder of a run")
    return runs


def _json_file(path: Path, kind: str, report: Report, *, hint: str = "") -> None:
    try:
        entry = files.read_json(path)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        report.add_all("broken file", [Problem(path, reason or str(error), hint=hint)])
        return
    report.add_all("schema", [Problem(path, message) for message in schema.check(kind, entry)])


def _duplicates(
    store: Store, folders: Sequence[Path], runs: Sequence[Path], report: Report
) -> None:
    seen: dict[str, Path] = {}
    for run in runs:
        first = seen.setdefault(run.name[16:], run)
        if first != run:
            report.add("duplicate", run, f"has the id of {first.parent.name}/{first.name}")
    names: dict[str, str] = {}
    known = {folder.name for folder in folders}
    for experiment in store.experiments(deleted=True):
        other = names.setdefault(experiment.name, experiment.experiment_id)
        if other != experiment.experiment_id and experiment.experiment_id in known:
            path = store.root / experiment.experiment_id
            report.add("duplicate", path, f"has the name of {other}: {experiment.name!r}")


class _Models:
    """The check of the registered models."""

    def __init__(
        self, store: Store, runs: dict[str, Path], report: Report, *, digests: bool
    ) -> None:
        self.store = store
        self.runs = runs
        self.report = report
        self.digests = digests

    def run(self) -> None:
        """Check every model with its versions and aliases."""
        folder = self.store.root / paths.REGISTRY
        if not folder.is_dir() or folder.is_symlink():
            return
        if not secretfiles.check_folder(folder, self.store.root, self.report):
            return  # what points to a file that may not be read does not point nowhere
        for model in Registry(self.store).models():
            self.report.add_all("broken file", model.problems)
            there = [
                number for number in reading.numbers(model.folder) if self._version(model, number)
            ]
            for alias, number in model.aliases.items():
                if number not in there:
                    self.report.add(
                        "alias",
                        reading.alias_path(model, alias),
                        f"points to version {number}, which is not there",
                        hint=f"gittrack models alias {model.name} {alias} VERSION",
                    )

    def _version(self, model: RegisteredModel, number: int) -> bool:
        """Check one version; tell whether it can be pointed to."""
        path = reading.version_path(model, number)
        try:
            found = reading.read_version(model, number)
        except GittrackError as error:
            _json_file(path, "version", self.report, hint=error.hint)
            if not any(finding.problem.path == path for finding in self.report.findings):
                self.report.add("version", path, error.message, hint=error.hint)
            return True
        _json_file(path, "version", self.report)
        if not found.removed:
            self._target(path, found)
        return not found.removed

    def _target(self, path: Path, found: Version) -> None:
        run = self.runs.get(found.run_id)
        folder = (run or path) / paths.ARTIFACTS / found.path
        is_there = run is not None and DISK.is_file(folder / paths.MLMODEL)
        if not is_there and not self._may_be_hidden(run):
            gone = f"run {found.run_id}, which is not there"
            what = f"{found.source}, where no model is" if run else gone
            self.report.add("version", path, f"points to {what}")
        elif is_there and self.digests:
            _fits(folder, found.digest, self.report)

    def _may_be_hidden(self, run: Path | None) -> bool:
        """Tell whether what is looked for may be where the check could not look."""
        unread = {item.problem.path for item in self.report.findings if item.kind == "broken file"}
        if run is None:
            return any(path.parent == self.store.root for path in unread)
        return any(run in (path, *path.parents) for path in unread)


def _digests(artifacts: Path, report: Report) -> None:
    """Compare the files of a run's models with the digest that each has in its MLmodel."""
    for path in files.walk(artifacts):
        if path.name == paths.MLMODEL:
            _fits(path.parent, None, report)


def _fits(folder: Path, wanted: str | None, report: Report) -> None:
    """Report a model whose files have not the wanted digest; None wants that in its MLmodel."""
    try:
        if wanted is not None:
            digest.check(folder, wanted)
        elif (own := mlmodel.read(folder).digest) is not None:
            digest.check(folder, own, without={paths.MLMODEL})
    except GittrackError as error:
        report.add("digest", folder, error.message, hint=error.hint)


def _git(store: Store, report: Report) -> None:
    for path in ignored.ignored(store.root, without=f"{paths.CACHE}/"):
        if artifactfiles.name_in_git(path.name) is not None:  # what is nobody's work may be left
            report.add(
                "git ignores",
                path,
                "Git leaves it out",
                hint=f"git check-ignore -v {path} names the rule",
            )
