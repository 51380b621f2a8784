"""What a check of the tree finds: values, so that one thing hides no other."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from gittrack.files import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

Kind = Literal[
    "alias",
    "broken file",
    "broken line",
    "conflict",
    "digest",
    "duplicate",
    "experiment",
    "extra file",
    "git ignores",
    "interrupted",
    "leftover",
    "link",
    "missing file",
    "not ended",
    "schema",
    "secret",
    "stale summary",
    "version",
]
# What is worth knowing and no fault: these do not change the exit code.
_NOTES = {"extra file", "not ended"}


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be."""

    kind: Kind
    problem: Problem

    @property
    def is_note(self) -> bool:
        """Whether it is worth knowing, and no fault."""
        return self.kind in _NOTES


@dataclass
class Report:
    """What was checked and found."""

    runs: int = 0
    files: int = 0
    findings: list[Finding] = field(default_factory=list)

    def add(self, kind: Kind, path: Path, message: str, *, line: int = 0, hint: str = "") -> None:
        """Add a finding."""
        self.findings.append(Finding(kind, Problem(path, message, line, hint)))

    def add_all(self, kind: Kind, problems: Iterable[Problem]) -> None:
        """Add problems that readers found; those with the markers of a merge are conflicts."""
        for problem in problems:
            conflict = "conflict markers" in problem.message
            self.findings.append(Finding("conflict" if conflict else kind, problem))

    @property
    def faults(self) -> list[Finding]:
        """What is wrong, notes left out."""
        return [finding for finding in self.findings if not finding.is_note]
