"""`run.json` and the files beside it, kept by the one process that owns the run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from gittrack import files, paths, secrets
from gittrack.runs import lines, provenance
from gittrack.runs.record import FINISHED, RUNNING, RunRecord, to_bytes
from gittrack.runs.values import param_value

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gittrack.runs.forgiving import Warner
    from gittrack.runs.lines import FileFold, Folded
    from gittrack.runs.logbook import Logbook
    from gittrack.runs.store import Store
    from gittrack.runs.values import ParamValue


class Keeper:
    """Keeps a run's record and its sidecars (`source.patch`, `requirements.txt`) in its folder.

    Attributes:
        record: the record less what the line files say.
        earlier: the folds of the line files that were there when the run was opened.
    """

    def __init__(self, store: Store, folder: Path, record: RunRecord, warner: Warner) -> None:
        self.record = record
        self.earlier: dict[str, FileFold] = {}
        self._store = store
        self._folder = folder
        self._warner = warner
        self._sidecars: dict[str, bytes] = {}
        self._capture: provenance.Capture | None = None

    def begin(
        self, code: Path, *, params: Mapping[str, object], tags: Mapping[str, str | None]
    ) -> None:
        """Fill the first record, and begin to find out where the run came from, beside the work."""
        safe = {
            "name": self.safe("name", self.record.name),
            "params": self.safe_params(params),
            "tags": self.safe_tags(tags),
        }
        self.record = self.record.replaced(**safe)  # what is left out is in it by now
        self._capture = provenance.capture(code, self._store.root)

    def wait_for_capture(self) -> None:
        """Wait until it is found out where the run came from."""
        if self._capture is not None:
            self._take_provenance()
            self._write_sidecars()

    def give_up_capture(self) -> None:
        """Forget a capture whose thread is not in this process."""
        self._capture = None

    def safe(self, what: str, value: ParamValue) -> ParamValue:
        """Return a value as it may be committed.

        A secret, by its form or by the last word of `what`, is replaced, and named in the record.
        """
        kind = secrets.find_named(what, value)
        if kind is None:
            return value
        self._warner.warn(
            f"{what} looks like a secret ({kind}) and is left out: "
            "these files are made to be committed"
        )
        self._leave_out((what,))
        return secrets.redact_named(what, value)

    def safe_params(self, params: Mapping[str, object]) -> dict[str, ParamValue]:
        """Return params as they are stored; see `safe`."""
        return {
            name: self.safe(f"params.{name}", param_value(value)) for name, value in params.items()
        }

    def safe_tags(self, tags: Mapping[str, str | None]) -> dict[str, Any]:
        """Return tags as they are stored; see `safe`."""
        return {name: self.safe(f"tags.{name}", value) for name, value in tags.items()}

    def safe_input(self, entry: Mapping[str, Any]) -> dict[str, Any]:
        """Return the entry of a dataset as it is stored; see `safe`."""
        return {
            key: self.safe(f"inputs.{key}", value) if isinstance(value, str) else value
            for key, value in entry.items()
        }

    def write(self, book: Logbook) -> None:
        """Write `run.json` as this process knows it: what was there before, and its own lines.

        Raises:
            StoreError: the folder cannot be written.
        """
        if self._capture is not None and self._capture.ready():
            self.wait_for_capture()
        self._write(self._joined(self.earlier, book)[0])

    def finish(self, status: str, book: Logbook, *, opened: int, now: int) -> str:
        """Write `run.json` for good, all line files folded, and return the status it ends with.

        Args:
            opened: since when this process owns the run; a joined process that asked for another
                end after that wins over FINISHED.

        Raises:
            StoreError: the folder cannot be written.
        """
        self._take_provenance()
        self.restore()
        others = [path for path in lines.line_files(self._folder) if path.name not in book.names]
        folds = {path.name: lines.fold_file(path) for path in others}
        record, folded = self._joined(folds, book)
        for problem in folded.problems:
            self._warner.warn(str(problem))
        if status == FINISHED and folded.status is not None and folded.status[0] >= opened:
            status = folded.status[1]
        self.record = record.replaced(status=status, end_time=max(now, record.start_time))
        self._write(self.record)
        return status

    def restore(self) -> None:
        """Put back what somebody removed: the tree's dot files, the run's folder, its sidecars.

        Raises:
            StoreError: they cannot be written.
        """
        self._store.prepare()
        self._store.keep_name(self._folder.parent.name, self.record.experiment)
        self._write_sidecars()

    def _write_sidecars(self) -> None:
        files.make_folder(self._folder)
        for name, data in self._sidecars.items():
            if not (self._folder / name).exists():
                files.write_atomic(self._folder / name, data, flush="none")

    def _take_provenance(self) -> None:
        capture, self._capture = self._capture, None
        if capture is None:
            return
        found = capture.result(provenance.WAIT_SECONDS)
        if found is None:
            self._warner.warn("the state of the code is not recorded: Git took too long")
            return
        source = dict(self.record.source)
        if found.git is not None:
            source["git"] = {
                key: secrets.redact(value) if isinstance(value, str) else value
                for key, value in found.git.items()
            }
        self.record = self.record.replaced(
            source=source, user=found.user and secrets.redact(found.user)
        )
        if found.left_out:
            self._leave_out(found.left_out)
        for name, data in (
            (paths.SOURCE_PATCH, found.patch),
            (paths.REQUIREMENTS, found.requirements),
        ):
            if data:
                self._sidecars[name] = data

    def _leave_out(self, names: tuple[str, ...]) -> None:
        self.record = self.record.replaced(left_out=tuple(sorted({*self.record.left_out, *names})))

    def _write(self, record: RunRecord) -> None:
        # While the run goes on, a power cut may bring the state of some seconds ago back.
        flush: Literal["all", "file"] = "file" if record.status == RUNNING else "all"
        files.make_folder(self._folder)
        files.write_atomic(self._folder / paths.RUN_JSON, to_bytes(record), flush=flush)

    def _joined(self, others: Mapping[str, FileFold], book: Logbook) -> tuple[RunRecord, Folded]:
        names = book.names
        folds = {**others, **({names[-1]: book.fold} if names else {})}
        folded = lines.merge(folds, self.record.params)
        record = lines.joined(self.record, folded)
        if lost := book.left_out():
            record = record.replaced(left_out=tuple(sorted({*record.left_out, *lost})))
        sizes = {**folded.files, **{name: self._size(name) for name in names}}
        return record.replaced(files=sizes), folded

    def _size(self, name: str) -> int:
        try:
            return (self._folder / name).stat().st_size
        except OSError:
            return 0
