from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from gittrack.cli.main import main
from gittrack.engines import batch
from gittrack.errors import MissingPackageError, UsageError
from tests import parts
from tests.conftest import SOURCE
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
    assert found["by command"] == pytest.approx(LINE, abs=1e-9)
    assert found["said"] == "wrote the rows with their predictions into by-command"
    assert found["there"] == ["UsageError", "out-csv is there already"]
    assert found["none"] == ["NotFoundError", "cannot read no.csv: no such file or folder"]
    assert found["column"] == ["SchemaMismatchError", "Model is missing inputs ['b']"]
    name, message = found["fails"]
    assert name == "ModelError"
    assert message.startswith(f"{engine} could not score all rows: ")
    assert message.endswith("three is not for me")
    assert not found["left"]


@pytest.mark.slow
@pytest.mark.needs("env:engines")
def test_spark_without_java(isolated: Path) -> None:
    (isolated / "bin").mkdir()
    for tool in ("bash", "dirname", "cat", "env", "ls", "uname", "readlink", "ps", "grep", "sed"):
        (isolated / "bin" / tool).symlink_to(shutil.which(tool) or "/bin/false")
    (isolated / "data.csv").write_text("a,b\n1,2\n")
    script = (
        "import models; from pathlib import Path; from gittrack.cli.main import main\n"
        "models.save_all(); main('predict linear -i data.csv -o out --engine spark'.split())"
    )
    done = subprocess.run(
        [parts.environment("engines"), "-W", "ignore", "-c", script],
        check=False,
        capture_output=True,
        text=True,
        env={
            "PATH": str(isolated / "bin"),
            "HOME": str(isolated),
            "PYTHONPATH": os.pathsep.join([str(HERE), str(SOURCE)]),
        },
    )
    assert done.returncode == 6
    assert "error: Spark does not start: no Java answers" in done.stderr
    assert "hint: install Java 17 or newer, or set JAVA_HOME" in done.stderr


def test_an_engine_that_there_is_not(isolated: Path) -> None:
    with pytest.raises(UsageError, match="no engine 'flink'") as caught:
        batch.score("flink", isolated, isolated, isolated / "out", kind="csv")
    assert caught.value.hint == "--engine takes: spark, dask, ray"


@pytest.mark.parametrize(("engine", "package"), [("dask", "dask"), ("ray", "ray")])
def test_an_engine_that_is_not_installed(isolated: Path, engine: str, package: str) -> None:
    with pytest.raises(MissingPackageError, match=f"need {package}, which") as caught:
        batch.score(engine, isolated, isolated, isolated / "out", kind="csv")
    assert caught.value.hint == f"pip install {package}"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "error: --engine reads and writes files"),
        (["-i", "a.txt", "-o", "out"], "error: a.txt does not say what dask is to read"),
        (["-i", "a.json", "-o", "out"], "hint: --from csv, jsonl, parquet"),
        (["-i", "a.csv", "-o", "out", "--to", "csv"], "error: --engine does not take --to"),
    ],
)
def test_what_the_command_refuses(
    capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["predict", "model", "--engine", "dask", *arguments])
    assert caught.value.code == 2
    assert said in capsys.readouterr().err
