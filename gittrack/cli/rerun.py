"""`gittrack rerun`: bring a run back, and hold the result against it."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Annotated

import typer

from gittrack.cli import options, render
from gittrack.cli.differences import diff_view
from gittrack.cli.projects import Params, ended, parameters_of, reporter, say_start
from gittrack.compare import compare
from gittrack.projects import rerunning, running, verifying


def rerun(
    run: Annotated[str, typer.Argument(help="The run: id, name, @ ...", show_default=False)],
    param_list: Params = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Exit with 1 where a metric differs.")
    ] = False,
    tolerance: Annotated[
        list[str] | None,
        typer.Option(
            "--tolerance", metavar="[METRIC=]REL", help="What --verify lets pass, such as 0.01."
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Run what there is where not all can be brought back.")
    ] = False,
    json: options.Json = False,
    csv: options.Csv = False,
    md: options.Md = False,
) -> None:
    """Run a recorded run once more, and show what differs then."""
    form = options.form(json=json, csv=csv, md=md)
    tolerances = verifying.parse_tolerances(tolerance or [])
    store = options.open_store()
    recorded = rerunning.read(options.find_run(run), store)
    with rerunning.ordered(recorded, parameters_of(param_list), force=force) as order:
        for problem in (*recorded.problems, *recorded.notes):
            render.say(problem, kind="warning")
        done = running.submit(replace(order, store=store), to=reporter(), started=say_start)
    code = ended(done)
    again = store.find(done.run_id)
    difference = compare(recorded.run, again, store)
    render.emit(diff_view(difference, now=time.time_ns() // 1_000_000), form)
    if verify:
        found = verifying.verify(recorded.run, again, tolerances)
        for deviation in found:
            render.say(str(deviation), kind="error")
        render.say(f"{len(recorded.run.record.metrics) - len(found)} metrics are the same")
        raise typer.Exit(int(bool(found)))
    raise typer.Exit(code)
