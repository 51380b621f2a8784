from __future__ import annotations

from pathlib import Path

import pytest

from gittrack.engines import batch
from gittrack.errors import MissingPackageError, UsageError
from tests.engines.conftest import HERE, run_in_engines

pytestmark = [pytest.mark.xdist_group("engines")]
LINE = [1.0, 3.0, 5.0, 7.0, 9.0, 11.0, 13.0, 15.0, 17.0, 19.0]


@pytest.mark.slow
@pytest.mark.needs("env:engines", "program:java")
@pytest.mark.parametrize("engine", ["spark", "dask", "ray"])
def test_files_are_scored_whole(engine: str, isolated: Path) -> None:
    found = run_in_engines(HERE / "on_files.py", engine, cwd=isolated, HOME=str(isolated))
    for kind in ("csv", "jsonl", "parquet"):
        columns, predictions = found[kind]
        assert columns == ["a", "b", "prediction"]
        assert predictions == pytest.approx(LINE, abs=1e-9)
    assert found["there"] == ["UsageError", "out-csv is there already"]
    assert found["none"] == ["NotFoundError", "cannot read no.csv: no such file or folder"]
    assert found["column"] == ["SchemaMismatchError", "Model is missing inputs ['b']"]
    name, message = found["fails"]
    assert name == "ModelError"
    assert message.startswith(f"{engine} could not score all rows: ")
    assert message.endswith("three is not for me")
    assert not found["left"]


def test_an_engine_that_there_is_not(isolated: Path) -> None:
    with pytest.raises(UsageError, match="no engine 'flink'") as caught:
        batch.score("flink", isolated, isolated, isolated / "out", kind="csv")
    assert caught.value.hint == "--engine takes: spark, dask, ray"


@pytest.mark.parametrize(("engine", "package"), [("dask", "dask"), ("ray", "ray")])
def test_an_engine_that_is_not_installed(isolated: Path, engine: str, package: str) -> None:
    with pytest.raises(MissingPackageError, match=f"need {package}, which") as caught:
        batch.score(engine, isolated, isolated, isolated / "out", kind="csv")
    assert caught.value.hint == f"pip install {package}"
