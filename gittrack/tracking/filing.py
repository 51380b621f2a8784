"""The part of `MlflowClient` that files texts, figures, images, tables and files with a run."""

from __future__ import annotations

import json
import re
import tempfile
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from gittrack import artifactfiles, files, paths, search
from gittrack.entities import FileInfo, run_of
from gittrack.errors import InvalidValueError, NotFoundError, StoreError
from gittrack.tracking import downloading, images, tables
from gittrack.tracking.experiments import ExperimentClient
from gittrack.tracking.finding import columns_of
from gittrack.tracking.holding import writer_for
from gittrack.turns import turn

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pandas as pd

    from gittrack.runs.writer import RunWriter

_IMAGE_KEY = re.compile(r"[a-zA-Z0-9_\-./ ]+")
_YAML_SUFFIXES = (".yml", ".yaml")
_CHUNK = 1 << 20
# So many hex digits tell the locks of tables apart: 256 files are enough for all of a store.
_LOCK_DIGITS = 2


class ArtifactClient(ExperimentClient):
    """Artifacts of the runs of one store; a run that was deleted takes none."""

    def log_artifact(
        self, run_id: str, local_path: str | Path, artifact_path: str | None = None
    ) -> None:
        """Copy a file, or a folder under its own name, into the artifacts of a run.

        Raises:
            NotFoundError: there is no such run, or nothing at `local_path`.
            InvalidValueError: `artifact_path` leads out of the run.
        """
        writer = self._writer(run_id)
        forgive = writer.warner.filing
        artifactfiles.copy(Path(local_path), writer.artifacts, artifact_path, forgive=forgive)

    def log_artifacts(
        self, run_id: str, local_dir: str | Path, artifact_path: str | None = None
    ) -> None:
        """Copy all that is in a folder into the artifacts of a run; see `log_artifact`."""
        writer = self._writer(run_id)
        target = artifactfiles.place(writer.artifacts, artifact_path)
        artifactfiles.copy_folder(Path(local_dir), target, forgive=writer.warner.filing)

    def log_text(self, run_id: str, text: str, artifact_file: str) -> None:
        """File a text as an artifact, in UTF-8.

        Raises:
            NotFoundError: there is no such run.
            InvalidValueError: `artifact_file` names no file inside the run.
        """
        self._put(run_id, artifact_file, str(text).encode("utf-8", "surrogatepass"))

    def log_stream(self, run_id: str, stream: IO[bytes], artifact_file: str) -> None:
        """File what an open binary file holds from where it stands on; see `log_text`.

        Raises:
            InvalidValueError: it gives text, not bytes.
        """

        def save(path: Path) -> None:
            with path.open("wb") as file:
                while chunk := stream.read(_CHUNK):
                    if not isinstance(chunk, bytes):
                        raise InvalidValueError(
                            "log_stream takes a binary stream", hint="use log_text for text"
                        )
                    file.write(chunk)

        self._save(run_id, artifact_file, save)

    def log_dict(self, run_id: str, dictionary: Any, artifact_file: str) -> None:
        """File a dict or list as YAML where the file is named so, else as JSON; see `log_text`."""
        if artifact_file.endswith(_YAML_SUFFIXES):
            import yaml

            text = yaml.dump(dictionary, indent=2, default_flow_style=False, allow_unicode=True)
        else:
            text = json.dumps(dictionary, indent=2, default=str, ensure_ascii=False)
        self.log_text(run_id, text, artifact_file)

    def log_figure(
        self,
        run_id: str,
        figure: Any,
        artifact_file: str,
        *,
        save_kwargs: Mapping[str, Any] | None = None,
    ) -> None:
        """File a figure of Matplotlib or Plotly, in the form that the file's name asks for.

        Raises:
            NotFoundError: there is no such run.
            InvalidValueError: `artifact_file` names no file inside the run, or the figure is
                neither.
        """
        options = dict(save_kwargs or {})
        if hasattr(figure, "savefig"):
            self._save(run_id, artifact_file, lambda path: figure.savefig(path, **options))
        elif not hasattr(figure, "write_html"):
            raise InvalidValueError(
                f"Unsupported figure object type: '{type(figure).__name__}'",
                hint="give a figure of Matplotlib or Plotly",
            )
        elif artifact_file.endswith(".html"):
            options = {"include_plotlyjs": "cdn", "auto_open": False, **options}
            self._save(run_id, artifact_file, lambda path: figure.write_html(path, **options))
        else:
            self._save(run_id, artifact_file, lambda path: figure.write_image(path, **options))

    def log_image(
        self,
        run_id: str,
        image: Any,
        artifact_file: str | None = None,
        key: str | None = None,
        step: int | None = None,
        timestamp: int | None = None,
        synchronous: bool | None = None,
    ) -> None:
        """File an image: a NumPy array, or one of Pillow.

        Args:
            artifact_file: its file, or
            key: its name among the images of many steps, which are kept in `images/`.
            step: of a `key`; without it, 0.
            timestamp: likewise, in ms since 1970 UTC; default: now.

        Raises:
            NotFoundError: there is no such run.
            InvalidValueError: not one of file and key is given, or it is no image.
            MissingPackageError: Pillow is needed, and not installed.
        """
        if (artifact_file is None) == (key is None):
            raise InvalidValueError("Please specify exactly one of `artifact_file` or `key`")
        if artifact_file is None:
            if not _IMAGE_KEY.fullmatch(str(key)):
                raise InvalidValueError(
                    f"Invalid image key: {key!r}",
                    hint="use letters, digits, underscores, dashes, periods, spaces and slashes",
                )
            moment = time.time_ns() // 1_000_000 if timestamp is None else int(timestamp)
            name = str(key).replace("/", "~")
            artifact_file = (
                f"images/{name}+step+{int(step or 0)}+timestamp+{moment}+{paths.random_text(8)}.png"
            )
        self._save(run_id, artifact_file, lambda path: images.save(image, path))

    def log_table(
        self, run_id: str, data: Mapping[str, Any] | pd.DataFrame, artifact_file: str
    ) -> None:
        """File a table; its rows are added to those that are in the file already.

        Args:
            data: a DataFrame, or a dict of columns.
            artifact_file: ends in `.json` or `.parquet`.

        Raises:
            NotFoundError: there is no such run.
            InvalidValueError: it is no table, or the file is named otherwise.
            MissingPackageError: pandas is not installed.
        """
        pandas = tables.pandas_for("log_table")
        if not str(artifact_file).endswith(tables.SUFFIXES):
            raise InvalidValueError(
                f"Invalid artifact file path '{artifact_file}'", hint="end it in .json or .parquet"
            )
        frame = tables.frame_of(data)
        writer = self._writer(run_id)
        target = artifactfiles.file_place(writer.artifacts, artifact_file)
        # Ranks and threads that add rows at once do it one after the other.
        name = "table-" + paths.hashed_folder(f"{run_id}/{target.name}")[-_LOCK_DIGITS:]
        with writer.warner.filing(target), turn(writer.store.root, name), _scratch() as folder:
            if target.exists():
                frame = pandas.concat([tables.read(target), frame], ignore_index=True)
            path = Path(folder, target.name)
            tables.write(frame, path)
            artifactfiles.copy_file(path, target.parent)

    def load_table(
        self,
        experiment_id: str,
        artifact_file: str,
        run_ids: Sequence[str] | None = None,
        extra_columns: Sequence[str] | None = None,
    ) -> pd.DataFrame:
        """Return the rows of a table of all runs of an experiment that have it, newest run first.

        Args:
            run_ids: only these runs.
            extra_columns: what to add of each row's run: `run_id`, `params.x`, `metrics.y` ...

        Raises:
            NotFoundError: no run has that table.
            InvalidValueError: a run has nothing of that name.
            MissingPackageError: pandas is not installed.
        """
        pandas = tables.pandas_for("load_table")
        frames = []
        for run in self.store.runs([self._stored(experiment_id).experiment_id]).runs:
            path = artifactfiles.file_place(run.artifacts, artifact_file)
            if path.is_file() and (not run_ids or run.run_id in run_ids):
                frames.append(tables.read(path))
                known = columns_of(run_of(run))
                for name in extra_columns or ():
                    if name not in known:
                        raise InvalidValueError(
                            f"run {run.run_id} has no {name!r}", hint=f"it has {', '.join(known)}"
                        )
                    frames[-1][name] = known[name]
        if not frames:
            raise NotFoundError(f"no run of experiment {experiment_id!r} has {artifact_file!r}")
        frame: pd.DataFrame = pandas.concat(frames, ignore_index=True)
        return frame

    def list_artifacts(self, run_id: str, path: str | None = None) -> list[FileInfo]:
        """Return the files and folders directly in a folder of a run's artifacts, sorted.

        Raises:
            NotFoundError: there is no such run.
            InvalidValueError: the path leads out of the run.
        """
        return downloading.listed(search.find(self.store, run_id).artifacts, path)

    def download_artifacts(
        self, run_id: str, path: str = "", dst_path: str | Path | None = None
    ) -> str:
        """Return where an artifact is on this machine; with `dst_path`, a copy in that folder.

        Raises:
            NotFoundError: there is no such run or artifact.
            InvalidValueError: the path leads out of the run.
        """
        source = artifactfiles.place(search.find(self.store, run_id).artifacts, path)
        return downloading.downloaded(source, dst_path)

    def _writer(self, run_id: str) -> RunWriter:
        return writer_for(self.store, run_id)

    def _put(self, run_id: str, artifact_file: str, data: bytes) -> None:
        writer = self._writer(run_id)
        target = artifactfiles.file_place(writer.artifacts, artifact_file)
        with writer.warner.filing(target):
            files.make_folder(target.parent)
            files.write_atomic(target, data)

    def _save(self, run_id: str, artifact_file: str, save: Callable[[Path], object]) -> None:
        # Made elsewhere, so that what fails in the making leaves nothing.
        writer = self._writer(run_id)
        target = artifactfiles.file_place(writer.artifacts, artifact_file)
        with writer.warner.filing(target), _scratch() as folder:
            path = Path(folder, target.name)
            save(path)
            artifactfiles.copy_file(path, target.parent)


def _scratch() -> tempfile.TemporaryDirectory[str]:
    try:
        return tempfile.TemporaryDirectory()
    except OSError as error:  # its words name folders of this machine
        raise StoreError(f"no temporary folder can be made: {error.strerror}") from None
