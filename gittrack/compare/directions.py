"""Which way a metric is better: as configured, else by the words in its name.

[tool.gittrack.metrics]
"val/score" = "min"
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Literal, TypeAlias

from gittrack import settings
from gittrack.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Direction: TypeAlias = Literal["min", "max"]

_WORD = re.compile(r"[a-z]+\d*|\d+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_LOWER = """
    loss losses error errors err rmse mse mae mape smape rmsle mbe msle perplexity ppl entropy
    nll logloss latency time duration seconds ms wer cer ter fpr fnr eer brier ece distance
    regret cost fid kid kl hinge memory misses residual rss bic aic inertia
"""
_HIGHER = """
    acc accuracy f1 f2 auc roc auroc prauc auprc precision recall sensitivity specificity r2
    score bleu rouge meteor ndcg iou miou dice jaccard map mrr hits tpr tnr kappa mcc gini
    throughput reward return returns correlation pearson spearman psnr ssim likelihood
    silhouette top1 top5
"""
_NEGATED = frozenset(("neg", "negative"))


def direction_of(
    metric: str, configured: Mapping[str, Direction] | None = None
) -> Direction | None:
    """Return the direction in which a metric is better; None where nothing tells it."""
    if configured and metric in configured:
        return configured[metric]
    words = set(_WORD.findall(_CAMEL.sub(" ", metric).lower()))
    lower = bool(words.intersection(_LOWER.split()))
    if not lower and words.isdisjoint(_HIGHER.split()):
        return None
    return "min" if lower != bool(words & _NEGATED) else "max"


def configured(folder: Path) -> dict[str, Direction]:
    """Return the directions that the configuration above a folder gives.

    Raises:
        UsageError: one is neither min nor max.
    """
    found: dict[str, Direction] = {}
    for name, value in settings.table("metrics", folder).items():
        if value not in ("min", "max"):
            raise UsageError(
                f"the direction of metric {name!r} is {value!r}", hint='write "min" or "max"'
            )
        found[name] = "min" if value == "min" else "max"
    return found


def is_better(new: float, old: float, direction: Direction) -> bool:
    """Tell whether a value is better than another; a NaN never is, and anything is than it."""
    if math.isnan(new) or math.isnan(old):
        return math.isnan(old) and not math.isnan(new)
    return new > old if direction == "max" else new < old
