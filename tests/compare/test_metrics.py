"""Which way a metric is better, and its course as a line of text."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gittrack.compare.changes import MetricChange
from gittrack.compare.directions import configured, direction_of, is_better
from gittrack.compare.sparklines import BARS, sparkline
from gittrack.errors import UsageError


@pytest.mark.parametrize(
    ("name", "direction"),
    [
        ("loss", "min"), ("val/loss", "min"), ("trainLoss", "min"), ("mean_squared_error", "min"),
        ("RMSE", "min"), ("neg_mean_squared_error", "max"), ("neg_log_likelihood", "min"),
        ("acc", "max"), ("val_accuracy", "max"), ("f1", "max"), ("roc-auc", "max"), ("r2", "max"),
        ("gloss", None), ("alpha", None), ("", None), ("accrued", None),
    ],
)  # fmt: skip
def test_the_words_of_a_name_tell_the_direction(name, direction) -> None:
    assert direction_of(name) == direction


def test_the_configuration_wins(isolated: Path) -> None:
    (isolated / "pyproject.toml").write_text('[tool.gittrack.metrics]\nloss = "max"\nx = "min"\n')
    found = configured(isolated / "mlruns")
    assert (direction_of("loss", found), direction_of("x", found)) == ("max", "min")
    (isolated / "gittrack.toml").write_text('[metrics]\nloss = "up"\n')
    with pytest.raises(UsageError, match="'up'"):
        configured(isolated / "mlruns")
    (isolated / "gittrack.toml").write_text("metrics = 3\n")
    with pytest.raises(UsageError, match="no table"):
        configured(isolated / "mlruns")


def test_better_is_said_only_where_it_is_known() -> None:
    assert MetricChange("loss", 2.0, 1.0, "min").better is True
    assert MetricChange("acc", 2.0, 1.0, "max").better is False
    assert MetricChange("x", 2.0, 1.0).better is None
    assert MetricChange("acc", 1.0, 1.0, "max").better is None
    assert MetricChange("acc", 1.0, None, "max").better is None
    assert not is_better(math.nan, 1.0, "min")
    assert is_better(1.0, math.nan, "max")


def test_a_course_as_bars() -> None:
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7]) == BARS
    assert sparkline([3, 3, 3]) == "▄▄▄"
    assert sparkline([]) == sparkline([math.nan, math.inf]) == ""
    assert sparkline(range(1000)) == "▁▂▃▃▄▅▆▆▇█"


@given(st.lists(st.floats()), st.integers(1, 50))
def test_a_course_is_never_longer_than_its_room(values, width) -> None:
    line = sparkline(values, width)
    assert len(line) <= width
    assert set(line) <= set(BARS)
