"""What a run read: tables of pandas, arrays of NumPy, and files, each told by its digest."""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gittrack import entities, files, settings
from gittrack.entities import CONTEXT_TAG, DatasetInput
from gittrack.errors import InvalidValueError, ModelError, NotFoundError, UsageError
from gittrack.models.inference import infer_signature

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from gittrack.models.specs import Schema

MOST_COLUMNS = 1000
_LOCAL = "local"
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")


@dataclass(frozen=True)
class DatasetSource:
    """Where a dataset comes from: a path, a URL, or the script that made it."""

    uri: str
    source_type: str = _LOCAL

    def to_json(self) -> str:
        """Return it as a JSON text."""
        return json.dumps({"uri": self.uri})

    def load(self) -> str:
        """Return the path of a source that is a file or folder here.

        Raises:
            UsageError: it is none.
            NotFoundError: it is not there.
        """
        if self.source_type != _LOCAL:
            raise UsageError(
                f"the source {self.uri!r} is no file here", hint="fetch it by its own means"
            )
        here = Path.cwd()
        for folder in (here, settings.git_root(here) or here):
            if (folder / self.uri).exists():
                return str(folder / self.uri)
        raise NotFoundError(f"No such file or directory: {self.uri!r}")


@dataclass(frozen=True)
class Dataset:
    """A dataset that a run can log as its input.

    Attributes:
        digest: of its content; other content has another one.
        schema: its columns, or its tensors by their names.
        profile: how large it is.
    """

    name: str
    digest: str
    source: DatasetSource
    schema: Schema | Mapping[str, Schema] | None = None
    profile: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, str | None]:
        """Return it as texts, schema and profile as JSON."""
        schema = _plain_schema(self.schema)
        return {
            "name": self.name,
            "digest": self.digest,
            "source": self.source.to_json(),
            "source_type": self.source.source_type,
            "schema": None if schema is None else json.dumps(schema),
            "profile": json.dumps(dict(self.profile)),
        }

    def to_json(self) -> str:
        """Return `to_dict` as a JSON text."""
        return json.dumps(self.to_dict())


@dataclass(frozen=True)
class PandasDataset(Dataset):
    """A DataFrame; `targets` and `predictions` name columns of it."""

    df: Any = None
    targets: str | None = None
    predictions: str | None = None


@dataclass(frozen=True)
class NumpyDataset(Dataset):
    """Arrays, or dicts of arrays."""

    features: Any = None
    targets: Any = None


def from_pandas(
    df: pd.DataFrame,
    source: str | Path | DatasetSource | None = None,
    targets: str | None = None,
    name: str | None = None,
    digest: str | None = None,
    predictions: str | None = None,
) -> PandasDataset:
    """Return a DataFrame as a dataset.

    Args:
        source: the path or URL that it was read from; default: the running script.
        targets: the column that is to be predicted.
        digest: of its content, where it is known already.
        predictions: the column that was predicted.

    Raises:
        InvalidValueError: it has no such column.
    """
    for role, column in (("targets", targets), ("predictions", predictions)):
        if column is not None and column not in df.columns:
            raise InvalidValueError(
                "The specified pandas DataFrame does not contain the specified "
                f"{role} column '{column}'.",
                hint=f"it has {', '.join(map(str, df.columns[:20]))}",
            )
    origin = _source(source)
    return PandasDataset(
        name=name or _name(origin),
        digest=digest or _pandas_digest(df),
        source=origin,
        schema=_schema(df) if len(df.columns) <= MOST_COLUMNS else None,
        profile={"num_rows": len(df), "num_elements": int(df.size)},
        df=df,
        targets=targets,
        predictions=predictions,
    )


def from_numpy(
    features: np.ndarray[Any, Any] | Mapping[str, np.ndarray[Any, Any]],
    source: str | Path | DatasetSource | None = None,
    targets: np.ndarray[Any, Any] | Mapping[str, np.ndarray[Any, Any]] | None = None,
    name: str | None = None,
    digest: str | None = None,
) -> NumpyDataset:
    """Return arrays as a dataset; see `from_pandas`."""
    origin = _source(source)
    arrays = {**_arrays("features", features), **_arrays("targets", targets)}
    schemas = {key: _schema(array) for key, array in arrays.items()}
    return NumpyDataset(
        name=name or _name(origin),
        digest=digest or _numpy_digest(arrays),
        source=origin,
        schema={key: schema for key, schema in schemas.items() if schema is not None} or None,
        profile={key: {"shape": list(array.shape)} for key, array in arrays.items()},
        features=features,
        targets=targets,
    )


def from_file(path: str | Path, name: str | None = None) -> Dataset:
    """Return a file as a dataset; its digest is the SHA-256 of its bytes.

    Raises:
        NotFoundError: there is no such file.
    """
    file = Path(path)
    if not file.is_file():
        raise NotFoundError(f"No such file: {str(path)!r}", hint="give the path of a file")
    profile = {"bytes": file.stat().st_size}
    return Dataset(name or file.name, file_digest(file), DatasetSource(str(path)), profile=profile)


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file's bytes as `sha256:` and 64 hex digits."""
    with path.open("rb") as file:
        return f"sha256:{files.sha256(file)}"


def get_source(dataset: Dataset | DatasetInput | entities.Dataset) -> DatasetSource:
    """Return where a dataset comes from, also one that was read from a run."""
    if isinstance(dataset, DatasetInput):
        dataset = dataset.dataset
    if isinstance(dataset, Dataset):
        return dataset.source
    uri = json.loads(dataset.source)["uri"] if dataset.source else ""
    return DatasetSource(uri, dataset.source_type)


def entry(
    dataset: object, *, store: Path, context: str | None, tags: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return a dataset as `run.json` holds it; a path inside the Git repository relative to it.

    Args:
        dataset: a `Dataset`, or the path of a file.

    Raises:
        InvalidValueError: it is neither.
        NotFoundError: there is no such file.
    """
    if isinstance(dataset, (str, Path)):
        dataset = from_file(dataset)
    if not isinstance(dataset, Dataset):
        raise InvalidValueError(
            f"{type(dataset).__name__} is no dataset",
            hint="give gittrack.data.from_pandas(frame), from_numpy(array), or the path of a file",
        )
    source, kind = dataset.source.uri, dataset.source.source_type
    at = file_digest(Path(source)) if kind == _LOCAL and Path(source).is_file() else None
    return _entry(
        dataset,
        context=context,
        source=_relative(source, store) if kind in (_LOCAL, "code") else source,
        source_type=kind,
        source_digest=at if at != dataset.digest else None,
        schema=_plain_schema(dataset.schema),
        profile=dict(dataset.profile),
        tags={str(key): str(value) for key, value in (tags or {}).items()},
    )


def entry_of(given: DatasetInput) -> dict[str, Any]:
    """Return a dataset in MLflow's shape as `run.json` holds it."""
    dataset, tags = given.dataset, {tag.key: tag.value for tag in given.tags}
    try:
        source = json.loads(dataset.source).get("uri", dataset.source)
    except (ValueError, AttributeError):
        source = dataset.source
    return _entry(
        dataset,
        context=tags.pop(CONTEXT_TAG, None),
        source=source,
        source_type=dataset.source_type,
        schema=json.loads(dataset.schema) if dataset.schema else None,
        profile=json.loads(dataset.profile) if dataset.profile else None,
        tags=tags,
    )


def _entry(dataset: Dataset | entities.Dataset, **given: Any) -> dict[str, Any]:
    found = {"name": dataset.name, "digest": dataset.digest, **given}
    return {key: value for key, value in found.items() if value not in (None, {}, "")}


def _source(given: str | Path | DatasetSource | None) -> DatasetSource:
    if isinstance(given, DatasetSource):
        return given
    if given is None:
        script = sys.argv[0] or "-c"
        return DatasetSource(script, "code")
    match = _SCHEME.match(str(given))
    kind = match[1].lower() if match else _LOCAL
    if kind == "file":
        return DatasetSource(str(settings.local_path(str(given), source="source")))
    return DatasetSource(str(given), {"https": "http"}.get(kind, kind))


def _name(source: DatasetSource) -> str:
    return Path(source.uri).name if source.source_type == _LOCAL else "dataset"


def _relative(path: str, store: Path) -> str:
    root = settings.git_root(store) or settings.git_root(Path.cwd())
    absolute = Path(os.path.normpath(Path(path).absolute()))
    for top, inner in ((root, absolute), (root and root.resolve(), absolute.resolve())):
        if top is not None and inner.is_relative_to(top):
            return inner.relative_to(top).as_posix()
    return path


def _schema(data: Any) -> Schema | None:
    try:
        return infer_signature(data).inputs
    except ModelError:
        return None


def _plain_schema(schema: Schema | Mapping[str, Schema] | None) -> Any:
    if isinstance(schema, Mapping):
        return {key: _plain_schema(part) for key, part in schema.items()}
    return None if schema is None else [spec.to_dict() for spec in schema]


def _pandas_digest(df: pd.DataFrame) -> str:
    import pandas as pd

    digest = hashlib.sha256(json.dumps([str(name) for name in df.columns]).encode())
    try:
        rows = pd.util.hash_pandas_object(df)
    except TypeError:  # cells such as lists
        rows = pd.util.hash_pandas_object(df.astype(str))
    digest.update(rows.to_numpy().tobytes())
    return f"pandas:{digest.hexdigest()}"


def _numpy_digest(arrays: Mapping[str, Any]) -> str:
    digest = hashlib.sha256()
    for key, array in sorted(arrays.items()):
        digest.update(json.dumps([key, array.dtype.str, list(array.shape)]).encode())
        plain = array.dtype.hasobject
        digest.update(
            json.dumps(array.tolist(), default=str).encode() if plain else array.tobytes()
        )
    return f"numpy:{digest.hexdigest()}"


def _arrays(role: str, given: Any) -> dict[str, Any]:
    import numpy as np

    if given is None:
        return {}
    parts = given.items() if isinstance(given, Mapping) else [("", given)]
    return {f"{role}.{key}" if key else role: np.asarray(part) for key, part in parts}
