"""What a filter means, once read: a tree of frozen terms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

Entity = Literal["metric", "param", "tag", "attribute", "dataset"]
Operator = Literal["=", "!=", "<", "<=", ">", ">="]


class Key(NamedTuple):
    """What a clause looks at, such as the metric `acc`; attributes without their aliases."""

    entity: Entity
    name: str


@dataclass(frozen=True)
class Comparison:
    """`metrics.acc > 0.9`: with a text as text, with a number as number."""

    key: Key
    operator: Operator
    value: str | float


@dataclass(frozen=True)
class Like:
    """`tags.team ILIKE 'a%'`, where `%` is any text and `_` any character."""

    key: Key
    pattern: str
    ignore_case: bool
    negated: bool = False


@dataclass(frozen=True)
class Member:
    """`run_id IN ('a', 'b')`."""

    key: Key
    values: tuple[str | float, ...]
    negated: bool = False


@dataclass(frozen=True)
class Missing:
    """`params.x IS NULL`: the run has no such key."""

    key: Key
    negated: bool = False


@dataclass(frozen=True)
class Not:
    """True where its term is not."""

    term: Node


@dataclass(frozen=True)
class All:
    """Terms joined by `and`; without terms it fits every run."""

    terms: tuple[Node, ...]


@dataclass(frozen=True)
class Either:
    """Terms joined by `or`."""

    terms: tuple[Node, ...]


Node = Comparison | Like | Member | Missing | Not | All | Either


class Order(NamedTuple):
    """One clause of an order: `metrics.acc DESC`."""

    key: Key
    descending: bool = False
