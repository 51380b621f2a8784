"""`gittrack check`: gates that a run has to pass, by itself and against another revision.

    [tool.gittrack.check]
    against = "main"
    baseline = "best"                              # or "latest", of the same experiment
    min = {acc = 0.9}
    max = {loss = 0.3}
    max-regress = {acc = "1%", loss = "2%,0.005"}  # the wider tolerance counts

What was asked and cannot be measured is never a pass.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, NamedTuple

from gittrack import paths, settings
from gittrack.compare.branches import best_of
from gittrack.compare.directions import Direction, configured, direction_of
from gittrack.errors import NotComparableError, NotFoundError, UsageError
from gittrack.git import objects
from gittrack.runs import revisions
from gittrack.runs.reading import read_run
from gittrack.runs.record import FINISHED
from gittrack.runs.values import number_of

if TYPE_CHECKING:
    from gittrack.runs.reading import StoredRun
    from gittrack.runs.store import Store

Outcome = Literal["passed", "failed", "unmeasured"]

_TOLERANCE = re.compile(r"\s*([\d.eE+-]+)\s*(%?)\s*")
_KEYS = ("against", "baseline", "max", "max-regress", "min")


class Tolerance(NamedTuple):
    """How much worse a metric may be: as a part of the baseline, or in its own unit."""

    relative: float = 0.0
    absolute: float = 0.0


@dataclass(frozen=True)
class Rules:
    """What is asked of a run; `against` "" compares it with nothing."""

    low: Mapping[str, float]
    high: Mapping[str, float]
    regress: Mapping[str, Tolerance]
    against: str = ""
    baseline: Literal["best", "latest"] = "best"
    directions: Mapping[str, Direction] | None = None


@dataclass(frozen=True)
class Gate:
    """One thing that was asked, and what came of it; `why` says what could not be measured."""

    metric: str
    kind: Literal["min", "max", "regress"]
    outcome: Outcome
    value: float | None = None
    limit: float | None = None
    baseline: float | None = None
    baseline_run: str = ""
    why: str = ""

    def to_dict(self) -> dict[str, object]:
        """Return it as JSON; what does not exist has no key."""
        return {key: value for key, value in vars(self).items() if value not in (None, "")}


@dataclass(frozen=True)
class Checked:
    """A run and its gates; `base` is the commit that it was compared with, or ""."""

    run: StoredRun
    gates: tuple[Gate, ...]
    against: str = ""
    base: str = ""

    @property
    def outcome(self) -> Outcome:
        """Failed where a gate did, else unmeasured where one was, else passed."""
        outcomes = {gate.outcome for gate in self.gates}
        return next((one for one in ("failed", "unmeasured") if one in outcomes), "passed")

    @property
    def exit_code(self) -> int:
        """What the command exits with."""
        return {"passed": 0, "failed": 1, "unmeasured": NotComparableError.exit_code}[self.outcome]

    def to_dict(self) -> dict[str, object]:
        """Return it as JSON."""
        return {
            "run_id": self.run.run_id,
            "name": self.run.record.name,
            "outcome": self.outcome,
            "against": self.against,
            "base": self.base,
            "gates": [gate.to_dict() for gate in self.gates],
        }


def read_rules(
    store: Store,
    *,
    low: list[str],
    high: list[str],
    regress: list[str],
    against: str = "",
    baseline: str = "",
) -> Rules:
    """Return the rules that the command line gives as `METRIC=VALUE`, upon those configured.

    Raises:
        UsageError: one cannot be read, or nothing is asked.
    """
    table = settings.known_keys(settings.table("check", store.root), _KEYS, "[tool.gittrack.check]")

    def merged(key: str, given: list[str]) -> dict[str, str]:
        entries = table.get(key, {})
        if not isinstance(entries, Mapping):
            raise UsageError(f"{key!r} in [tool.gittrack.check] is no table", hint="acc = 0.9")
        named = [text.partition("=") for text in given]
        if wrong := [text for text in given if "=" not in text]:
            raise UsageError(f"{wrong[0]!r} is no METRIC=VALUE", hint=f"such as --{key} acc=0.9")
        pairs = [*entries.items(), *((name, value) for name, _, value in named)]
        return {str(name).removeprefix("metrics."): str(value) for name, value in pairs}

    base = baseline or str(table.get("baseline", "best"))
    if base not in ("best", "latest"):
        raise UsageError(f"the baseline {base!r} is neither", hint="write best or latest")
    rules = Rules(
        {name: _number(name, value) for name, value in merged("min", low).items()},
        {name: _number(name, value) for name, value in merged("max", high).items()},
        {name: _tolerance(name, text) for name, text in merged("max-regress", regress).items()},
        against or str(table.get("against", "")),
        "best" if base == "best" else "latest",
        configured(store.root),
    )
    if not rules.against and (rules.regress or not (rules.low or rules.high)):
        hint = "--min acc=0.9, --max loss=0.3, --against main --max-regress acc=1%"
        what = "--max-regress needs --against" if rules.regress else "nothing is asked of the run"
        raise UsageError(what, hint=f"{hint}, or [tool.gittrack.check] in {settings.PYPROJECT}")
    return rules


def check(store: Store, run: StoredRun, rules: Rules) -> Checked:
    """Return what came of the rules for a run.

    Raises:
        ToolError: there is a revision to compare with, and no Git repository.
    """
    gates = [
        *(_bounded(run, name, limit, "min") for name, limit in rules.low.items()),
        *(_bounded(run, name, limit, "max") for name, limit in rules.high.items()),
    ]
    base, why = "", ""
    known: list[StoredRun] = []
    if rules.against:
        try:
            base = _merge_base(store, rules.against)
            known, why = _baselines(store, base, run)
        except NotFoundError as error:
            why = f"{error.message} ({error.hint})" if error.hint else error.message
        gates += [_regress(run, name, known, rules, why) for name in _watched(run, known, rules)]
        if not any(gate.kind == "regress" for gate in gates):
            why = why or "no metric whose direction is known"
            gates.append(Gate("*", "regress", "unmeasured", why=why))
    if run.record.status != FINISHED:
        if run.state() == FINISHED.lower():  # it has ended since it was read
            return check(store, read_run(run.folder, run.tree), rules)
        why = f"run {run.run_id} is {run.state()}"
        gates = [
            replace(gate, outcome="unmeasured", why=why) if gate.outcome == "passed" else gate
            for gate in gates
        ]
    return Checked(run, tuple(gates), rules.against, base)


def _watched(run: StoredRun, known: list[StoredRun], rules: Rules) -> list[str]:
    """Return the metrics that may not get worse: those named, else all whose direction is known.

    That the latest run there has and this one lacks is not to go unseen.
    """
    if rules.regress:
        return [*rules.regress]
    latest = known[0].record.metrics if known else {}
    names = dict.fromkeys((*run.record.metrics, *latest))
    return [name for name in names if direction_of(name, rules.directions)]


def _bounded(run: StoredRun, name: str, limit: float, kind: Literal["min", "max"]) -> Gate:
    value, why = _value(run, name)
    if value is None:
        return Gate(name, kind, "unmeasured", limit=limit, why=why)
    passed = value >= limit if kind == "min" else value <= limit
    return Gate(name, kind, "passed" if passed else "failed", value, limit)


def _regress(run: StoredRun, name: str, known: list[StoredRun], rules: Rules, why: str) -> Gate:
    direction = direction_of(name, rules.directions)
    value, lacks = _value(run, name)
    best, unlike = _held_against(name, known, direction, rules)
    if value is None or direction is None or best is None:
        return Gate(name, "regress", "unmeasured", value, why=lacks or why or unlike)
    base = best.record.metrics[name].last
    allowed = rules.regress.get(name, Tolerance())
    room = max(allowed.relative * abs(base), allowed.absolute)
    limit = base - room if direction == "max" else base + room
    passed = value >= limit if direction == "max" else value <= limit
    return Gate(name, "regress", "passed" if passed else "failed", value, limit, base, best.run_id)


def _held_against(
    name: str, known: list[StoredRun], direction: Direction | None, rules: Rules
) -> tuple[StoredRun | None, str]:
    """Return the run that a metric is compared with, or why there is none."""
    if direction is None:
        hint = f'[tool.gittrack.metrics] "{name}" = "min" or "max" tells'
        return None, f"where it is better is not known: {hint}"
    best = best_of(known, name, direction) if rules.baseline == "best" else next(iter(known), None)
    if best is None or name not in best.record.metrics:
        return None, f"no run to compare with has {name!r}"
    base = best.record.metrics[name].last
    return (best, "") if math.isfinite(base) else (None, f"{name} of {best.run_id} is {base}")


def _value(run: StoredRun, name: str) -> tuple[float | None, str]:
    summary = run.record.metrics.get(name)
    if summary is None:
        return None, f"run {run.run_id} has no metric {name!r}"
    if math.isnan(summary.last):
        return None, f"{name} of run {run.run_id} is NaN"
    return summary.last, ""


def _merge_base(store: Store, revision: str) -> str:
    folder = objects.repository(store.root).folder
    return objects.merge_base(objects.commit_of(revision, cwd=folder), cwd=folder)


def _baselines(store: Store, base: str, run: StoredRun) -> tuple[list[StoredRun], str]:
    """Return the runs to compare with, the newest first, or why there are none."""
    found = revisions.at(store, base).runs()
    name = run.record.experiment
    for problem in found.problems:
        is_run = paths.parse_run_folder(problem.path.name) is not None
        if is_run and problem.path.parent.name == run.experiment_id:
            return [], f"a run of {name!r} at {base[:10]} cannot be read: {problem.message}"
    there = [
        other
        for other in found.runs
        if other.experiment_id == run.experiment_id and other.record.status == FINISHED
    ]
    others = [other for other in there if other.run_id != run.run_id]
    besides = " besides this one" if there else ""
    return others, "" if others else f"no finished run of {name!r} at {base[:10]}{besides}"


def _number(name: str, text: str) -> float:
    value = number_of(text)
    if value is None or not math.isfinite(value):
        raise UsageError(f"the limit {text!r} of {name!r} is no number", hint="such as acc=0.9")
    return value


def _tolerance(name: str, text: str) -> Tolerance:
    found = Tolerance()
    for part in text.split(","):
        match = _TOLERANCE.fullmatch(part)
        value = number_of(match[1]) if match else None
        if match is None or value is None or value < 0:
            raise UsageError(
                f"the tolerance {text!r} of {name!r} is no number from 0 on",
                hint="such as 1% or 1%,0.005",
            )
        found = found._replace(relative=value / 100) if match[2] else found._replace(absolute=value)
    return found
