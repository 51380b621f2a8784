"""An entry that differs, and the pure comparison of params, metrics, tags and the like."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from gittrack.compare.directions import Direction, is_better
from gittrack.runs.values import ParamValue, same_param

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gittrack.runs.record import MetricSummary


class Absent:
    """What a run has under a key that it does not have; a param can be None."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT = Absent()
Side: TypeAlias = "ParamValue | Absent"


class Change(NamedTuple):
    """An entry of two runs; `ABSENT` on the side of the run that lacks it."""

    name: str
    first: Side
    second: Side

    @property
    def differs(self) -> bool:
        """Whether the sides are not the same."""
        return self.first != self.second

    def to_dict(self) -> dict[str, object]:
        """Return it as JSON; a side that is absent has no key."""
        sides = {"first": self.first, "second": self.second}
        present = {side: value for side, value in sides.items() if value is not ABSENT}
        return {"name": self.name, **present}


class ParamChange(Change):
    """A param of two runs."""

    @property
    def differs(self) -> bool:
        """Whether the sides are not the same, `0.50` and `0.5` being the same."""
        if isinstance(self.first, Absent) or isinstance(self.second, Absent):
            return self.first is not self.second
        return not same_param(self.first, self.second)


class MetricChange(NamedTuple):
    """A metric's last values; None on the side of the run that lacks it.

    `trends` are the sparklines of both, `direction` is where better values are.
    """

    name: str
    first: float | None
    second: float | None
    direction: Direction | None = None
    trends: tuple[str, str] = ("", "")

    @property
    def differs(self) -> bool:
        """Whether the sides are not the same; a NaN is the same as another."""
        if self.first is None or self.second is None:
            return self.first is not self.second
        both_nan = math.isnan(self.first) and math.isnan(self.second)
        return self.first != self.second and not both_nan

    @property
    def change(self) -> float | None:
        """The second less the first; None where that is no finite number."""
        if self.first is None or self.second is None:
            return None
        change = self.second - self.first
        return change if math.isfinite(change) else None

    @property
    def relative(self) -> float | None:
        """The change as a part of the first; None where that is no finite number."""
        if self.change is None or not self.first:
            return None
        relative = self.change / abs(self.first)
        return relative if math.isfinite(relative) else None

    @property
    def better(self) -> bool | None:
        """Whether the second is better; None where they are the same, or nothing tells it."""
        if self.first is None or self.second is None or self.direction is None or not self.differs:
            return None
        return is_better(self.second, self.first, self.direction)

    def to_dict(self) -> dict[str, object]:
        """Return it as JSON; what does not exist has no key."""
        entries = {
            "first": self.first,
            "second": self.second,
            "change": self.change,
            "relative": self.relative,
            "direction": self.direction,
            "better": self.better,
        }
        return {
            "name": self.name,
            **{k: value for k, value in entries.items() if value is not None},
        }


def pairs(
    first: Mapping[str, ParamValue], second: Mapping[str, ParamValue], *, sort: bool = True
) -> tuple[Change, ...]:
    """Return the entries of two maps side by side."""
    names: Iterable[str] = {**first, **second}
    return tuple(
        Change(name, first.get(name, ABSENT), second.get(name, ABSENT))
        for name in (sorted(names) if sort else names)
    )


def param_pairs(
    first: Mapping[str, ParamValue], second: Mapping[str, ParamValue]
) -> tuple[Change, ...]:
    """Return the params of two runs side by side."""
    return tuple(ParamChange(*pair) for pair in pairs(first, second))


def metric_pairs(
    first: Mapping[str, MetricSummary], second: Mapping[str, MetricSummary]
) -> tuple[MetricChange, ...]:
    """Return the metrics of two runs side by side."""
    return tuple(
        MetricChange(
            name,
            first[name].last if name in first else None,
            second[name].last if name in second else None,
        )
        for name in sorted({**first, **second})
    )


def text_of(value: object) -> str:
    """Return any JSON value of a record as text."""
    try:
        return str(value)
    except RecursionError:
        return "nested too deeply"
