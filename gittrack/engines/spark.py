"""Spark: a model as a user-defined function of columns, for tables and for streams.

The model travels as one archive beside the job, so executors need no access to the tree, and each
worker process loads it once.
"""

from __future__ import annotations

import atexit
import functools
import re
import shutil
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gittrack import files
from gittrack.engines import answers, apart, parcel
from gittrack.engines.answers import TYPES, Wanted
from gittrack.environments import managers
from gittrack.environments.base import Environment, Reporter
from gittrack.errors import SchemaMismatchError, ToolError, UsageError
from gittrack.models import packages
from gittrack.models.folder import member
from gittrack.models.mlmodel import PYTHON_FUNCTION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from gittrack.engines.parcel import Parcel
    from gittrack.models.mlmodel import Model
    from gittrack.models.specs import Schema

LOCAL = "local"

_LIBRARY = "gittrack.zip"
_PACKAGE = Path(__file__).resolve().parents[1]
_PLAIN_STRUCT = re.compile(r"Column<'struct\((\w+(?:, \w+)*)\)'>")


@dataclass(frozen=True)
class Job:
    """What a worker process is told: the model, and what is wanted of its answers.

    Attributes:
        python: of the model's own environment; "" for that of the worker.
        exact: judge each value of the data, not its type; for data that came as text.
    """

    parcel: Parcel
    wanted: Wanted
    params: Mapping[str, Any] | None
    python: str = ""
    exact: bool = False

    def scored(self, batches: Iterable[Any]) -> Iterator[Any]:
        """Yield the predictions of each batch of rows, in a worker process."""
        from pyspark import SparkFiles

        archive = Path(SparkFiles.get(self.parcel.name))
        folder = parcel.unpacked(self.parcel, lambda: archive.open("rb"), archive.parent)
        score = self._apart(folder, archive.parent) if self.python else self._here(folder)
        schema = self.parcel.described.get_input_schema()
        for batch in batches:
            columns = batch if isinstance(batch, tuple) else (batch,)
            yield score(_data(columns, schema), len(columns[0]))

    def _here(self, folder: Path) -> Callable[[Any, int], Any]:
        model = parcel.loaded(folder)

        def score(data: Any, rows: int) -> Any:
            fitted = model.fit_to_signature(data, exact=self.exact)
            return answers.chosen(model.score(fitted, self.params), self.wanted, rows)

        return score

    def _apart(self, folder: Path, shelf: Path) -> Callable[[Any, int], Any]:
        return apart.started(
            self.python,
            folder,
            wanted=self.wanted,
            params=self.params,
            library=shelf / _LIBRARY,
        ).scored


class ModelUdf:
    """A model as a function of Spark columns.

    Call it with columns in the order of the signature, with one struct column whose fields have the
    signature's names, or with nothing: then it takes the columns that the signature names.

    Attributes:
        metadata: what the model's MLmodel says.
    """

    def __init__(self, function: Any, metadata: Model) -> None:
        self.metadata = metadata
        self._function = function

    def __getattr__(self, name: str) -> Any:
        """Return what Spark asks a function of its own for, so that SQL can register it."""
        return getattr(self._function, name)

    def __call__(self, *columns: Any) -> Any:
        """Return the column of predictions.

        Raises:
            SchemaMismatchError: the signature has more columns, or fewer.
            UsageError: no columns are given, and the signature names none.
        """
        schema = self.metadata.get_input_schema()
        named = schema is not None and schema.has_input_names()
        if not columns and not named:
            raise UsageError(
                "the model's signature names no columns", hint="name them: predict('a', 'b')"
            )
        if schema is not None and named:
            names = [str(name) for name in schema.input_names()]
            _check(columns, names, required(schema))
            columns = columns or (_struct(names),)
        elif schema is None and all(isinstance(column, str) for column in columns):
            columns = (_struct(list(columns)),)  # models know the names they were trained on
        return self._function(*columns)


def spark_udf(
    spark: Any,
    folder: Path,
    *,
    result_type: Any = None,
    env_manager: str | None = None,
    params: Mapping[str, Any] | None = None,
    exact: bool = False,
) -> ModelUdf:
    """Return a model as a function of Spark columns; see `gittrack.pyfunc.spark_udf`."""
    packages.need("pyspark", why="functions for Spark")
    with tempfile.NamedTemporaryFile("w+b", dir=_outbox(), delete=False) as file:
        sent = parcel.pack(folder, file)
    python = _own_python(folder, sent.described, env_manager)
    wanted, spark_type = _result_type(result_type, sent.described)
    # The same model has the same path, since Spark takes no second file of a name.
    _ship(spark, Path(file.name).replace(_outbox() / sent.name), _zipped_package())
    return ModelUdf(
        _pandas_udf(Job(sent, wanted, params, python, exact), spark_type), sent.described
    )


def session(name: str) -> Any:
    """Return the running Spark session, or start one on this machine.

    Raises:
        MissingPackageError: pyspark is not installed.
        ToolError: there is no Java, or Spark does not start.
    """
    packages.need("pyspark", why="predictions by Spark")
    from pyspark.errors import PySparkRuntimeError
    from pyspark.sql import SparkSession

    try:
        builder = SparkSession.builder.appName(name)
        return builder.config("spark.pyspark.python", sys.executable).getOrCreate()
    except PySparkRuntimeError as error:
        if "JAVA_GATEWAY" not in str(error.getCondition()):
            raise ToolError(f"Spark does not start: {error}") from None
        hint = "install Java 17 or newer, or set JAVA_HOME"
        raise ToolError("Spark does not start: no Java answers", hint=hint) from None


def over_all(function: ModelUdf, names: list[str]) -> Any:
    """Return the column of predictions from rows with these columns."""
    named = function.metadata.get_input_schema()
    return function() if named and named.has_input_names() else function(_struct(names))


def _pandas_udf(job: Job, spark_type: Any) -> Any:
    from typing import Iterator, Tuple, Union  # noqa: UP035 - the forms that every Spark reads

    import pandas as pd
    from pyspark.sql.functions import pandas_udf

    def predict(batches: Any) -> Any:
        yield from job.scored(batches)

    answer: Any = pd.DataFrame if job.wanted.fields else pd.Series
    predict.__annotations__ = {
        "batches": Iterator[Tuple[Union[pd.Series, pd.DataFrame], ...]],  # noqa: UP006, UP007
        "return": Iterator[answer],
    }
    return pandas_udf(predict, spark_type)


def _data(columns: tuple[Any, ...], schema: Schema | None) -> Any:
    """Return a batch of columns as what the model takes: a table, an array or named arrays."""
    import numpy as np
    import pandas as pd

    first = columns[0]
    if isinstance(first, pd.DataFrame):
        table = first
    else:
        named = schema is not None and schema.has_input_names()
        names = schema.input_names() if schema and named else range(len(columns))
        table = pd.DataFrame(dict(zip(map(str, names), columns, strict=False)))
    if schema is None or not schema.is_tensor_spec():
        return table
    arrays = {
        str(name): np.stack(table[name].to_list()) if table[name].dtype == object else table[name]
        for name in table
    }
    if schema.has_input_names():
        return arrays
    return next(iter(arrays.values())) if len(arrays) == 1 else table.to_numpy()


def _check(columns: tuple[Any, ...], names: list[str], required: list[str]) -> None:
    """Refuse, before anything runs, columns that cannot be what the signature asks for."""
    if len(columns) > len(names):
        raise SchemaMismatchError(
            f"the model takes {len(names)} columns, got {len(columns)}", hint=f"give {names}"
        )
    given = names[: len(columns)] if len(columns) > 1 else _fields(columns) or names
    if missing := [name for name in required if name not in given]:
        raise SchemaMismatchError(
            f"Model is missing inputs {missing}",
            hint=f"give the columns {names} in this order, or struct({', '.join(names)})",
        )


def required(schema: Schema) -> list[str]:
    """Return the names that the data of a model must have."""
    optional = {str(column.name) for column in schema.columns() if not column.required}
    return [str(name) for name in schema.input_names() if str(name) not in optional]


def _fields(columns: tuple[Any, ...]) -> list[str] | None:
    # A column does not tell its type before it runs, but a plain struct is written as one.
    match = _PLAIN_STRUCT.fullmatch(str(columns[0])) if columns else None
    return match[1].split(", ") if match else None


def _struct(names: list[str]) -> Any:
    from pyspark.sql.functions import col, struct

    return struct(*(col("`{}`".format(name.replace("`", "``"))).alias(name) for name in names))


def _own_python(folder: Path, model: Model, env_manager: str | None) -> str:
    """Return the Python of the model's own environment, built where that is asked for."""
    if env_manager not in (None, LOCAL):
        file = member(folder, "python_env.yaml")
        environment = Environment("python_env", file, extra=("pandas", "pyyaml"))
        return managers.manager(env_manager).prepare(environment, to=Reporter()).python
    wanted = str(model.flavors.get(PYTHON_FUNCTION, {}).get("python_version") or "")
    ours = f"{sys.version_info[0]}.{sys.version_info[1]}"
    if env_manager is None and wanted and wanted.split(".")[:2] != ours.split("."):
        raise ToolError(
            f"the model was saved with Python {wanted}, and this is Python {ours}",
            hint="env_manager='virtualenv' gives it its own, 'local' takes the risk",
        )
    return ""


def _result_type(asked: Any, model: Model) -> tuple[Wanted, Any]:
    """Return the type of the answer, for us and for Spark; what the signature says by default."""
    from pyspark.errors import PySparkException
    from pyspark.sql import types

    kinds = [_SPARK_TYPES.get(spec.type, "") for spec in model.get_output_schema() or ()]
    if asked is None:
        asked = next(filter(None, kinds), "double")
    try:
        found = types._parse_datatype_string(asked) if isinstance(asked, str) else asked
    except PySparkException:
        raise _no_type(asked) from None
    wanted = _wanted(found, asked)
    if (
        kinds
        and all(kinds)
        and not wanted.fields
        and not any(answers.fits(kind, wanted) for kind in kinds)
    ):
        raise UsageError(
            f"nothing that the model answers is {wanted.type}",
            hint=f"its signature has {', '.join(kinds)}",
        )
    return wanted, found


_SPARK_TYPES = {
    "boolean": "boolean",
    "integer": "int",
    "long": "bigint",
    "float": "float",
    "double": "double",
    "string": "string",
    **{dtype: name for name, dtype in TYPES.items()},
}


def _wanted(found: Any, asked: Any) -> Wanted:
    from pyspark.sql import types

    if isinstance(found, types.StructType) and found.fields:
        return Wanted("struct", fields={part.name: _plain(part.dataType, asked) for part in found})
    return _plain(found, asked)


def _plain(found: Any, asked: Any) -> Wanted:
    from pyspark.sql import types

    array = isinstance(found, types.ArrayType)
    inner = found.elementType if isinstance(found, types.ArrayType) else found
    name = inner.simpleString() if isinstance(inner, types.DataType) else ""
    if name not in TYPES:
        raise _no_type(asked)
    return Wanted(name, array=array)


def _no_type(asked: Any) -> UsageError:
    known = ", ".join(TYPES)
    return UsageError(
        f"result_type {asked!r} is not one that predictions can have",
        hint=f"use {known}, array<> of one, or struct<name:type,...>",
    )


def _ship(spark: Any, archive: Path, package: Path) -> None:
    context = getattr(spark, "_sc", None)
    if context is None:  # Spark Connect
        spark.addArtifacts(str(archive), file=True)
        spark.addArtifacts(str(package), pyfile=True)
    else:
        context.addFile(str(archive))
        context.addPyFile(str(package))


@functools.cache
def _zipped_package() -> Path:
    """Return gittrack itself as an archive, so that workers run the same version."""
    target = _outbox() / _LIBRARY
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in files.walk(_PACKAGE):
            if path.suffix == ".py":
                archive.write(path, Path("gittrack") / path.relative_to(_PACKAGE))
    return target


@functools.cache
def _outbox() -> Path:
    """Return the folder whose files Spark hands out as long as this process lives."""
    folder = tempfile.mkdtemp(prefix="gittrack-spark-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)
