"""A small real model, and the data that it was fitted to."""

from __future__ import annotations

import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression


@pytest.fixture(scope="session")
def frame():
    return pd.DataFrame({"x": [-2.0, -1.0, 0.0, 1.0, 2.0, 1.0], "n": [0, 1, 0, 1, 0, 1]})


@pytest.fixture(scope="session")
def classifier(frame):
    return LogisticRegression().fit(frame, [0, 0, 1, 1, 1, 0])
