"""Models of two runs are compared by signature, flavors and requirements."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.linear_model import LinearRegression

from gittrack.compare.artifacts import model_pairs
from gittrack.models import infer_signature
from gittrack.models.saving import save_model

TABLE = pd.DataFrame({"a": [0.0, 1.0], "b": [1.0, 0.0]})


def differences(problems: list) -> dict[str, tuple[str, str]]:
    changes = model_pairs(Path("first").absolute(), Path("second").absolute(), problems)
    return {
        change.name: (str(change.first), str(change.second))
        for change in changes
        if change.first != change.second
    }


def test_what_differs_of_a_model() -> None:
    for folder, names, pins in (("first", ["a"], "numpy"), ("second", ["a", "b"], "numpy>=1")):
        data = TABLE[names]
        model = LinearRegression().fit(data, np.array([0.0, 1.0]))
        save_model(
            model,
            f"{folder}/model",
            signature=infer_signature(data),
            pip_requirements=["scikit-learn", pins],
        )
    problems: list = []
    found = differences(problems)
    assert problems == []
    assert set(found) == {"model signature inputs", "model numpy"}
    assert '"b"' not in found["model signature inputs"][0]
    assert '"b"' in found["model signature inputs"][1]
    assert found["model numpy"][1] == ">=1"


def test_the_same_model_does_not_differ() -> None:
    model = LinearRegression().fit(TABLE, np.array([0.0, 1.0]))
    save_model(model, "first/model")
    save_model(model, "second/model")
    assert differences([]) == {}


def test_a_model_that_cannot_be_read_is_a_problem() -> None:
    save_model(LinearRegression().fit(TABLE, np.array([0.0, 1.0])), "first/model")
    Path("second/model").mkdir(parents=True)
    Path("second/model/MLmodel").write_text("flavors: 1\n")
    problems: list = []
    differences(problems)
    assert [problem.path.name for problem in problems] == ["MLmodel"]
