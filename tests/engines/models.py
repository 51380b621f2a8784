"""Models that the engines are tried with, saved in the working folder."""

from __future__ import annotations

import shutil
import sys

import cloudpickle
import numpy as np
import pandas as pd
from sklearn.linear_model import LinearRegression, LogisticRegression

import gittrack.sklearn
from gittrack.models import infer_signature

TABLE = pd.DataFrame({"a": np.arange(10.0), "b": np.arange(10.0)[::-1]})


class Several(LinearRegression):
    """Answers a table of three columns of different types."""

    def predict(self, data):
        return pd.DataFrame({"n": data["a"].astype("int64"), "half": data["a"] / 2, "word": "x"})


class Picky(LinearRegression):
    """Fails on one row."""

    def predict(self, data):
        if (data["a"] == 3).any():
            raise ValueError("three is not for me")
        return super().predict(data)


def save_all() -> None:
    # Nobody else has this module.
    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    linear = LinearRegression().fit(TABLE, TABLE.a * 2 + 1)
    named = infer_signature(TABLE, linear.predict(TABLE))
    gittrack.sklearn.save_model(linear, "linear", signature=named)
    words = LogisticRegression().fit(TABLE, np.where(TABLE.a > 4, "yes", "no"))
    gittrack.sklearn.save_model(words, "words")
    array = TABLE.to_numpy()
    tensor = LinearRegression().fit(array, array[:, 0] * 2 + 1)
    signature = infer_signature(array, tensor.predict(array))
    gittrack.sklearn.save_model(tensor, "tensor", signature=signature)
    gittrack.sklearn.save_model(Several().fit(TABLE, TABLE.a), "several")
    gittrack.sklearn.save_model(Picky().fit(TABLE, TABLE.a), "picky", signature=named)


def remove_all() -> None:
    for folder in ("linear", "words", "tensor", "several", "picky"):
        shutil.rmtree(folder)
