from __future__ import annotations

import pytest

from tests.engines.conftest import HERE, run_in_engines

pytestmark = [
    pytest.mark.needs("env:engines"),
    pytest.mark.slow,
    pytest.mark.xdist_group("engines"),
]

LINE = [1.0, 3.0, 5.0, 7.0, 9.0, 11.0, 13.0, 15.0, 17.0, 19.0]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict:
    folder = tmp_path_factory.mktemp("engines")
    return run_in_engines(HERE / "on_dask_and_ray.py", cwd=folder, HOME=str(folder))


def test_dask_scores_partitions_in_workers_without_the_tree(found: dict) -> None:
    line, words, _ = found["dask"]
    assert line == pytest.approx(LINE, abs=1e-9)
    assert words == ["no"] * 5 + ["yes"] * 5


def test_dask_knows_the_columns_of_the_answer_beforehand(found: dict) -> None:
    assert found["dask"][2] == {"n": "int64", "half": "float64", "word": "object"}


def test_ray_scores_batches_in_workers_without_the_tree(found: dict) -> None:
    assert found["ray"] == pytest.approx(LINE, abs=1e-9)
