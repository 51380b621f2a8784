"""`gittrack check`: gates for a run, for people and for continuous integration."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from xml.etree import ElementTree as ET

import typer

from gittrack import files, gates
from gittrack.cli import cells, complete, options, render
from gittrack.cli.cells import Cell, Style
from gittrack.cli.render import Table, Value, View
from gittrack.gates import Checked, Gate

_STYLES: dict[str, Style] = {"passed": "good", "failed": "bad", "unmeasured": "bad"}
_SIGNS = {"min": "≥", "max": "≤", "regress": "no worse than"}

Pairs = list[str] | None


def _pair(name: str, what: str) -> object:
    return typer.Option(name, metavar="METRIC=VALUE", help=what, show_default=False)


def check(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN", help="Id, name, @, REV:RUN ...", autocompletion=complete.runs
        ),
    ] = "@",
    low: Annotated[Pairs, _pair("--min", "Its least value; can be repeated.")] = None,
    high: Annotated[Pairs, _pair("--max", "Its greatest value; can be repeated.")] = None,
    against: Annotated[
        str, typer.Option("--against", metavar="REV", help="Compare with where this branched off.")
    ] = "",
    regress: Annotated[
        Pairs, _pair("--max-regress", "How much worse it may be: 1%, 0.005, or 1%,0.005.")
    ] = None,
    baseline: Annotated[
        str, typer.Option("--baseline", metavar="best|latest", help="Of the runs there. [best]")
    ] = "",
    junit: Annotated[
        Path | None, typer.Option("--junit", metavar="FILE", help="Write a JUnit report too.")
    ] = None,
    json: options.Json = False,
    csv: options.Csv = False,
    md: options.Md = False,
) -> None:
    """Check that a run is good enough: exit 0 if so, 1 if not, 4 if that cannot be measured."""
    form = options.form(json=json, csv=csv, md=md)
    store = options.open_store()
    rules = gates.read_rules(
        store,
        low=low or [],
        high=high or [],
        regress=regress or [],
        against=against,
        baseline=baseline,
    )
    found = gates.check(store, options.find_run(run), rules)
    render.emit(_view(found), form)
    if junit is not None:
        files.write_atomic(junit.absolute(), junit_report(found))
    if found.exit_code:
        raise typer.Exit(found.exit_code)


def _view(found: Checked) -> View:
    rows = [_row(gate) for gate in found.gates]
    about = f"{cells.cut(found.run.record.name)} ({found.run.run_id}): {found.outcome}"
    if found.base:
        about += f", compared with {found.against} where it branched off ({found.base[:10]})"
    table = Table(["gate", "value", "asked", "baseline", "result"], rows)
    return View("check", found.to_dict(), [table], heading=[about])


def _row(gate: Gate) -> list[Value]:
    asked = "" if gate.limit is None else f"{_SIGNS[gate.kind]} {cells.number(gate.limit)}"
    base = "" if gate.baseline is None else f"{cells.number(gate.baseline)} ({gate.baseline_run})"
    result = f"{gate.outcome}: {gate.why}" if gate.why else gate.outcome
    return [gate.metric, gate.value, asked, base, Cell(result, style=_STYLES[gate.outcome])]


def junit_report(found: Checked) -> bytes:
    """Return the gates as JUnit's XML; what could not be measured is an error there."""
    count = {one: sum(gate.outcome == one for gate in found.gates) for one in _STYLES}
    suite = ET.Element(
        "testsuite",
        name=cells.plain(f"gittrack check {found.run.record.name}"),
        tests=str(len(found.gates)),
        failures=str(count["failed"]),
        errors=str(count["unmeasured"]),
    )
    for gate in found.gates:
        name = cells.plain(f"{gate.kind} {gate.metric}")
        case = ET.SubElement(suite, "testcase", classname="gittrack.check", name=name, time="0")
        if gate.outcome != "passed":
            words = cells.plain(gate.why or f"{gate.value} is not {_row(gate)[2]}")
            ET.SubElement(case, "failure" if gate.outcome == "failed" else "error", message=words)
    return bytes(ET.tostring(suite, encoding="utf-8", xml_declaration=True)) + b"\n"
