"""The example that newcomers run first: it trains, repeats itself exactly, and is validated."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gittrack.projects import running

if TYPE_CHECKING:
    from gittrack.runs.store import Store

pytest.importorskip("sklearn")
WINE = Path(__file__).parents[2] / "examples" / "wine"


def test_wine_trains_and_is_validated(store: Store) -> None:
    first, second = (
        running.run(str(WINE), parameters={"alpha": 0.01}, env_manager="local") for _ in range(2)
    )
    validated = running.run(
        str(WINE),
        "validate",
        parameters={"model": f"runs:/{second.run_id}/model"},
        env_manager="local",
    )

    run, again = store.find(first.run_id), store.find(second.run_id)
    assert run.record.params == {"alpha": 0.01, "epochs": 20, "penalty": "l2", "seed": 0}
    assert run.record.metrics == again.record.metrics
    assert len(run.history("train_loss")) == 20
    assert run.record.metrics["accuracy"].last > 0.9
    assert (run.artifacts / "report.txt").read_text().startswith("              precision")
    assert (run.artifacts / "model" / "MLmodel").is_file()
    assert store.find(validated.run_id).record.metrics["held_out_accuracy"].last > 0.9
