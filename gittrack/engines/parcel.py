"""A model sent to other machines: one archive, unpacked once a host, loaded once a process."""

from __future__ import annotations

import atexit
import functools
import io
import shutil
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gittrack import files, paths
from gittrack.engines import answers
from gittrack.errors import ModelError
from gittrack.models import mlmodel, pyfunc

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import IO

    from gittrack.models.mlmodel import Model
    from gittrack.models.pyfunc import PyFuncModel

_CHUNK = 1 << 20


@dataclass(frozen=True)
class Parcel:
    """A packed model.

    Attributes:
        digest: SHA-256 of the archive, in hexadecimal: the same model is the same parcel.
        described: what its MLmodel says, so that nobody has to unpack it for that.
    """

    digest: str
    described: Model

    @property
    def name(self) -> str:
        """Return a file name that no other model has."""
        return f"gittrack-model-{self.digest[:16]}"


def pack(folder: Path, archive: IO[bytes]) -> Parcel:
    """Write a model's folder into an archive, the same bytes for the same files.

    Raises:
        ModelError: its MLmodel cannot be read, or a link in it leads outside.
    """
    described = mlmodel.read(folder)
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path in sorted(files.walk(folder)):
            if not path.resolve().is_relative_to(folder.resolve()):
                raise ModelError(
                    f"{path} is a link that leads out of the model", hint="copy it there"
                )
            info = tarfile.TarInfo(path.relative_to(folder).as_posix())
            info.size = path.stat().st_size
            with path.open("rb") as file:
                tar.addfile(info, file)
    archive.seek(0)
    return Parcel(files.sha256(archive), described)


def load(parcel: Parcel, opened: Callable[[], IO[bytes]], shelf: Path) -> PyFuncModel:
    """Return the model of a parcel, loaded once in this process.

    Args:
        opened: opens its archive; called only where nobody has unpacked it yet.
        shelf: a folder of this job, where all processes of a host find what one has unpacked.

    Raises:
        ModelError: the archive is damaged, or the model cannot be loaded here.
    """
    return loaded(unpacked(parcel, opened, shelf))


def unpacked(parcel: Parcel, opened: Callable[[], IO[bytes]], shelf: Path) -> Path:
    """Return the folder of a parcel's model; see `load`."""
    folder = shelf / f"{parcel.name}-unpacked"
    if not (folder / paths.MLMODEL).exists():
        with opened() as archive:
            _unpack(archive, folder)
    return folder


@functools.lru_cache(maxsize=4)
def loaded(folder: Path) -> PyFuncModel:
    """Return the model in a folder, loaded once in this process."""
    return pyfunc.load_model(folder)


def _unpack(archive: IO[bytes], folder: Path) -> None:
    temporary = Path(tempfile.mkdtemp(prefix=f"{folder.name}-", dir=folder.parent))
    try:
        with tarfile.open(fileobj=archive, mode="r") as tar:
            for entry in tar:
                path = temporary / entry.name
                content = tar.extractfile(entry)
                if content is None or not path.resolve().is_relative_to(temporary.resolve()):
                    raise ModelError(f"the archive of {folder.name} holds {entry.name!r}")
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open("wb") as file:
                    shutil.copyfileobj(content, file)
        try:
            temporary.rename(folder)
        except OSError:
            if not folder.exists():  # no other process was first
                raise
    except tarfile.TarError as error:
        raise ModelError(f"the archive of {folder.name} is damaged: {error}") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@dataclass(frozen=True)
class InMemory:
    """A parcel with its archive, for engines that ship objects themselves.

    Attributes:
        exact: judge each value of the data, not its type; for data that came as text.
    """

    parcel: Parcel
    archive: bytes
    exact: bool = False

    def predict(self, part: Any) -> Any:
        """Return the predictions for one part of a table, as a DataFrame with the same index."""
        model = load(self.parcel, lambda: io.BytesIO(self.archive), _own_shelf())
        answer = model.score(model.fit_to_signature(part, exact=self.exact))
        return answers.as_table(answer).set_index(part.index)


def in_memory(folder: Path, *, exact: bool = False) -> InMemory:
    """Pack a model's folder into memory.

    Raises:
        ModelError: its MLmodel cannot be read, or a link in it leads outside.
    """
    archive = io.BytesIO()
    parcel = pack(folder, archive)
    return InMemory(parcel, archive.getvalue(), exact)


@functools.cache
def _own_shelf() -> Path:
    folder = tempfile.mkdtemp(prefix="gittrack-models-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)
