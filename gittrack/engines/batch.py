"""Scoring files on an engine: the rows with their predictions, in a folder of files.

Engines keep no order, so the rows stand beside their predictions.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from gittrack.engines import answers, parcel, spark
from gittrack.errors import (
    GittrackError,
    InvalidValueError,
    ModelError,
    NotFoundError,
    SchemaMismatchError,
    UsageError,
)
from gittrack.models import mlmodel, packages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from gittrack.engines.parcel import InMemory

KINDS = ("csv", "jsonl", "parquet")
COLUMN = "prediction"


def score(engine: str, folder: Path, source: Path, target: Path, *, kind: str) -> None:
    """Write the rows of files with their predictions, scored on an engine.

    Args:
        engine: spark, dask or ray.
        folder: the model's.
        source: a file, or a folder of files.
        target: a folder that is not there yet.
        kind: of the files that are read and written, one of `KINDS`.

    Raises:
        UsageError: there is no such engine, or `target` is there.
        NotFoundError: `source` is not there.
        SchemaMismatchError: the rows lack a column.
        MissingPackageError: the engine is not installed.
        ToolError: it does not start.
        ModelError: the model fails on a row.
    """
    if engine not in ENGINES:
        raise UsageError(f"no engine {engine!r}", hint=f"--engine takes: {', '.join(ENGINES)}")
    if kind not in KINDS:
        raise UsageError(f"{engine} does not read {kind!r}", hint=f"--from {', '.join(KINDS)}")
    if target.exists():
        raise UsageError(f"{target} is there already", hint="name a new folder with -o")
    if not source.exists():
        raise NotFoundError(f"cannot read {source}: no such file or folder", hint="check -i")
    with _failures_named(engine):
        ENGINES[engine](folder, source, target, kind)


def _by_spark(folder: Path, source: Path, target: Path, kind: str) -> None:
    session = spark.session("gittrack predict")
    session.sparkContext.setLogLevel("OFF")  # what fails is said once, below
    reader = session.read.options(header=True, inferSchema=True)
    read = {"csv": reader.csv, "jsonl": reader.json, "parquet": reader.parquet}[kind]
    frame = read(str(source.absolute()))
    _check_columns(folder, frame.columns)
    exact = kind != "parquet"
    function = spark.spark_udf(session, folder, env_manager=spark.LOCAL, exact=exact)
    scored = frame.withColumn(COLUMN, spark.over_all(function, frame.columns))
    write = scored.write.options(header=True)
    {"csv": write.csv, "jsonl": write.json, "parquet": write.parquet}[kind](str(target.absolute()))


def _by_dask(folder: Path, source: Path, target: Path, kind: str) -> None:
    dask = packages.need("dask", why="predictions by Dask")
    table = packages.need("dask.dataframe", why="predictions by Dask")
    files = str(source / "*" if source.is_dir() else source)
    if kind == "parquet":
        frame = table.read_parquet(str(source))
    else:
        frame = table.read_csv(files) if kind == "csv" else table.read_json(files, lines=True)
    _check_columns(folder, frame.columns)
    model = parcel.in_memory(folder, exact=kind != "parquet")
    expected = _beside(frame._meta_nonempty, model)
    scored = frame.map_partitions(_beside, dask.delayed(model), meta=expected.iloc[:0])
    target.mkdir(parents=True)
    if kind == "parquet":
        scored.to_parquet(str(target), write_index=False)
    elif kind == "csv":
        scored.to_csv(str(target / "part-*.csv"), index=False)
    else:
        scored.to_json(str(target / "part-*.json"), orient="records", lines=True)


def _by_ray(folder: Path, source: Path, target: Path, kind: str) -> None:
    data = packages.need("ray.data", why="predictions by Ray")
    read = {"csv": data.read_csv, "jsonl": data.read_json, "parquet": data.read_parquet}[kind]
    dataset = read(str(source.absolute()))
    _check_columns(folder, dataset.columns())
    given = {"model": parcel.in_memory(folder, exact=kind != "parquet")}
    scored = dataset.map_batches(_beside, fn_kwargs=given, batch_format="pandas")
    name = {"csv": "write_csv", "jsonl": "write_json", "parquet": "write_parquet"}[kind]
    getattr(scored, name)(str(target.absolute()))


ENGINES: Mapping[str, Callable[[Path, Path, Path, str], None]] = {
    "spark": _by_spark,
    "dask": _by_dask,
    "ray": _by_ray,
}


def _beside(part: Any, model: InMemory) -> Any:
    predictions = answers.as_table(model.predict(part))
    names = [COLUMN] if predictions.shape[1] == 1 else [f"{COLUMN}_{n}" for n in predictions]
    return part.join(predictions.set_axis(names, axis="columns"))


def _check_columns(folder: Path, found: Any) -> None:
    schema = mlmodel.read(folder).get_input_schema()
    names = [str(name) for name in found]
    missing = [name for name in spark.required(schema) if name not in names] if schema else []
    if missing:
        raise SchemaMismatchError(
            f"Model is missing inputs {missing}", hint=f"the rows have {names}"
        )
    if COLUMN in names:
        raise InvalidValueError(f"the rows have a column {COLUMN!r} already", hint="rename it")


@contextmanager
def _failures_named(engine: str) -> Iterator[None]:
    """Say what failed on a worker in its own last line, without the trace of the engine."""
    try:
        yield
    except (GittrackError, KeyboardInterrupt):
        raise
    except Exception as error:
        told = [line.strip() for line in str(error).splitlines() if line.strip()]
        words = next((line for line in reversed(told) if "Error" in line.split(":")[0]), None)
        said = words or (told[0] if told else type(error).__name__)
        raise ModelError(
            f"{engine} could not score all rows: {said[:500]}",
            hint="score the file without --engine to see which rows",
        ) from error
