"""The wine data set, split once: what one script trains on, the other never validates on."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split

if TYPE_CHECKING:
    import pandas as pd


class Split(NamedTuple):
    """Features and classes: to train on, to test on meanwhile, and held out until the end."""

    train: pd.DataFrame
    train_class: pd.Series
    test: pd.DataFrame
    test_class: pd.Series
    held_out: pd.DataFrame
    held_out_class: pd.Series


def load(seed: int) -> Split:
    """Split the 178 wines three to one to one, the three classes in equal parts."""
    features, classes = load_wine(return_X_y=True, as_frame=True)
    train, rest, train_class, rest_class = train_test_split(
        features, classes, test_size=0.4, stratify=classes, random_state=seed
    )
    test, held_out, test_class, held_out_class = train_test_split(
        rest, rest_class, test_size=0.5, stratify=rest_class, random_state=seed
    )
    return Split(train, train_class, test, test_class, held_out, held_out_class)
