"""The command that checks a tree, and mends it."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Annotated, Any

import typer

from gittrack.cli import options, progress, render
from gittrack.cli.render import Form
from gittrack.errors import UsageError
from gittrack.health import checking
from gittrack.health.finding import Finding, Report
from gittrack.health.repairing import Mender
from gittrack.runs.trees import DISK

_FOUND = 1


def fsck(
    repair: Annotated[
        bool, typer.Option("--repair", help="Mend what can be mended; what goes is kept.")
    ] = False,
    force: Annotated[
        list[str] | None,
        typer.Option(
            metavar="RUN", help="With --repair: end this run, which does not run here, as KILLED."
        ),
    ] = None,
    digests: Annotated[
        bool, typer.Option("--digests", help="Also compare the files of models with their digests.")
    ] = False,
    json: options.Json = False,
    csv: options.Csv = False,
    md: options.Md = False,
) -> int:
    """Check everything in the tree: records, lines, files, models, links, secrets."""
    form = options.form(json=json, csv=csv, md=md)
    if force and not repair:
        raise UsageError("--force needs --repair", hint="gittrack fsck --repair --force RUN")
    store = options.open_store()
    mender = Mender(store)
    ended = mender.end(force or ())
    with progress.bar("checking") as show:
        report = checking.check(store, digests=digests, progress=show)
    mended = mender.mend(report) if repair else set()
    kept = mender.kept if DISK.is_file(mender.kept) else None
    rows = [
        (
            "mended" if finding in mended else ("note" if finding.is_note else "wrong"),
            finding.kind,
            render.relative(str(finding.problem)),
        )
        for finding in report.findings
    ]
    table = render.Table([render.Column(name) for name in ("is", "what", "where")], rows)
    shown = [table] if rows or form is not Form.TABLE else []
    render.emit(render.View("fsck", _data(report, mended, ended, kept), shown), form)
    if form is Form.TABLE:
        _say(report, mended, ended, kept)
    return _FOUND if any(finding not in mended for finding in report.faults) else 0


def _data(
    report: Report, mended: AbstractSet[Finding], ended: Sequence[Path], kept: Path | None
) -> dict[str, Any]:
    findings = [
        {
            "kind": finding.kind,
            **finding.problem._asdict(),
            "path": str(finding.problem.path),
            "note": finding.is_note,
            "mended": finding in mended,
        }
        for finding in report.findings
    ]
    data: dict[str, Any] = {"runs": report.runs, "files": report.files, "findings": findings}
    data["ended"] = [str(path) for path in ended]
    return data if kept is None else {**data, "kept": str(kept)}


def _say(
    report: Report, mended: AbstractSet[Finding], ended: Sequence[Path], kept: Path | None
) -> None:
    for hint in dict.fromkeys(
        finding.problem.hint for finding in report.faults if finding not in mended
    ):
        if hint:
            render.say(render.relative(hint), kind="hint")
    for folder in ended:
        render.say(f"{render.relative(str(folder))}: ended as KILLED", kind="done")
    left = sum(finding not in mended for finding in report.faults)
    words = f"{report.runs} runs, {report.files} files: "
    words += f"{left} wrong" if left else "nothing wrong"
    render.say(words + (f", {len(mended)} mended" if mended else ""), kind="done")
    if kept is not None:
        render.say(f"what was taken away, and files as they were: {render.relative(str(kept))}")
