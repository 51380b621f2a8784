"""What differs: between two runs, between many, and between the runs of two revisions."""

from __future__ import annotations

from gittrack.compare.artifacts import ArtifactChange
from gittrack.compare.changes import ABSENT, Absent, Change, MetricChange, Side, text_of
from gittrack.compare.difference import PARTS, DatasetChange, Difference, compare
from gittrack.compare.environment import MAX_REQUIREMENTS

__all__ = [
    "ABSENT",
    "MAX_REQUIREMENTS",
    "PARTS",
    "Absent",
    "ArtifactChange",
    "Change",
    "DatasetChange",
    "Difference",
    "MetricChange",
    "Side",
    "compare",
    "text_of",
]
